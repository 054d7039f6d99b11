"""The secrets that are made, and what init lays into each reader's volume."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from watchstack import init

ME = (os.getuid(), os.getgid())
ACCOUNTS = {"console-admin-password", "console-viewer-password"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> init.Folders:
    """Volumes of every reader and writer, all of them this user's, as no test may need root."""
    monkeypatch.setattr(init, "READERS", {n: replace(r, uid=ME[0], gid=ME[1]) for n, r in init.READERS.items()})
    monkeypatch.setattr(init, "WRITERS", dict.fromkeys(init.WRITERS, ME))
    made = init.Folders(*(tmp_path / name for name in ("secrets", "volumes", "data", "console", "alertmanager")))
    for name in init.READERS:
        (made.volumes / name).mkdir(parents=True)
    for name in init.WRITERS:
        (made.data / name).mkdir(parents=True)
    made.console.mkdir()
    made.alertmanager.mkdir()
    (made.console / "console.json").write_text('{"watchdog": {"notify": null}}')
    return made


def run(folders: init.Folders) -> list[str]:
    said: list[str] = []
    init.run(folders, said.append)
    return said


def laid(folders: init.Folders) -> Mapping[str, set[str]]:
    return {path.name: {file.name for file in path.iterdir()} for path in folders.volumes.iterdir()}


def test_missing_secrets_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert init.ensure(folder) == list(init.MADE)
    assert mode(folder) == 0o700
    contents = {name: (folder / name).read_text() for name in init.MADE}
    assert {mode(folder / name) for name in init.MADE} == {0o600}
    assert len(set(contents.values())) == len(init.MADE)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}\n", text) for text in contents.values())
    assert sorted(path.name for path in folder.iterdir()) == sorted(init.MADE)


def test_what_is_there_is_never_changed(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    (folder / init.INBOX_TOKEN).write_text("mine")
    assert init.INBOX_TOKEN not in init.ensure(folder)
    assert init.ensure(folder) == []
    assert (folder / init.INBOX_TOKEN).read_text() == "mine"
    assert mode(folder) == 0o700


def test_the_examples_token_is_made_where_they_are_wanted(tmp_path: Path) -> None:  # M-05
    folder = tmp_path / "secrets"
    assert init.EXAMPLES_TOKEN not in init.ensure(folder)
    assert init.ensure(folder, examples=True) == [init.EXAMPLES_TOKEN]
    token = (folder / init.EXAMPLES_TOKEN).read_text()
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}\n", token)
    assert mode(folder / init.EXAMPLES_TOKEN) == 0o600
    assert init.ensure(folder, examples=True) == []
    assert (folder / init.EXAMPLES_TOKEN).read_text() == token
    assert init.ensure(tmp_path / "other", examples=True)[-1] == init.EXAMPLES_TOKEN
    assert (tmp_path / "other" / init.EXAMPLES_TOKEN).read_text() != token  # each checkout has its own


def test_many_at_once_make_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _number: init.ensure(tmp_path / "secrets"), range(24)))
    assert sorted(name for names in made for name in names) == sorted(init.MADE)
    assert len(list((tmp_path / "secrets").iterdir())) == len(init.MADE)


def test_each_reader_gets_its_files_alone(folders: init.Folders) -> None:
    run(folders)
    (folders.secrets / "slack-web").write_text("https://hook")
    (folders.secrets / ".hidden").write_text("x")
    assert run(folders) == []
    assert laid(folders) == {
        "alertmanager": {"inbox-token", "slack-web"},
        "console": ACCOUNTS | {"inbox-token"},
        "grafana": {"grafana-admin-password"},
        "prometheus": set(),
        "postgres": {"postgres-password"},
        "postgres-exporter": {"postgres-password"},
        "redis": {"redis-password", "redis.conf"},
        "redis-exporter": {"redis-passwords.json"},
        "examples": {"examples-admin-token"},
    }
    for folder in folders.volumes.iterdir():
        assert mode(folder) == 0o500
        assert {mode(path) for path in folder.iterdir()} == ({0o400} if folder.name != "prometheus" else set())
    assert {mode(path) for path in folders.data.iterdir()} == {0o700}


def test_a_stack_without_the_examples_has_no_token_of_theirs(folders: init.Folders) -> None:
    (folders.volumes / init.EXAMPLES).rmdir()
    run(folders)
    assert not (folders.secrets / init.EXAMPLES_TOKEN).exists()
    (folders.volumes / init.EXAMPLES).mkdir()
    assert run(folders) == [f"made {init.EXAMPLES_TOKEN} in secrets/"]
    assert laid(folders)["examples"] == {init.EXAMPLES_TOKEN}
    assert [name for name, files in laid(folders).items() if init.EXAMPLES_TOKEN in files] == ["examples"]


def test_the_console_gets_what_the_watchdog_notifies_with(folders: init.Folders) -> None:
    run(folders)
    (folders.secrets / "pager").write_text("key")
    options = {"routing_key_file": "pager", "url": "http://x", "other_file": "../grafana-admin-password"}
    stolen = {"token_file": "grafana-admin-password"}
    notify = {"watchdog": {"notify": {"options": options | stolen}}}
    (folders.console / "console.json").write_text(json.dumps(notify))
    run(folders)
    assert laid(folders)["console"] == ACCOUNTS | {"inbox-token", "pager"}


def test_a_changed_secret_is_laid_anew_and_a_removed_one_goes(folders: init.Folders) -> None:
    run(folders)
    (folders.secrets / "slack-web").write_text("old")
    run(folders)
    before = (folders.volumes / "alertmanager" / "inbox-token").stat()
    (folders.secrets / "slack-web").write_text("new")
    run(folders)
    assert (folders.volumes / "alertmanager" / "slack-web").read_text() == "new"
    after = (folders.volumes / "alertmanager" / "inbox-token").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    (folders.secrets / "slack-web").unlink()
    run(folders)
    assert "slack-web" not in laid(folders)["alertmanager"]


def test_a_secret_that_is_named_and_missing_is_told(folders: init.Folders) -> None:
    config = "receivers: [{slack_configs: [{api_url_file: /run/watchstack-secrets/slack-web}]}]"
    (folders.alertmanager / "alertmanager.yml").write_text(config)
    assert run(folders)[-1].startswith("warning: secrets/slack-web is not there")
    (folders.secrets / "slack-web").write_text("https://hook")
    assert run(folders) == []


def test_passwords_as_redis_and_its_exporter_read_them(folders: init.Folders) -> None:
    run(folders)
    (folders.secrets / init.REDIS_PASSWORD).write_text('a "quoted\\" one\n')
    run(folders)
    assert (folders.volumes / "redis" / "redis.conf").read_text() == 'requirepass "a \\"quoted\\\\\\" one"\n'
    told = json.loads((folders.volumes / "redis-exporter" / "redis-passwords.json").read_text())
    assert told == {"redis://redis:6379": 'a "quoted\\" one'}


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_secret_is_an_error(folders: init.Folders, content: str) -> None:
    run(folders)
    (folders.secrets / init.INBOX_TOKEN).write_text(content)
    with pytest.raises(init.InitError, match="secrets/inbox-token is empty"):
        run(folders)


@pytest.mark.parametrize("name", ["grafana-admin-password", "console-admin-password"])
@pytest.mark.parametrize("content", ["admin", "Admin123\n", " password "])
def test_a_password_that_everybody_tries_is_an_error(folders: init.Folders, name: str, content: str) -> None:
    run(folders)
    (folders.secrets / name).write_text(content)
    with pytest.raises(init.InitError, match=f"secrets/{name} holds a password that everybody tries: remove it"):
        run(folders)


def test_a_broken_console_file_is_an_error(folders: init.Folders) -> None:
    (folders.console / "console.json").write_text("{")
    with pytest.raises(init.InitError, match=r"console/console\.json cannot be read"):
        run(folders)


def test_what_lies_in_a_data_volume_goes_to_its_writer_once(
    folders: init.Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []
    monkeypatch.setattr(init.os, "chown", lambda path, *_ids, **_more: given.append(Path(path)))
    (folders.data / "loki" / "chunks").mkdir()
    (folders.data / "loki" / "chunks" / "one").touch()
    monkeypatch.setattr(init, "WRITERS", {"loki": (ME[0] + 1, ME[1]), "prometheus": ME})
    run(folders)
    loki = folders.data / "loki"
    assert [path for path in given if path.is_relative_to(folders.data)] == [loki / "chunks", loki / "chunks/one", loki]
