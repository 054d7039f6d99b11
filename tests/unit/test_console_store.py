"""The console's database when things go wrong: a full disk, damage, no permission, a newer schema, kill -9."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from console_kit import TOKEN, FakeClock, alert, bearer, body, console, settings, signed_in
from support import unavailable
from waiting import DEADLINE, until
from watchstack.console import create_app
from watchstack.console.store import FILE, SchemaError, Store, StoreError


def fill(store: Store) -> None:
    """From here on the database may not grow: SQLite says exactly what it says on a full disk."""
    with store.read() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")


def empty(store: Store) -> None:
    with store.read() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")


def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    own = console(tmp_path)
    client = signed_in(create_app(own).test_client())
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/api/v1/inbox", json=body(alert()), headers=headers).status_code == 200
    fill(own.store)
    large = body(*(alert(fingerprint=f"{n:x}", text="x" * 2000) for n in range(100)))
    answer = client.post("/api/v1/inbox", json=large, headers=headers)
    assert answer.status_code == 503  # Alertmanager keeps it and sends it again
    assert "the disk is full" in answer.get_data(as_text=True)
    assert client.get("/health/live").status_code == 200
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json) == (
        503,
        {"status": "unhealthy", "reasons": [f"{own.store.path}: the disk is full"]},
    )
    assert "console_store_healthy 0.0" in client.get("/metrics").get_data(as_text=True)
    page = client.get("/inbox")
    assert page.status_code == 200  # what was kept can be read
    assert "the disk is full" in page.get_data(as_text=True)
    empty(own.store)
    own.store.probe()
    assert client.get("/health/ready").status_code == 200
    assert client.post("/api/v1/inbox", json=large, headers=headers).status_code == 200
    assert own.inbox.count() == 101
    own.store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_file_system_that_is_really_full_is_survived(tmp_path: Path) -> None:
    disk = tmp_path / "data"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        unavailable(f"no mounts here: {mounted.stderr.decode().strip()}")
    try:
        own = console(tmp_path)
        (disk / "ballast").write_bytes(b"x" * 200_000)
        kept, client = 0, signed_in(create_app(own).test_client())
        for number in range(100):
            one = alert(fingerprint=f"{number:x}", text="x" * 8000)
            answer = client.post("/api/v1/inbox", json=body(one), headers={"Authorization": f"Bearer {TOKEN}"})
            if answer.status_code == 503:
                break
            kept += 1
        assert 0 < kept < 100
        assert own.store.problem is not None
        assert client.get("/health/ready").status_code == 503
        (disk / "ballast").unlink()
        own.store.probe()
        assert own.store.problem is None
        assert own.inbox.count() == kept
        own.store.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_folder_that_cannot_be_written_is_told_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    own = console(tmp_path)
    client = signed_in(create_app(own).test_client())
    assert own.store.problem is not None
    assert client.get("/health/ready").status_code == 503
    assert client.get("/inbox").status_code == 503
    assert client.get("/api/v1/inbox").status_code == 503
    assert "inbox_entries" not in client.get("/metrics").get_data(as_text=True)
    own.watchdog.heartbeat()  # the watchdog works on
    (tmp_path / "data").unlink()
    own.store.probe()
    assert own.store.problem is None
    assert client.get("/inbox").status_code == 200
    own.store.close()


@pytest.mark.parametrize("damage", [b"this is no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_a_damaged_file_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    store = Store(tmp_path)
    store.remember("key", "value")
    assert (store.note("key"), store.problem) == ("value", None)
    aside = [file for file in tmp_path.iterdir() if ".damaged-" in file.name]
    assert [file.read_bytes() for file in aside] == [damage]
    store.close()


def test_pages_that_do_not_fit_together_are_noticed(tmp_path: Path) -> None:
    own = console(tmp_path)
    signed_in(create_app(own).test_client()).post(
        "/api/v1/inbox",
        json=body(*(alert(fingerprint=f"{n:x}") for n in range(200))),
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    own.store.close()
    file = tmp_path / "data" / FILE
    content = bytearray(file.read_bytes())
    content[8192 : len(content) - 4096] = b"\x5a" * (len(content) - 12288)
    file.write_bytes(content)
    store = Store(tmp_path / "data")
    store.probe()
    assert store.problem is None
    assert any(".damaged-" in one.name for one in file.parent.iterdir())
    store.close()


def test_a_file_that_is_damaged_while_it_is_used_is_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.write() as connection:
        connection.executemany("INSERT INTO note VALUES (?, ?)", ((f"{n}", "x" * 500) for n in range(10_000)))
    with store.read() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = tmp_path / FILE
    with file.open("r+b") as stream:
        stream.seek(40_960)
        stream.write(b"\x5a" * (file.stat().st_size - 40_960))
    with pytest.raises(StoreError, match="malformed"), store.read() as connection:
        connection.execute("SELECT sum(length(value)) FROM note").fetchall()
    store.remember("key", "value")
    assert (store.note("key"), store.problem) == ("value", None)
    assert any(".damaged-" in one.name for one in tmp_path.iterdir())
    store.close()


@pytest.mark.parametrize("other", [None, 1, 99])
def test_a_file_that_is_taken_away_or_replaced_is_opened_anew(tmp_path: Path, other: int | None) -> None:
    """What is written to a file without a name is lost at the next start. other: the version of what stands there."""
    store = Store(tmp_path)
    store.remember("key", "value")
    store.probe()
    assert store.note("key") == "value"
    for file in tmp_path.iterdir():
        file.unlink()
    if other is not None:
        newer = sqlite3.connect(tmp_path / FILE)
        newer.executescript(
            f"CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL); PRAGMA user_version = {other}"
        )
        newer.close()
    store.probe()
    if other == 99:
        assert "schema version 99" in str(store.problem)
        (tmp_path / FILE).unlink()
        store.probe()
    assert (store.note("key"), store.problem) == (None, None)
    store.remember("key", "new")
    store.close()
    assert Store(tmp_path).note("key") == "new"


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    newer = sqlite3.connect(tmp_path / FILE)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(SchemaError, match="schema version 99"):
        Store(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def broken() -> None:
        with store.write() as connection:
            connection.execute("INSERT INTO note VALUES ('a', 'b')")
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StoreError, match="nowhere"):
        broken()
    assert store.note("a") is None
    store.close()


def test_restart_keeps_entries_and_the_watchdogs_memory(tmp_path: Path) -> None:
    clock = FakeClock()
    own = console(tmp_path, clock)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    signed_in(create_app(own).test_client()).post("/api/v1/inbox", json=body(alert()), headers=headers)
    own.watchdog.heartbeat()
    seen = own.watchdog.state.last_seen
    own.store.close()
    clock.advance(3600)
    again = console(tmp_path, clock)
    assert [entry.alertname for entry in again.inbox.newest(limit=9)] == ["HighMemoryUsage"]
    assert again.watchdog.state.last_seen == seen
    again.store.close()


class Process:
    """A console as a process on a port of its own."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        made = settings(folder)
        self.log = folder / "log"
        environment = {
            "PATH": os.environ["PATH"],
            "CONSOLE_LISTEN": f"127.0.0.1:{port}",
            "CONSOLE_DATA": str(made.data),
            "CONSOLE_CONFIG": str(made.config),
            "CONSOLE_SECRETS": str(made.secrets),
        }
        with self.log.open("wb") as out:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "watchstack.console"], env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        until(lambda: self.popen.poll() is not None or self._url(), why="the console listens or has ended")
        self.url = self._url()

    def _url(self) -> str:
        """Where it says that it listens, "" before."""
        for line in self.log.read_text().splitlines(keepends=True):
            if line.endswith("\n") and "listens on " in (message := json.loads(line)["message"]):
                return str(message.split("listens on ")[1])
        return ""

    def post(self, payload: dict[str, Any]) -> int:
        request = urllib.request.Request(
            f"{self.url}/api/v1/inbox",
            json.dumps(payload).encode(),
            {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return int(answer.status)

    def entries(self) -> list[dict[str, Any]]:
        asked = urllib.request.Request(f"{self.url}/api/v1/inbox?limit=1000", headers=bearer("viewer"))
        with urllib.request.urlopen(asked, timeout=DEADLINE) as answer:
            found = json.load(answer)
            assert isinstance(found, list)
            return found

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(DEADLINE)


def write(running: Process, first: int, acknowledged: list[str]) -> None:
    """Posts fifty calls of two alerts, until the console is gone; in all less than one answer of the inbox holds."""
    for number in range(first, first + 100, 2):
        try:
            running.post(body(alert(fingerprint=f"{number:x}"), alert(fingerprint=f"{number + 1:x}")))
        except (OSError, http.client.HTTPException):
            return
        acknowledged.extend((f"{number:x}", f"{number + 1:x}"))


def killed_while_writing(folder: Path, first: int) -> list[str]:
    """Ends a console by force while three write; the fingerprints that it had acknowledged."""
    acknowledged: list[str] = []
    running = Process(folder)
    starts = range(first, first + 3000, 1000)
    writers = [threading.Thread(target=write, args=(running, start, acknowledged)) for start in starts]
    for writer in writers:
        writer.start()
    until(lambda: len(acknowledged) >= 20)
    running.end(signal.SIGKILL)
    for writer in writers:
        writer.join()
    return acknowledged


def test_kill_9_while_writing_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged = {one for turn in range(3) for one in killed_while_writing(tmp_path, turn * 10_000)}
    running = Process(tmp_path)
    kept = {entry["fingerprint"] for entry in running.entries()}
    assert acknowledged <= kept
    assert len(kept) % 2 == 0  # calls are kept whole
    assert running.end() == 0


def test_the_process_ends_cleanly_and_logs_json_lines(tmp_path: Path) -> None:
    running = Process(tmp_path)
    assert running.post(body(alert())) == 200
    assert running.end() == 0
    lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert [line["message"].split(" on ")[0] for line in lines] == ["console listens", "console has ended"]
    for line in lines:
        assert set(line) == {"level", "time", "logger", "message"}
        assert line["level"] == "info"
        assert line["time"].endswith("Z")
    assert not (tmp_path / "data" / f"{FILE}-wal").exists()  # closed in order


def test_a_taken_port_and_bad_settings_are_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        running = Process(tmp_path, port)
        assert running.popen.wait(DEADLINE) == 1
    line = json.loads(running.log.read_text())
    assert line["level"] == "critical"
    assert line["message"] == (
        f"console: cannot listen on 127.0.0.1:{port}: another process listens there;"
        " set CONSOLE_LISTEN to another address"
    )
    bad = subprocess.run(
        [sys.executable, "-m", "watchstack.console"],
        env={"PATH": os.environ["PATH"], "CONSOLE_LISTEN": "nowhere"},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["message"] == (
        "the console cannot start: CONSOLE_LISTEN='nowhere' is not allowed:"
        " give host:port, port 0 to 65535, such as 127.0.0.1:9099 or [::1]:9099"
    )
