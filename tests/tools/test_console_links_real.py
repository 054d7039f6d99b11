"""The console's silence form with the real Alertmanager, and its log page with the real Loki."""

from __future__ import annotations

import html
import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from console_kit import console, signed_in
from console_parts import post_json, run_alertmanager, run_loki, stream
from flask.testing import FlaskClient
from watchstack.console import create_app
from watchstack.console.clock import SystemClock, iso

pytestmark = pytest.mark.tools

Find = Callable[..., Path]
FORM = {
    "name": ["alertname", "service"],
    "operator": ["=", "=~"],
    "value": ["HighErrorRate", "shop|till"],
    "duration": "1800",
    "who": "Ada",
    "why": "<b>deploying</b>",
}


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


@contextmanager
def client(folder: Path, **peers: str) -> Iterator[FlaskClient]:
    made = console(folder, SystemClock(), **peers)  # type: ignore[arg-type]
    yield signed_in(create_app(made).test_client())
    made.store.close()


@pytest.fixture
def alertmanager(program: Find, tmp_path: Path) -> Iterator[str]:
    with run_alertmanager(program, tmp_path / "alertmanager") as address:
        yield address


def test_a_silence_is_made_shown_and_ended(alertmanager: str, tmp_path: Path) -> None:
    post_json(f"{alertmanager}/api/v2/alerts", [{"labels": {"alertname": "HighErrorRate", "service": "shop"}}])
    with client(tmp_path, alertmanager=alertmanager) as browser:
        made = browser.post("/silences", data=FORM)
        assert made.status_code == 303, made.get_data(as_text=True)
        page = browser.get(made.headers["Location"]).get_data(as_text=True)
        assert "Silence by Ada" in page
        assert "&lt;b&gt;deploying&lt;/b&gt;" in page
        assert 'service=~"shop|till"' in page
        assert "in 29 min" in page
        [alert] = get(f"{alertmanager}/api/v2/alerts")
        assert alert["status"]["state"] == "suppressed"
        assert "Ada" in browser.get("/silences").get_data(as_text=True)
        [end] = re.findall(r'action="(/silences/[^"]+/end)"', page)
        ended = browser.post(end)
        assert ended.status_code == 303
        page = browser.get(ended.headers["Location"]).get_data(as_text=True)
        assert "expired" in page
        assert "/end" not in page
        [alert] = get(f"{alertmanager}/api/v2/alerts")
        assert alert["status"]["state"] == "active"
        assert "Nothing is silenced." in browser.get("/silences").get_data(as_text=True)


def test_alertmanagers_refusal_is_shown_in_its_words(alertmanager: str, tmp_path: Path) -> None:
    with client(tmp_path, alertmanager=alertmanager) as browser:
        answer = browser.post("/silences", data={**FORM, "value": ["HighErrorRate", "shop(("]})
        assert answer.status_code == 400
        text = html.unescape(answer.get_data(as_text=True))
        assert "Alertmanager answered 400" in text
        assert "error parsing regexp" in text or "regex" in text
        assert 'value="shop(("' in text
        everything = {**FORM, "name": ["service"], "operator": ["=~"], "value": [".*"]}
        answer = browser.post("/silences", data=everything)
        assert answer.status_code == 400
        assert "at least one matcher" in answer.get_data(as_text=True)
        for absent in ("/silences/00000000-0000-0000-0000-000000000000", "/silences/0f"):
            assert browser.get(absent).status_code == 404
            assert browser.post(absent + "/end").status_code in (404, 503)


@pytest.fixture
def loki(program: Find, tmp_path: Path) -> Iterator[str]:
    with run_loki(program, tmp_path / "loki") as address:
        yield address


def test_the_log_page_shows_the_lines_of_a_service(loki: str, tmp_path: Path) -> None:
    shop = stream({"job": "watchstack", "compose_service": "shop", "level": "error"}, 'GET "/x" <script>', "second")
    other = stream({"job": "watchstack", "compose_service": "other"}, *[f"line {n}" for n in range(600)])
    own = stream({"job": "watchstack", "part": "prometheus", "compose_service": "prometheus"}, "scraping")
    post_json(f"{loki}/loki/api/v1/push", {"streams": [shop, other, own]})
    with client(tmp_path, loki=loki) as browser:
        text = browser.get("/logs", query_string={"service": "shop"}).get_data(as_text=True)
        assert "2 lines, newest first" in text
        assert text.index(">second<") < text.index("GET &#34;/x&#34; &lt;script&gt;")
        assert '<li class="error">' in text
        found = browser.get("/logs", query_string={"service": "shop", "q": 'GET "'}).get_data(as_text=True)
        assert ">1 line.<" in found
        assert ">second<" not in found
        many = browser.get("/logs", query_string={"service": "other"}).get_data(as_text=True)
        assert "The newest 500 lines" in many
        assert many.count('<span class="text">') == 500
        assert ">line 599<" in many
        assert ">line 99<" not in many
        part = {"service": "watchstack", "job": "prometheus"}  # as an alert of our own part says it
        assert ">scraping<" in browser.get("/logs", query_string=part).get_data(as_text=True)
        assert ">1 line.<" in browser.get("/logs", query_string=part).get_data(as_text=True)
        probe = {"service": "shop", "job": "probe"}
        assert "2 lines," in browser.get("/logs", query_string=probe).get_data(as_text=True)
        early = {"service": "shop", "end": iso(time.time() - 600)}
        assert "No line from" in browser.get("/logs", query_string=early).get_data(as_text=True)
