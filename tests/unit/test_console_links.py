"""The pages that notifications link to, without the parts behind them: forms, refusals, a part that is down."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from console_kit import NOBODY, START, TOKEN, FakeClock, alert, anywhere, body, console, recording, settings, signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.alerts.silences import LARGEST_FORM, Matcher
from watchstack.console.context import build
from watchstack.console.logs.loki import plain
from watchstack.console.logs.pages import _search

FILLED: dict[str, Any] = {
    "name": ["alertname", "", "service"],
    "operator": ["=", "=", "=~"],
    "value": ["HighErrorRate", "", "shop|till"],
    "duration": "7200",
    "who": " Ada ",
    "why": "deploying\nnow",
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Console]:
    made = console(tmp_path, FakeClock(), alertmanager=NOBODY, loki=NOBODY)
    yield made
    made.store.close()


def page(client: FlaskClient, path: str, status: int = 200, **query: Any) -> str:
    answer = client.get(path, query_string=query)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def fields(text: str, name: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(rf'<input name="{name}" value="([^"]*)"', text)]


def test_the_form_begins_with_the_matchers_of_the_link(client: FlaskClient) -> None:
    text = page(
        client, "/silences/new", matcher=["alertname=HighErrorRate", "service!=shop", 'path=~/a="b".*', "!!", "=x", "a"]
    )
    assert fields(text, "name") == ["alertname", "service", "path", "", ""]
    assert fields(text, "value") == ["HighErrorRate", "shop", '/a="b".*', "", ""]
    assert re.findall(r"<option selected>([^<]*)<", text) == ["=", "!=", "=~", "=", "="]
    assert 'value="7200" required checked' in text


def test_a_link_with_very_many_matchers_makes_a_bounded_form(client: FlaskClient) -> None:
    assert len(fields(page(client, "/silences/new", matcher=[f"a{n}=b" for n in range(300)]), "name")) == 42


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a=b", Matcher("a", "=", "b")),
        ("a=", Matcher("a", "=", "")),
        ("a!=b", Matcher("a", "!=", "b")),
        ("a=~b|c", Matcher("a", "=~", "b|c")),
        ("a!~b=c", Matcher("a", "!~", "b=c")),
        ("a=b\nc", Matcher("a", "=", "b\nc")),
        ("", None),
        ("=b", None),
        ("a", None),
    ],
)
def test_a_matcher_of_a_link(text: str, wanted: Matcher | None) -> None:
    found = Matcher.parse(text)
    assert found == wanted
    if found is not None:
        assert Matcher.of(found.as_json()) == found


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"who": "  "}, "Say who you are."),
        ({"why": ""}, "Say why"),
        ({"who": "x" * 201}, "No more than 200 characters"),
        ({"duration": "5"}, "Choose for how long."),
        ({"duration": ""}, "Choose for how long."),
        ({"name": [], "operator": [], "value": []}, "at least one matcher"),
        ({"name": [""], "operator": ["="], "value": ["x"]}, "name of a label"),
        ({"operator": ["<"]}, "compares with one of"),
    ],
)
def test_what_is_missing_is_said_and_what_was_written_stays(
    client: FlaskClient, changed: dict[str, Any], words: str
) -> None:
    answer = client.post("/silences", data={**FILLED, **changed})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 400
    assert words in text
    if "why" not in changed:
        assert "deploying\nnow</textarea>" in text


def test_what_alertmanager_is_sent(own: Console) -> None:
    with recording() as recorder:
        recorder.status = 500
        object.__setattr__(own.config.current, "peers", {"alertmanager": recorder.url})
        answer = signed_in(create_app(own).test_client()).post("/silences", data=FILLED)
        assert recorder.requests[0][0] == "/api/v2/silences"
        sent = recorder.json()
    assert answer.status_code == 503
    assert "Alertmanager answered 500" in answer.get_data(as_text=True)
    assert sent == {
        "matchers": [
            {"name": "alertname", "value": "HighErrorRate", "isRegex": False, "isEqual": True},
            {"name": "service", "value": "shop|till", "isRegex": True, "isEqual": True},
        ],
        "startsAt": "2026-09-21T14:13:20.000Z",
        "endsAt": "2026-09-21T16:13:20.000Z",
        "createdBy": "Ada",
        "comment": "deploying\nnow",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9099"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Host": "evil.test", "Origin": "http://evil.test", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.parametrize("path", ["/silences", "/silences/0-1/end"])
def test_a_form_of_another_site_is_refused(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    answer = anywhere(client).post(path, data=FILLED, headers=headers)
    assert answer.status_code == 403
    assert "Nothing has been changed" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Host": "127.0.0.1:9099", "Origin": "http://127.0.0.1:9099"},
        {"Host": "[::1]:9099", "Origin": "http://[::1]:9099"},
        {"Host": "console.test", "Origin": "http://console.test"},  # the address of console.json
    ],
)
def test_a_form_of_our_own_passes(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = anywhere(client).post("/silences", data=FILLED, headers=headers)
    assert answer.status_code == 503
    assert f"Alertmanager is not reached at {NOBODY}: Connection refused" in answer.get_data(as_text=True)
    assert "deploying\nnow</textarea>" in answer.get_data(as_text=True)


def test_a_form_beyond_all_measure_is_refused(client: FlaskClient) -> None:
    answer = client.post("/silences", data={**FILLED, "why": "x" * LARGEST_FORM})
    assert answer.status_code == 413
    assert f"larger than {LARGEST_FORM} bytes" in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/silences", "/silences/0f-1"])
def test_without_alertmanager_the_page_says_so(client: FlaskClient, path: str) -> None:
    assert "Alertmanager is not reached" in page(client, path, 503)


def test_a_stack_without_the_part_says_so(tmp_path: Path) -> None:
    own = console(tmp_path)
    client = signed_in(create_app(own).test_client())
    assert "this stack has no Alertmanager" in page(client, "/silences", 503)
    assert "this stack has no Loki" in page(client, "/logs")
    own.store.close()


@pytest.mark.parametrize("number", ["x" * 3, "..", "0 1", "a/b", "0" * 65])
def test_what_is_no_silence_is_not_asked_for(client: FlaskClient, number: str) -> None:
    page(client, f"/silences/{number}", 404)
    assert client.post(f"/silences/{number}/end").status_code == 404


def test_what_alertmanager_tells_wrongly_ends_no_page(own: Console) -> None:
    with recording() as recorder:
        object.__setattr__(own.config.current, "peers", {"alertmanager": recorder.url})
        assert "unknown way" in page(signed_in(create_app(own).test_client()), "/silences/0f-1", 503)


def test_links_of_an_entry_lead_to_the_form_and_the_logs(client: FlaskClient) -> None:
    one = alert("Quoted", service='a"b&c', job="shop")
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/api/v1/inbox", json=body(one), headers=token).status_code == 200
    text = page(client, "/inbox")
    links = {words: html.unescape(to) for to, words in re.findall(r'<a href="([^"]*)" rel="noreferrer">(\w+)<', text)}
    silence = client.get(links["Silence"]).get_data(as_text=True)
    assert fields(silence, "name") == ["alertname", "job", "service", "severity", "", ""]
    assert fields(silence, "value") == ["Quoted", "shop", 'a"b&c', "warning", "", ""]
    asked = parse_qs(urlsplit(links["Logs"]).query)
    assert asked == {"service": ['a"b&c'], "job": ["shop"], "start": ["2026-09-21T14:03:20.000Z"]}


def test_an_alert_of_the_year_one_ends_no_page(client: FlaskClient) -> None:
    """Before its beginning there is no time for the link to the logs to name."""
    one = alert("Old", start=-62135596800.0, service="shop")
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/api/v1/inbox", json=body(one), headers=token).status_code == 200
    assert "start=1970-01-01T00:00:00.000Z" in html.unescape(page(client, "/inbox"))


def told(**given: str) -> dict[str, str]:
    return {**dict.fromkeys(("service", "job", "q", "start", "end"), ""), **given}


def test_the_query_is_quoted() -> None:
    search = _search(told(service='sh"op', job="a\\b", q='GET "/x" `'), START)
    assert search.query == (
        '{job=~".+"} |= "GET \\"/x\\" `"'
        ' | service="sh\\"op" or compose_service="sh\\"op" or part="sh\\"op" or service_name="sh\\"op" or job="sh\\"op"'
        ' | job="a\\\\b" or part="a\\\\b" or compose_service="a\\\\b"'
        ' or service="sh\\"op" or compose_service="sh\\"op"'
    )
    assert _search(told(), START).query == '{job=~".+"}'


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        ("", "", (START - 3600, START)),
        ("2026-09-21T14:00:00Z", "", (START - 800, START)),
        ("2026-09-21T14:00:00.123456789Z", "0001-01-01T00:00:00Z", (START - 799.876544, START)),
        ("2026-09-21T16:00:00 02:00", "2026-09-21T14:10:00+00:00", (START - 800, START - 200)),
        ("2026-09-21T16:00:00.5 02:00", "2026-09-21T16:10 02:00", (START - 799.5, START - 200)),
        ("2026-09-21 14:00", "2026-09-21 14:10:00", (START - 800, START - 200)),
        ("2026-09-21T14:00:00", "2026-09-22T00:00:00Z", (START - 800, START)),
        ("", "2026-09-21T14:10:00Z", (START - 3800, START - 200)),
    ],
)
def test_times_of_a_link(start: str, end: str, wanted: tuple[float, float]) -> None:
    search = _search(told(start=start, end=end), START)
    assert (search.start, search.end) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"start": "yesterday"}, "no time like"),
        ({"end": "2026-99-99T00:00:00Z"}, "no time like"),
        ({"end": "9999-12-31T23:59:59-12:00"}, "too far away"),
        ({"start": "2026-09-22T00:00:00Z"}, "before now"),
        ({"start": "2026-01-01T00:00:00Z"}, "30 days"),
        ({"q": "x" * 1001}, "1000 characters"),
    ],
)
def test_a_search_that_cannot_be_says_why(client: FlaskClient, query: dict[str, str], words: str) -> None:
    assert words in page(client, "/logs", 400, **query)


def test_lines_are_shown_without_the_colours_of_a_terminal() -> None:
    assert plain('"\x1b[35m\x1b[1mPOST /api HTTP/1.1\x1b[0m" 201') == '"POST /api HTTP/1.1" 201'
    assert plain("a [b] \\x1b[0m") == "a [b] \\x1b[0m"
    assert plain("x" * 4000) == "x" * 4000
    assert plain("x" * 10_000) == "x" * 4000 + "…"


def test_without_loki_the_page_says_so_and_keeps_the_search(client: FlaskClient) -> None:
    text = page(client, "/logs", service="<b>shop", q="x")
    assert f"Loki is not reached at {NOBODY}: Connection refused" in text
    assert 'value="&lt;b&gt;shop"' in text


@pytest.fixture
def with_grafana(tmp_path: Path) -> Iterator[FlaskClient]:
    own = build(replace(settings(tmp_path, loki=NOBODY), grafana="http://127.0.0.1:3000"), FakeClock())
    yield signed_in(create_app(own).test_client())
    own.store.close()


def test_logs_have_a_link_to_grafana_where_it_runs(with_grafana: FlaskClient) -> None:
    text = page(with_grafana, "/logs", service="shop", start="2026-09-21T14:00:00Z")
    [address] = re.findall(r'<a href="([^"]*)" rel="noreferrer">In Grafana<', text)
    to = urlsplit(html.unescape(address))
    assert (to.scheme, to.netloc, to.path) == ("http", "127.0.0.1:3000", "/explore")
    asked = parse_qs(to.query)
    assert asked["schemaVersion"] == ["1"]
    assert asked["panes"][0].startswith('{"logs": {"datasource": "loki"')
    assert '"range": {"from": "1789999200000", "to": "1790000000000"}' in asked["panes"][0]
    assert 'service=\\"shop\\"' in asked["panes"][0]


def test_forms_hold_nothing_inline(client: FlaskClient) -> None:
    for path in ("/silences/new?matcher=a%3D%3Cscript%3E", "/silences", "/logs"):
        text = client.get(path).get_data(as_text=True)
        assert "<script>" not in text
        assert " style=" not in text
        assert not re.search(r" on\w+=", text)
