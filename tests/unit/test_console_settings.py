"""The console's environment and console.json: what is read, and how a bad value is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from watchstack.console.config import ConfigError, LiveConfig, load
from watchstack.console.settings import Settings
from watchstack.serve import Address
from watchstack.settings import SettingError

GOOD = {"CONSOLE_DATA": "/data", "CONSOLE_CONFIG": "/config", "CONSOLE_SECRETS": "/secrets"}


def test_everything_is_read_and_has_defaults() -> None:
    read = Settings.read(GOOD)
    assert read.dashboards == ()
    assert Settings.read(GOOD | {"CONSOLE_DASHBOARDS": "/a:/b"}).dashboards == (Path("/a"), Path("/b"))
    assert (str(read.listen), read.data, read.runbooks, read.entries, read.days) == (
        "127.0.0.1:9099",
        Path("/data"),
        None,
        20_000,
        90,
    )
    more = Settings.read(
        GOOD
        | {
            "CONSOLE_LISTEN": "[::1]:80",
            "CONSOLE_RUNBOOKS": "/r",
            "CONSOLE_INBOX_ENTRIES": "500",
            "CONSOLE_INBOX_DAYS": "7",
        }
    )
    assert (more.listen.host, more.listen.port, more.runbooks, more.entries, more.days) == (
        "::1",
        80,
        Path("/r"),
        500,
        7,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONSOLE_LISTEN", "9099"),
        ("CONSOLE_LISTEN", "localhost"),
        ("CONSOLE_LISTEN", "127.0.0.1:99999"),
        ("CONSOLE_LISTEN", "::1:90"),
        ("CONSOLE_LISTEN", "a b:90"),
        ("CONSOLE_LISTEN", "http://host:90"),
        ("CONSOLE_DATA", ""),
        ("CONSOLE_CONFIG", ""),
        ("CONSOLE_SECRETS", ""),
        ("CONSOLE_INBOX_ENTRIES", "many"),
        ("CONSOLE_INBOX_ENTRIES", "-5"),
        ("CONSOLE_INBOX_ENTRIES", "²"),
        ("CONSOLE_INBOX_DAYS", "0"),
        ("CONSOLE_GRAFANA", "javascript:alert(1)"),
    ],
)
def test_a_bad_value_is_told_with_variable_value_and_what_is_allowed(variable: str, value: str) -> None:
    with pytest.raises(SettingError) as raised:
        Settings.read(GOOD | {variable: value})
    assert raised.value.variable == variable
    assert str(raised.value).startswith(f"{variable}={value!r} is not allowed: give ")


def test_addresses() -> None:
    assert str(Address.parse(":9000", "X")) == "0.0.0.0:9000"
    assert str(Address.parse("[::]:9000", "X")) == "[::]:9000"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "the document: must be an object"),
        ('{"environment": 5}', "environment: must be a string"),
        ('{"watchdog": {"silence_seconds": "90"}}', "watchdog.silence_seconds: must be a number"),
        ('{"watchdog": {"silence_seconds": 0}}', "watchdog.silence_seconds: give seconds from 1 to 86400"),
        ('{"watchdog": {"silence_seconds": true}}', "watchdog.silence_seconds: give seconds from 1 to 86400"),
        ('{"scrape_seconds": 0}', "scrape_seconds: give whole seconds from 1 to 86400"),
        ('{"scrape_seconds": 1.5}', "scrape_seconds: must be"),
        (
            '{"watchdog": {"notify": {"name": "a", "kind": "fax"}}}',
            "watchdog.notify.kind: 'fax' is none of webhook, slack",
        ),
        ('{"prometheus": []}', "prometheus: must be a string"),
        pytest.param("[" * 100_000, "is not JSON", id="deep"),
    ],
)
def test_a_bad_configuration_names_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "console.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert told in str(raised.value)


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"console\.json: cannot be read: No such file"):
        LiveConfig(tmp_path / "console.json")


def test_a_changed_configuration_is_taken_over_and_a_bad_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "console.json"
    file.write_text(json.dumps({"environment": "one", "prometheus": "http://p:9090/", "loki": ""}))
    live = LiveConfig(file)
    assert dict(live.current.peers) == {"prometheus": "http://p:9090"}
    file.write_text('{"environment": "number two"}')
    live.refresh()
    assert live.current.environment == "number two"
    file.write_text("{ broken")
    live.refresh()
    assert live.current.environment == "number two"
    assert live.problem is not None
    assert "is not JSON" in live.problem
    file.unlink()
    live.refresh()
    assert live.current.environment == "number two"
    file.write_text('{"environment": "third"}')
    live.refresh()
    assert (live.current.environment, live.problem) == ("third", None)
