"""Checks in the workers of a server that has loaded the application before it forked: PostgreSQL, Redis, MongoDB.

Connections and threads of the parent do not live on in a worker; each must find the stores by itself, and see a
recovery by itself. The endpoints are asked over HTTP with and without the token.
"""

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

import pytest
from services_kit import Program, conninfo, ended, mongodb, postgres, redis_server
from support import ROOT, choose_ports
from waiting import DEADLINE, until

__all__ = ["mongodb", "postgres", "redis_server"]  # the fixtures
pytestmark = pytest.mark.services
TOKEN = "correct horse"
PATIENT = dict.fromkeys(  # a busy machine is no slow store
    (
        "REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS",
        "DB_CONNECTION_TIMEOUT_THRESHOLD_MS",
        "DB_QUERY_SLOW_THRESHOLD_MS",
    ),
    "60000",
)
APP = """
import os
from flask import Flask
from watchstack import Monitoring

app = Flask("shop")
monitoring = Monitoring(app)

@app.route("/pid")
def pid():
    return str(os.getpid())
"""


FORKS = """
import faulthandler, os, sys, time
from watchstack import Monitoring

failed = 0
for number in range(40):
    monitoring = Monitoring()
    monitoring.init_wsgi(lambda environ, start_response: [])  # which begins the checks
    time.sleep(0.002 * (number % 10))  # they are somewhere in their work
    pid = os.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(20)  # what does it wait for?
        runner = monitoring.health.runner
        outcome = runner.run([monitoring.health.checks["redis"]])[0]
        os._exit(0 if outcome.result.status == "healthy" else 1)
    failed += os.waitpid(pid, 0)[1] != 0
    monitoring.stop()
print(failed)
"""


class Server:
    """gunicorn with 2 workers that are forked off from a parent which has the application already."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.port = choose_ports(1)[0]
        shared = folder / "shared"
        shared.mkdir(parents=True)
        (folder / "shop.py").write_text(APP)
        environment = {
            **os.environ,
            **variables,
            "PROMETHEUS_MULTIPROC_DIR": str(shared),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "exporter"), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{self.port}", "--no-control-socket"]
        command += ["-w", "2", "--threads", "4", "--timeout", f"{3 * DEADLINE:.0f}", "--preload", "shop:app"]
        self.path = folder / "log"
        with self.path.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def ask(self, path: str, method: str = "GET", token: str = "", body: bytes | None = None) -> tuple[int, bytes]:
        """Over a connection of its own, so that either worker may answer."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)) as connection:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def up(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("/pid")[0] == 200
        return False

    def stop(self) -> None:
        self.process.terminate()
        ended(self.process)


@pytest.fixture
def server(tmp_path: Path, postgres: Program, redis_server: Program, mongodb: Program) -> Iterator[Server]:
    one = Server(
        tmp_path / "server",
        DATABASE_URL=conninfo(postgres.port),
        REDIS_URL=f"redis://127.0.0.1:{redis_server.port}",
        MONGODB_URL=f"mongodb://127.0.0.1:{mongodb.port}/",
        HEALTH_CHECK_INTERVAL="0.3",
        HEALTH_CHECK_TIMEOUT="5",
        **PATIENT,
        MONITORING_ADMIN_TOKEN=TOKEN,
        ENVIRONMENT="development",
    )
    try:
        until(one.up)
        yield one
    finally:
        one.stop()


def by_worker(server: Server) -> dict[int, dict[str, str]]:
    """The status of each check as each worker tells it, of those that answered; asked at the same time by many."""
    with ThreadPoolExecutor(16) as pool:
        answers = [json.loads(body) for _, body in pool.map(server.ask, ["/monitoring/status"] * 32)]
    return {one["process"]["pid"]: {name: c["status"] for name, c in one["checks"].items()} for one in answers}


STORES = ("database", "redis", "mongodb")


def test_every_worker_finds_the_stores_and_their_recovery(server: Server, postgres: Program, mongodb: Program) -> None:
    def all_are(status: str, *names: str) -> bool:
        told = by_worker(server)
        return len(told) == 2 and all(found[name] == status for found in told.values() for name in names)

    until(lambda: all_are("healthy", *STORES))

    def told() -> bool:
        text = server.ask("/metrics")[1].decode()
        healthy = 'health_check_status{component="database",endpoint="background"} 1.0'
        return healthy in text and "redis_connected_clients" in text

    until(told)
    postgres.stop()
    mongodb.stop()
    until(lambda: all_are("unhealthy", "database", "mongodb"))
    until(lambda: all_are("healthy", "redis"))
    postgres.start()
    mongodb.start()
    until(lambda: all_are("healthy", *STORES))
    assert "Traceback" not in server.path.read_text()


def test_checks_that_ran_while_the_process_was_forked_run_in_the_new_one(redis_server: Program) -> None:
    environment = {
        **os.environ,
        "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}",
        "HEALTH_CHECK_TIMEOUT": "30",
        **PATIENT,
        "PYTHONPATH": str(ROOT / "exporter"),
    }
    command = [sys.executable, "-c", FORKS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10 * DEADLINE, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr


def test_the_token_over_http(server: Server) -> None:  # A-24 M-05
    run = "/api/health/redis/run"
    code, body = server.ask(run, "POST", body=b"x" * 5000)
    assert (code, "wants a token" in json.loads(body)["error"]) == (401, True)
    assert server.ask(run, "POST", token="wrong")[0] == 401
    code, body = server.ask(run, "POST", token=TOKEN, body=b"x" * 5000)
    assert (code, json.loads(body)["message"]) == (200, "Redis operational")
    assert server.ask("/api/metrics/summary", token=TOKEN)[0] == 200
    names = {one["name"] for one in json.loads(server.ask("/monitoring/metrics/json")[1])["metrics"]}
    assert {"http_requests", "health_check_status"} <= names  # over all workers, as the text
