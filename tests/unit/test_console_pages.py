"""The console's pages, health answers and headers, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_kit import TOKEN, FakeClock, alert, body, console, signed_in
from flask.testing import FlaskClient
from watchstack.console import Console, create_app
from watchstack.console.app import HEADERS
from watchstack.console.pages import matchers, web_link


@pytest.fixture
def own(tmp_path: Path, clock: FakeClock) -> Iterator[Console]:
    made = console(tmp_path, clock, prometheus="http://127.0.0.1:1", loki="")
    (tmp_path / "runbooks" / "part-down.md").write_text(
        "# Part down\n\nSee [memory](high-memory.md#now), [x](javascript:alert(1)), <b>bold</b>\n"
        "\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    (tmp_path / "runbooks" / "README.md").write_text("no runbook")
    (tmp_path / "secret.md").write_text("secret")
    yield made
    made.store.close()


def post(client: FlaskClient, *alerts: object) -> None:
    answer = client.post("/api/v1/inbox", json=body(*alerts), headers={"Authorization": f"Bearer {TOKEN}"})  # type: ignore[arg-type]
    assert answer.status_code == 200


def text(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def test_the_empty_inbox_says_what_to_do_next(client: FlaskClient) -> None:
    page = text(client, "/inbox")
    assert "No message has come yet" in page
    assert "stack.yml" in page
    assert "the watchdog has yet to be heard" in page


def test_nothing_fires_is_only_said_while_alerting_is_heard(own: Console, client: FlaskClient) -> None:
    own.watchdog.heartbeat()
    page = text(client, "/inbox")
    assert "Nothing fires." in page
    assert "yet to be heard" not in page


def test_what_fires_stands_first_and_worst_first(client: FlaskClient, clock: FakeClock) -> None:
    post(
        client,
        alert("Small", fingerprint="1", severity="info"),
        alert("Worst", fingerprint="2", severity="critical", service="shop", instance="a:1", team="web"),
        alert("Middle", fingerprint="3", severity="error"),
        alert("Own", fingerprint="4", severity="odd"),
    )
    clock.advance(3 * 3600)
    post(client, alert("Small", "resolved", fingerprint="1", severity="info"))
    page = text(client, "/inbox")
    firing, _, history = page.partition("<h1>History</h1>")
    assert re.findall(r"<h2><a [^>]*>(\w+)</a>", firing) == ["Worst", "Middle", "Own"]
    assert re.findall(r'class="name" [^>]*>(\w+)<', history) == ["Small", "Own", "Middle", "Worst", "Small"]
    assert 'class="card critical"' in firing
    assert 'class="card other"' in firing
    assert ">3 h</time>" in firing
    for fact in ("value 91 %, threshold 80 %", "shop", "a:1", "web"):
        assert fact in firing
    assert "<title>(3) Inbox · Watchstack</title>" in page


def test_links_lead_to_runbook_source_and_a_silence_of_exactly_this_instance(own: Console, client: FlaskClient) -> None:
    one = alert("Quoted", service='a"b\\c\nd')
    one["annotations"]["runbook_url"] = "http://console.test/runbooks/part-down"
    post(client, one)
    page = text(client, "/inbox")
    assert 'href="http://console.test/runbooks/part-down"' in page
    assert 'href="http://prometheus.test/graph?g0.expr=up"' in page
    assert "http://alertmanager.test/#/silences/new?filter=%7Balertname%3D%22Quoted%22%2Cservice%3D%22a%5C%22b" in page
    entry = own.inbox.get(1)
    assert entry is not None
    assert matchers(entry) == r'{alertname="Quoted",service="a\"b\\c\nd",severity="warning"}'


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "javascript://host/%0aalert(1)",
        "data:text/html,x",
        "//host/x",
        "/x",
        "http:///x",
        "https://a b",
        "http://[",
        "\nhttp://x",
        "ftp://x",
        "",
    ],
)
def test_what_is_no_web_address_becomes_no_link(address: str) -> None:
    assert web_link(address) == ""


def test_an_entry_has_a_page_with_all_that_was_said(client: FlaskClient) -> None:
    post(client, alert(zone="eu-1"))
    post(client, alert(status="resolved", zone="eu-1"))
    page = text(client, "/entries/2")
    for part in ("eu-1", "21 Sep 2026, 14:13:20 UTC", "after 5 min", "this message", 'href="/entries/1"'):
        assert part in page
    for absent in ("/entries/99", "/entries/99999999999999999999", "/entries/x", "/entries/-1"):
        text(client, absent, 404)


def test_history_goes_on_over_several_pages(client: FlaskClient) -> None:
    for number in range(60):
        post(client, alert(fingerprint=f"{number:x}"))
    first = text(client, "/inbox?status=firing")
    assert first.count('class="name"') == 50
    older = re.search(r'href="(\?status=firing&amp;before=\d+)">Older messages', first)
    assert older is not None
    second = text(client, "/inbox" + older[1].replace("&amp;", "&"))
    assert second.count('class="name"') == 10
    assert "Older messages" not in second
    assert "No message matches." in text(client, "/inbox?alertname=Nobody")
    text(client, "/inbox?status=odd", 404)


def test_runbooks_are_rendered_without_html_of_their_own(client: FlaskClient) -> None:
    page = text(client, "/runbooks/part-down")
    assert "<h1>Part down</h1>" in page
    assert 'href="/runbooks/high-memory#now"' in page
    assert "<td>1</td>" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert 'href="javascript' not in page
    listing = text(client, "/runbooks/")
    assert 'href="/runbooks/part-down"' in listing
    assert "README" not in listing
    assert client.get("/runbooks/part-down.md").headers["Location"] == "/runbooks/part-down"


@pytest.mark.parametrize(
    "name", ["none", "..%2Fsecret", "%2e%2e%2fsecret", ".", "..", "a%00b", "x" * 300, "part-down%0A"]
)
def test_no_other_file_is_a_runbook(client: FlaskClient, name: str) -> None:
    assert client.get(f"/runbooks/{name}").status_code in (308, 404)
    assert "secret" not in client.get(f"/runbooks/{name}", follow_redirects=True).get_data(as_text=True).replace(
        name, ""
    )


def test_without_runbooks_the_page_says_how_to_get_some(tmp_path: Path) -> None:
    own = console(tmp_path)
    own.runbooks._folder = None
    assert "No runbook here" in text(signed_in(create_app(own).test_client()), "/runbooks/")
    own.store.close()


PAGES = ("/", "/inbox", "/alerts", "/alerts/history", "/alerts/statistics", "/entries/1")


def test_every_answer_carries_the_strict_headers(client: FlaskClient) -> None:
    for path in (*PAGES, "/runbooks/", "/api/v1/inbox", "/metrics", "/health/live", "/static/style.css"):
        with client.get(path) as answer:
            for name, value in HEADERS.items():
                assert answer.headers[name] == value, (path, name)
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert client.get("/inbox").headers["Cache-Control"] == "no-store"


def test_pages_ask_for_nothing_from_elsewhere_and_hold_nothing_inline(client: FlaskClient) -> None:
    post(client, alert())
    for path in (*PAGES, "/runbooks/part-down", "/nothing"):
        page = client.get(path).get_data(as_text=True)
        assert all(source.startswith("/") for source in re.findall(r'(?:src|<link[^>]* href)="([^"]+)"', page))
        assert " style=" not in page
        assert "<style" not in page
        assert not re.search(r"<script(?! src=)", page)
        assert not re.search(r" on\w+=", page)


def test_the_strip_tells_of_watchdog_and_peers(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    assert "waiting for the first heartbeat" in text(client, "/inbox")
    own.watchdog.heartbeat()
    own.peers.ask()
    clock.advance(12)
    page = text(client, "/inbox")
    assert "heard 12 s ago" in page
    assert (
        'class="light bad" data-key="Prometheus"><span class="dot" aria-hidden="true"></span><b>Prometheus</b>' in page
    )
    assert "not reached: Connection refused" in page
    assert "Loki" not in page
    assert 'console_peer_up{peer="prometheus"} 0.0' in text(client, "/metrics")


def test_a_silent_watchdog_is_unhealthy_but_ready(own: Console, client: FlaskClient, clock: FakeClock) -> None:
    assert client.get("/health").json["status"] == "healthy"  # type: ignore[index]
    clock.advance(91)
    own.watchdog.tick()
    health = client.get("/health")
    assert health.status_code == 503
    assert health.json is not None
    assert health.json["reasons"][0].startswith("alerting is silent: no watchdog heartbeat has ever come")
    assert client.get("/health/ready").status_code == 200
    assert client.get("/health/live").status_code == 200
    page = text(client, "/inbox")
    assert "alerting is silent: " in page
    assert "AlertingSilent" in page
    assert "watchdog_alarm 1.0" in text(client, "/metrics")
