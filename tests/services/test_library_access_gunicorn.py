"""Sessions over several worker processes under gunicorn: signed in by one, known to all, ended by a changed token."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from services_kit import ended
from support import ROOT, choose_ports
from waiting import DEADLINE, until

pytestmark = pytest.mark.services

APP = """
import logging
from flask import Flask
from watchstack import Monitoring

logging.basicConfig(level=logging.INFO)
app = Flask("shop")
Monitoring(app)
"""
WORKERS = 4
ANSWERS = 60
DEBUG = "/monitoring/debug/info"  # which tells the process that answers
LOGIN = "/admin/monitoring/login"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Server:
    """gunicorn with 4 workers on a free port, every request over a connection of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = choose_ports(1)[0]
        self.token = folder / "token"
        self.token.write_text("first")
        (folder / "shared").mkdir()
        (folder / "shop.py").write_text(APP)
        environment = {
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "shared"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "exporter"), os.environ.get("PYTHONPATH", "")]),
            "MONITORING_ADMIN_TOKEN_FILE": str(self.token),
            "ENVIRONMENT": "production",
            "MONITORING_RATE_LIMIT": "0",
        }
        bind = ["-b", f"127.0.0.1:{self.port}", "--no-control-socket", "-w", str(WORKERS), "--threads", "2"]
        bind += ["--timeout", f"{3 * DEADLINE:.0f}"]  # on a busy machine
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *bind, "shop:app"],
            cwd=folder, env=environment, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read_body = answer.read()  # type: ignore[attr-defined]
            return answer

    def workers(self, cookie: str) -> list[tuple[int, int]]:
        """Status and process of many answers at a time, so that each worker is met."""

        def one(number: int) -> tuple[int, int]:
            answer = self.ask(DEBUG, Cookie=cookie)
            body = json.loads(answer.read_body)  # type: ignore[attr-defined]
            return answer.status, body.get("process", {}).get("pid", 0)

        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(one, range(ANSWERS)))

    def stop(self) -> str:
        self.process.terminate()
        try:
            ended(self.process)
        finally:
            self.log.seek(0)
            said = self.log.read()
            self.log.close()
        return said


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    try:
        until(lambda: one.process.poll() is not None or _answers(one))
        assert one.process.poll() is None, (tmp_path / "log").read_text()
        yield one
    finally:
        if one.process.poll() is None:
            one.stop()


def _answers(server: Server) -> bool:
    try:
        return server.ask("/health/live").status == 200
    except OSError:
        return False


def sign_in(server: Server, token: str) -> str:
    answer = server.ask(LOGIN, "POST", urlencode({"token": token}), **FORM)
    assert answer.status == 303
    return (answer.getheader("Set-Cookie") or "").partition(";")[0]


def test_a_session_holds_over_all_workers_until_the_token_changes(server: Server) -> None:  # M-05 M-11 M-21
    cookie = sign_in(server, "first")
    found: list[tuple[int, int]] = []
    until(lambda: found.extend(server.workers(cookie)) or len({process for _, process in found}) == WORKERS)  # type: ignore[func-returns-value]
    assert {status for status, _ in found} == {200}
    assert server.ask("/admin/monitoring", Cookie=cookie).status == 200

    def counted() -> bool:
        """A worker counts an answer after its client has the last byte."""
        told = json.loads(server.ask("/admin/monitoring/data", Cookie=cookie).read_body)  # type: ignore[attr-defined]
        assert told["history"]["now"]["requests_per_second"] > 0
        return bool(told["summary"]["requests"]["total"] >= len(found))  # of all workers, whichever answers

    until(counted)
    assert server.ask(DEBUG, Cookie=cookie[:-1] + ("0" if cookie[-1] != "0" else "1")).status == 401
    server.token.write_text("second")
    assert {status for status, _ in server.workers(cookie)} == {401}
    assert {status for status, _ in server.workers(sign_in(server, "second"))} == {200}
    said = server.stop()
    assert "first" not in said
    assert cookie.partition("=")[2] not in said
    assert said.count('what="POST /admin/monitoring/login" status=303') == 2
    assert said.count(f'who="admin by session" what="GET {DEBUG}" status=200') == len(found) + ANSWERS
