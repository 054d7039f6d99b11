"""Every page and answer of the console with something in it: addresses of all routes, data to show, a look at HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

from console_kit import TOKEN, FakeClock, body, settings
from flask import Flask
from flask.testing import FlaskClient
from hostile import EVIL, ID, LINK, annotations, labels, whole_stack
from standin import Answer, StandIn, standing_in
from watchstack.console import Console, create_app
from watchstack.console.context import build
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

PARTS = ("prometheus", "alertmanager", "loki")
# Values of a rule's arguments: one that exists where there can be one, and words that do not.
VALUES: dict[str, list[str]] = {
    "number": ["1", ID],
    "uid": ["hostile", "overview"],
    "panel": ["1", "hostile"],
    "group": [EVIL, "host"],
    "key": ["requests", EVIL],
    "where": ["plain/plain", EVIL],
    "name": ["hostile", EVIL],
    "filename": ["style.css", "refresh.js", "icon.svg"],
}
# Elements that no data may bring, and attributes that run something
FORBIDDEN_TAGS = {"img", "iframe", "object", "embed", "base", "applet", "frame", "math", "marquee", "video", "audio"}
OWN_IMAGE = re.compile(r"/static/[\w./-]+")
LINKS = ("href", "src", "action", "formaction", "data", "poster", "srcset", "xlink:href", "data-chart", "data-href")


def addresses(app: Flask, values: dict[str, list[str]] | None = None) -> Iterator[tuple[str, Rule]]:
    """The path of every route that answers GET, with each value of its arguments."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        if "GET" not in (rule.methods or ()):
            continue
        paths = [rule.rule]
        for argument in sorted(rule.arguments):
            found = (values or VALUES).get(argument, ["hostile"])
            pattern = re.compile(rf"<(?:\w+(?:\([^)]*\))?:)?{argument}>")
            paths = [
                pattern.sub(lambda _, value=value: quote(value, safe=""), path)  # type: ignore[misc]
                for path in paths
                for value in found
                if not ("<int:" in rule.rule and not value.isdigit())
            ]
        yield from ((path, rule) for path in paths)


def asked(client: FlaskClient, path: str, **more: Any) -> TestResponse:
    """The answer to a GET, read whole: a file that it came from is closed again."""
    answer = client.get(path, **more)
    answer.get_data()
    answer.close()
    return answer


def dashboard(words: str, link: str) -> dict[str, Any]:
    """A dashboard as a person may have saved it, with hostile words wherever words can be."""
    source = {"type": "prometheus", "uid": "prometheus"}
    target = {"refId": "A", "expr": "up", "legendFormat": words, "datasource": source}
    links = [{"title": words, "url": link, "targetBlank": True, "type": "link"}]
    kinds = ("stat", "timeseries", "gauge", "bargauge", "table", "text", "logs")
    panels = [
        {"id": number, "type": kind, "title": words, "description": words, "targets": [target], "datasource": source,
         "gridPos": {"x": 0, "y": 8 * number, "w": 12, "h": 8}, "links": links,
         "options": {"content": f"{words}\n\n[{words}]({link})", "mode": "html"},
         "fieldConfig": {"defaults": {"unit": words, "links": links, "displayName": words,
                                      "mappings": [{"type": "value", "options": {"1": {"text": words, "color": link}}}],
                                      "thresholds": {"mode": "absolute", "steps": [{"color": words, "value": None}]}},
                         "overrides": []}}
        for number, kind in enumerate(kinds, 1)
    ]  # fmt: skip
    variable = {"name": "service", "type": "query", "label": words, "query": "label_values(up, service)",
                "datasource": source, "includeAll": True, "multi": True}  # fmt: skip
    return {"uid": "hostile", "title": words, "description": words, "tags": [words], "links": links, "panels": panels,
            "templating": {"list": [variable]}, "time": {"from": "now-1h", "to": "now"}, "schemaVersion": 42,
            "annotations": {"list": [{"name": words, "expr": "up", "enable": True, "datasource": source}]}}  # fmt: skip


def lay(folder: Path, words: str, link: str) -> None:
    """Runbooks and dashboards that say `words` wherever a person may say something."""
    for name in ("runbooks", "dashboards"):
        (folder / name).mkdir(exist_ok=True)
    links = f"[a]({link}) [b](<{link}>) ![c]({link}) <a href={link}>d</a>"
    page = f"# {words}\n\n{words}\n\n{links}\n\n| {words} |\n|-|\n| {words} |\n"
    (folder / "runbooks" / "hostile.md").write_text(page)
    (folder / "dashboards" / "hostile.json").write_text(json.dumps(dashboard(words, link)))


def notification(words: str, link: str) -> dict[str, Any]:
    """What Alertmanager sends, about an alert that fires and one that is over."""
    told = {"status": "firing", "labels": labels(words), "annotations": annotations(words, link), "fingerprint": "00ff",
            "startsAt": "2026-09-21T14:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": link}  # fmt: skip
    ended = {**told, "status": "resolved", "fingerprint": "00fe", "endsAt": "2026-09-21T14:10:00Z"}
    return body(told, ended, receiver=words, groupKey=words, externalURL=link)


@contextmanager
def hostile_console(
    folder: Path, words: str = EVIL, link: str = LINK, answer: Answer | None = None
) -> Iterator[tuple[Console, StandIn]]:
    """A console full of hostile words, over parts that say nothing else. answer: what the parts say in place of it."""
    with standing_in(answer or whole_stack(words, link)) as parts:
        made = settings(folder, environment=words[:60], **dict.fromkeys(PARTS, parts.url))
        lay(folder, words, link)
        own = build(replace(made, dashboards=(folder / "dashboards",)), FakeClock())
        try:
            own.peers.ask()
            sent = {"json": notification(words, link), "headers": {"Authorization": f"Bearer {TOKEN}"}}
            answer = create_app(own).test_client().post("/api/v1/inbox", **sent)
            assert answer.status_code == 200, answer.get_data(as_text=True)
            own.audit.note(words, words, **{words: words})
            yield own, parts
        finally:
            own.store.close()


class Look(HTMLParser):
    """Everything in a page that data could have brought: in `faults`; `text`: what a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag in FORBIDDEN_TAGS and not (tag == "img" and OWN_IMAGE.fullmatch(told.get("src", ""))):
            self.faults.append(f"<{tag} {told}>")
        if tag == "script" and not re.fullmatch(r"/(static|assets)/[\w./-]+", told.get("src", "")):
            self.faults.append(f"a script of its own {told}")
        if tag == "style" or (tag == "meta" and "http-equiv" in told):
            self.faults.append(f"<{tag}>")
        for name, value in told.items():
            if name.startswith("on") or name in ("style", "srcdoc"):
                self.faults.append(f"{name} on <{tag}>")
            if name in LINKS and not good_link(value):
                self.faults.append(f"{name}={value!r} on <{tag}>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def good_link(value: str) -> bool:
    """A path of this console, a place on the page, or an http address."""
    plain = "".join(c for c in value if ord(c) > 32)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", plain)
    return scheme[1].lower() in ("http", "https", "mailto") if scheme else not plain.startswith(("//", "\\\\", "/\\"))
