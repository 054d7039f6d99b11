"""Secrets that can be recognised are put wherever the project takes one; then everything it makes is searched for them:
pages, answers, exports, the audit log, log lines, the database, descriptions, generated files, what the commands say.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
import yaml
from cli_kit import caller
from console_kit import PASSWORDS, TOKEN, body, recording
from hostile import whole_stack
from pages_kit import PARTS, addresses, hostile_console, lay, notification
from shop_kit import Shop, shops
from standin import standing_in
from support import copy_checkout
from waiting import DEADLINE
from watchstack import init
from watchstack.console import create_app
from watchstack.health.check import Result, Status
from watchstack.routes import OPENAPI_PATH
from wire_kit import Wire, wired

__all__ = ["shops"]  # the fixture
WEBHOOK, NOTIFY = "planted-webhook-token-5d1c", "planted-notify-url-77e0"
GUESS = "planted-wrong-password-31aa"
PLANTED = (*PASSWORDS.values(), TOKEN, WEBHOOK, NOTIFY, GUESS)


def found_in(content: bytes, words: tuple[str, ...] = PLANTED) -> list[str]:
    """Which of the secrets stand in it: as they are, in base64, or escaped for an address."""
    forms = {
        word: (word, base64.b64encode(word.encode()).decode().rstrip("="), urllib.parse.quote(word)) for word in words
    }
    return [word for word, written in forms.items() if any(form.encode() in content for form in written)]


def test_a_secret_is_found_in_every_form() -> None:
    for written in (b"x" + WEBHOOK.encode() + b"y", base64.b64encode(WEBHOOK.encode())):
        assert found_in(written) == [WEBHOOK]
    assert found_in(b"harmless") == []


# The console


def fetch(url: str, headers: dict[str, str] | None = None, sent: bytes | None = None) -> bytes:
    """Status, headers and body of an answer, whatever it is."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, sent, headers or {}), timeout=DEADLINE) as answer:
            return f"{answer.status}\n{answer.headers}".encode() + bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code}\n{error.headers}".encode() + error.read()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wire, dict[str, bytes]]]:
    """A console with secrets for everything, and all that it said after all was asked."""
    folder = tmp_path_factory.mktemp("secrets")
    lay(folder, "plain", "http://plain.test/")
    (folder / "secrets").mkdir()
    with recording() as receiver, standing_in(whole_stack("plain", "http://plain.test/")) as parts:
        (folder / "secrets" / "hook-token").write_text(WEBHOOK)
        (folder / "secrets" / "notify-url").write_text(f"{receiver.url}/{NOTIFY}")
        receiver.status = 401
        config = {
            **dict.fromkeys(PARTS, parts.url),
            "watchdog": {"silence_seconds": 1, "notify": {"name": "out", "kind": "slack",
                                                          "options": {"webhook_url_file": "notify-url"}}},
            "webhooks": {"hook": {"url": receiver.url, "bearer_token_file": "hook-token"}},
        }  # fmt: skip
        with wired(folder, **config) as wire:
            yield wire, everything_said(wire, tmp_path_factory.mktemp("paths"))
        assert WEBHOOK in str(receiver.requests)  # it was really used


def everything_said(wire: Wire, folder: Path) -> dict[str, bytes]:
    """By address, or by what was done. folder: for a console that tells which addresses there are."""
    home = wire.home
    hook = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    sent = json.dumps(notification("plain", "http://plain.test/")).encode()
    said = {
        "inbox": fetch(f"{home}/api/v1/inbox", hook, sent),
        "relay": fetch(f"{home}/api/v1/relay/hook", hook, sent),
        "relay of nothing": fetch(f"{home}/api/v1/relay/hook", hook, json.dumps(body()).encode()),
        "wrong token": fetch(f"{home}/api/v1/inbox", {"Authorization": f"Bearer {GUESS}"}, sent),
        "wrong bearer": fetch(f"{home}/api/alerts", {"Authorization": f"Bearer {GUESS}"}),
    }
    for role, password in {**PASSWORDS, "nobody": GUESS}.items():
        form = urllib.parse.urlencode({"user": role, "password": password}).encode()
        said[f"sign-in {role}"] = fetch(f"{home}/login", sent=form)
        form = urllib.parse.urlencode({"user": role, "password": GUESS}).encode()
        said[f"wrong sign-in {role}"] = fetch(f"{home}/login", sent=form)
    admin = {"Authorization": f"Bearer {PASSWORDS['admin']}"}
    with hostile_console(folder, "plain", "http://plain.test/") as (own, _):
        paths = [path for path, _ in addresses(create_app(own))]
    return said | {path: fetch(home + path, admin) for path in paths}


def test_nothing_that_the_console_says_holds_a_secret(told: tuple[Wire, dict[str, bytes]]) -> None:  # M-16
    _, said = told
    assert {path: words for path, content in said.items() if (words := found_in(content))} == {}
    assert len([path for path, content in said.items() if content.startswith(b"200")]) > 40
    assert said["relay"].startswith(b"422")
    assert said["/api/openapi.json"].startswith(b"200")
    assert said["/api/audit"].startswith(b"200")


def test_neither_its_log_nor_its_database_holds_a_secret(told: tuple[Wire, dict[str, bytes]]) -> None:  # M-08, M-16
    wire, _ = told
    files = [wire.folder / "log", *(path for path in (wire.folder / "data").rglob("*") if path.is_file())]
    assert {path.name: words for path in files if (words := found_in(path.read_bytes()))} == {}
    assert any(path.stat().st_size > 4096 for path in files)
    assert any("login" in json.dumps(line) for line in wire.log())


# The library


def test_no_endpoint_of_the_library_tells_its_token(shops: object) -> None:  # M-16
    token = "planted-library-token-c2d4"
    shop: Shop = shops(None, environ={"MONITORING_ADMIN_TOKEN": token}, database=Result(Status.CRITICAL, "refused"))  # type: ignore[operator]
    described = shop.json(OPENAPI_PATH)["paths"]
    bearer = (("authorization", f"Bearer {token}"),)
    for path in described:
        for headers in (bearer, ()):
            reply = shop.get(path.replace("{check_name}", "database"), headers=headers)
            assert not found_in(reply.body + str(reply.headers).encode(), (token,)), path
    assert token not in repr(shop.monitoring.settings)


# The generator and the commands

STACK = """
services:
  - {name: shop, preset: api, targets: ['h:1'], bearer_token_file: planted}
receivers:
  slack: {slack: {webhook_url_file: planted, channel: '#a'}}
  pager: {pagerduty: {routing_key_file: planted}}
  hook: {webhook: {url_file: planted, bearer_token_file: planted, format: watchstack}}
teams:
  web: {critical: [slack, pager], warning: [hook], info: [hook]}
"""


def test_no_generated_file_and_no_command_tells_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # M-08, M-14
    root = copy_checkout(tmp_path / "copy")
    own = (root / "stack.yml").read_text()
    (root / "stack.yml").write_text(yaml.safe_dump({**yaml.safe_load(own), **yaml.safe_load(STACK)}, sort_keys=False))
    init.ensure(root / "secrets")
    words = {path.name: path.read_text().strip() for path in (root / "secrets").iterdir() if path.name in init.MADE}
    words["planted"] = f"value-{token_hex(12)}"  # not a word of this file, which is copied too
    (root / "secrets" / "planted").write_text(words["planted"])
    secrets = tuple(words.values())
    assert len(secrets) == len(init.MADE) + 1
    call = caller(root, monkeypatch, capsys)
    said = {}
    for command in (["render"], ["check"], ["check", "--json"], ["diff"], ["status", "--json"], ["status"]):
        code, out, err = call(*command)
        said[" ".join(command)] = out + err
        assert code == 0 if command == ["render"] else code in (0, 1), (command, out, err)
    assert {command: hit for command, text in said.items() if (hit := found_in(text.encode(), secrets))} == {}
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and made_by_us(path, root)]
    assert {str(path): hit for path in files if (hit := found_in(path.read_bytes(), secrets))} == {}
    alertmanager = (root / "alertmanager" / "alertmanager.yml").read_text()
    assert "planted" in alertmanager  # the name of the file, which is no secret


def made_by_us(path: Path, root: Path) -> bool:
    inside = path.relative_to(root).parts
    return inside[0] not in ("secrets", ".venv", ".git")
