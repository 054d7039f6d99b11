"""The console's pages of knowledge without real parts: what figures mean, hostile text, parts that are down or odd."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from console_kit import NOBODY, START, FakeClock, console, opened, signed_in
from serving import serving
from waiting import DEADLINE, until
from watchstack.console import Console, create_app
from watchstack.console.knowledge.common import (
    Answers,
    Wrong,
    bytes_words,
    coded,
    number_words,
    percent_words,
    period,
    seconds_words,
)
from watchstack.console.knowledge.exports import table
from watchstack.console.knowledge.rules import matches, merged
from watchstack.console.knowledge.targets import advice
from watchstack.console.knowledge.written import THRESHOLDS, LiveSources, Sources, Written, read
from watchstack.console.peers.ask import MOST_AT_ONCE

PAGES = ("/rules", "/rules/a/b", "/targets", "/services", "/resources", "/insights", "/exports", "/report", "/logs",
         "/logs/context?at=1&job=a")  # fmt: skip
NASTY = '<img src=x onerror=alert(1)>"{{ 7*7 }}'


@contextmanager
def standing_in(answer: bytes | None, asked: list[str] | None = None) -> Iterator[str]:
    """A part that gives this to every question; None for one that takes the question and never answers.

    asked: takes the path of every question.
    """
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            if answer is None:
                over.wait(DEADLINE)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:  # the console gave up waiting
            return

    server = Server(("127.0.0.1", 0), Handler)
    with serving(server):
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()


def test_every_page_comes_when_nothing_answers_and_says_so(tmp_path: Path) -> None:
    peers = {"prometheus": NOBODY, "alertmanager": NOBODY, "loki": NOBODY}
    with opened(tmp_path, **peers) as client:
        for path in PAGES:
            answer = client.get(path)
            assert answer.status_code == 200, path
            if path != "/exports":
                assert "is not reached at http://127.0.0.1:1: Connection refused" in answer.get_data(as_text=True), path
        insights = client.get("/api/insights").get_json()
        assert insights["health_score"] is None  # nothing is known, so nothing is made up
        assert insights["confidence"] == 0
        everything = client.get("/api/export").get_json()
        assert everything["alerts"] is None
        assert len(everything["missing"]) == 4  # Prometheus, Alertmanager, Loki, rules.json
        assert client.get("/api/logs").status_code == 503


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"[]",
        b'{"data": 7}',
        b'{"data": {"groups": [7], "activeTargets": [7], "result": 7, "resultType": 7}}',
    ],
)
def test_odd_answers_are_told_never_a_fault(tmp_path: Path, answer: bytes) -> None:
    with standing_in(answer) as odd, opened(tmp_path, prometheus=odd, alertmanager=odd, loki=odd) as client:
        for path in PAGES:
            assert client.get(path).status_code == 200, path
            if path not in ("/exports", "/logs/context?at=1&job=a"):
                text = client.get(path).get_data(as_text=True)
                assert 'class="missing"' in text or 'class="problem"' in text, path


def test_a_part_that_hangs_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from watchstack.console.knowledge import common as knowledge

    monkeypatch.setattr(knowledge, "SHORT", 0.2)
    monkeypatch.setattr(knowledge.Away.__init__, "__defaults__", (0.2,))
    asked: list[str] = []
    with standing_in(None, asked) as slow, opened(tmp_path, prometheus=slow) as client:
        text = client.get("/resources").get_data(as_text=True)  # of twenty questions
        until(lambda: asked)
        assert len(asked) <= MOST_AT_ONCE + 1
        assert "Missing here:" in text
        assert "timed out" in text


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, (START - 86400, START, "24h")),
        ({"period": "7d"}, (START - 7 * 86400, START, "7d")),
        ({"from": "2026-09-21T13:00:00Z"}, (START - 4400, START, "")),
        ({"from": "1789990000", "to": "1789995000"}, (1789990000, 1789995000, "")),
        ({"to": "2026-09-22T00:00:00Z"}, (START - 86400, START, "")),
    ],
)
def test_periods(asked: dict[str, str], wanted: tuple[float, float, str]) -> None:
    found = period(asked, START)
    assert (found.start, found.end, found.key) == wanted


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"period": "2h"}, "one of 1h"),
        ({"from": "soon"}, "no time like"),
        ({"from": str(START + 5)}, "before now"),
        ({"from": "1000000000"}, "92 days"),
    ],
)
def test_a_period_that_cannot_be_says_why(asked: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(Wrong, match=words):
        period(asked, START)
    with opened(tmp_path) as client:
        for path in ("/report", "/insights"):
            answer = client.get(path, query_string=asked)
            assert answer.status_code == 400
            assert words in html.unescape(answer.get_data(as_text=True))


def test_words_of_figures() -> None:
    assert [percent_words(value) for value in (None, 0, 100, 99.95, 4.56, 0.024, 96.5)] == [
        "–", "0 %", "100 %", "99.95 %", "4.6 %", "0.024 %", "96.5 %"]  # fmt: skip
    assert [seconds_words(value) for value in (None, 0.0004, 0.035, 1.24, 300)] == [
        "–", "0.4 ms", "35 ms", "1.2 s", "5 min"]  # fmt: skip
    assert [bytes_words(value) for value in (512, 3_500_000, 2.5e12)] == ["512 B", "3.3 MiB", "2.3 TiB"]
    assert [number_words(value) for value in (950, 12_300, 4_100_000, 6.82)] == ["950", "12.3 k", "4.1 M", "6.82"]
    assert coded("set `a<b` now") == "set <code>a&lt;b</code> now"


# Rules


def group(*rules: dict[str, Any], name: str = "host", file: str = "/etc/prometheus/rules/host.yml") -> Answers:
    return Answers({"Prometheus": {"data": {"groups": [{"name": name, "file": file, "interval": 15, "rules": rules}]}}})


def recorded(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "recording", "name": name, "query": "up", "health": "ok", **more}


def written(name: str, line: int = 1, **more: Any) -> Written:
    return Written("Prometheus", "host.yml", "host", "record", name, f"rules/host.yml:{line}", **more)


def test_rules_of_one_name_are_told_apart_by_their_place() -> None:
    answers = group(recorded("a", labels={"q": "1"}), recorded("b"), recorded("a", labels={"q": "2"}))
    found = merged(answers, Sources((written("a", 3), written("a", 9), written("b", 20)))).rules
    assert [(rule.name, rule.labels.get("q"), rule.written and rule.written.source) for rule in found] == [
        ("a", "1", "rules/host.yml:3"),
        ("b", None, "rules/host.yml:20"),
        ("a", "2", "rules/host.yml:9"),
    ]


def test_what_is_not_loaded_and_what_nobody_wrote() -> None:
    sources = Sources((written("kept"), written("gone", 5), written("off", 7, disabled=True)))
    found = merged(group(recorded("kept"), recorded("other")), sources).rules
    assert [(rule.name, rule.state) for rule in found] == [
        ("kept", "recording"), ("other", "recording"), ("gone", "unloaded"), ("off", "disabled")]  # fmt: skip
    assert [rule.name for rule in found if matches(rule, state="unwritten")] == ["other"]
    generated = merged(group(recorded("x"), file="/etc/prometheus/rules/stack-slo.yml"), Sources()).rules
    assert not matches(generated[0], state="unwritten")
    silent = merged(Answers(troubles=["Prometheus is not reached"]), sources)
    assert [rule.name for rule in silent.rules] == ["off"]  # nothing is said of what was not asked


def test_rules_json_is_read_again_and_its_absence_is_tolerated(tmp_path: Path) -> None:
    live = LiveSources(tmp_path)
    assert "rules.json is missing: ./stack render writes it" in live.current().trouble
    file = tmp_path / "rules.json"
    rule = {"file": "loki/rules/fake/a.yml", "group": "g", "kind": "alert", "name": "A", "source": "rules/a.yml:3"}
    file.write_text(json.dumps({"rules": [rule], "services": ["shop"], "thresholds": {"cpu_warning": 70}}))
    found = live.current()
    assert (found.rules[0].part, found.rules[0].file, found.services) == ("Loki", "a.yml", ("shop",))
    assert found.thresholds == {**THRESHOLDS, "cpu_warning": 70}
    assert live.current() is found
    file.write_text('{"rules": 7}')
    assert "rules.json cannot be used" in live.current().trouble
    for bad in ("[]", "{", '{"rules": [{}]}', '{"rules": [{"file": "elsewhere/a.yml"}]}'):
        file.write_text(bad)
        assert "cannot be used" in read(file).trouble


def test_hostile_text_of_rules_stays_text(tmp_path: Path) -> None:
    rule = {"type": "alerting", "name": NASTY, "query": NASTY, "state": "firing", "health": "err", "lastError": NASTY,
            "labels": {NASTY: NASTY, "severity": NASTY}, "annotations": {"summary": NASTY},
            "alerts": [{"state": "firing", "value": NASTY, "activeAt": NASTY, "labels": {NASTY: NASTY}}]}  # fmt: skip
    content = json.dumps({"data": {"groups": [{"name": NASTY, "file": NASTY, "rules": [rule]}]}}).encode()
    with standing_in(content) as peer, opened(tmp_path, prometheus=peer) as client:
        listing = client.get("/rules").get_data(as_text=True)
        [address] = {part.split('"')[0] for part in listing.split('href="/rules/')[1:]}
        page = client.get("/rules/" + html.unescape(address)).get_data(as_text=True)
        for text in (listing, page):
            assert "<img src=x" not in text
            assert html.escape(NASTY, quote=False).replace('"', "&#34;") in text


def test_an_error_of_a_target_has_an_advice() -> None:
    assert advice("") == ("", "")
    assert "bearer_token_file" in advice("server returned HTTP status 401 Unauthorized")[1]
    assert "not trusted" in advice('Get "https://a": tls: failed to verify certificate: x509: unknown authority')[0]
    assert advice("something else entirely")[0] == "The scrape failed."


def test_a_text_that_a_spreadsheet_would_run_is_defused() -> None:
    from watchstack.console.alerts.episodes import Episode

    one = Episode(1, "f", "=HYPERLINK(1)", "critical", "@sum", "-1", 'a,"b"', START, None)
    lines = table([one], START + 60).splitlines()
    assert lines[1].endswith("""60,'=HYPERLINK(1),critical,'@sum,'-1,"a,""b\"\"\",firing""")


def test_everything_is_for_admins_and_noted(tmp_path: Path) -> None:
    own: Console = console(tmp_path, FakeClock())
    viewer = signed_in(create_app(own).test_client(), "viewer")
    for path in ("/api/export", "/api/export/alerts.csv"):
        assert viewer.get(path).status_code == 403
    assert "are for admins" in viewer.get("/exports").get_data(as_text=True)
    assert viewer.get("/report").status_code == 200
    admin = signed_in(create_app(own).test_client())
    assert admin.get("/api/export?period=1h").status_code == 200
    [note] = own.audit.newest(limit=5, action="export")
    assert (note.user, note.target) == ("admin", "everything")
    assert admin.get("/api/export?period=2h").status_code == 400
    own.store.close()
