"""The load script: it asks for everything in its plan, is bounded, and says what came back."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from examples_kit import EXAMPLES, recording
from services_kit import ended
from support import choose_ports
from waiting import DEADLINE

PLANS = sorted(path.parent.name for path in EXAMPLES.glob("*/load.json"))


def load(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "load.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)


def plan(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((EXAMPLES / name / "load.json").read_text())["requests"]
    return found


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_has_an_error_and_every_request_is_made(name: str) -> None:
    wanted = plan(name)
    assert {one["status"] for one in wanted} >= {404}
    with recording() as server:
        done = load(name, "--url", server.url, "--rounds", "3")
    assert [seen[:2] for seen in server.seen] == [(one["method"], one["path"]) for one in wanted] * 3
    assert done.returncode == 1  # the server says 200 to everything
    assert "-> 200, not 404" in done.stdout


def test_what_is_sent_arrives() -> None:
    with recording() as server:
        load("flask", "--url", server.url + "/", "--rounds", "1")
    sent = {path: (headers, body) for method, path, headers, body in server.seen if method == "POST"}
    headers, body = sent["/api/login"]
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"email": "ann", "password": "guess"}


def test_nothing_answers() -> None:
    done = load("flask", "--url", f"http://127.0.0.1:{choose_ports(1)[0]}")
    assert done.returncode == 1
    assert "Start the example, or give its address with --url" in done.stderr


def test_usage() -> None:
    assert load("nothing").returncode == 2
    for url in ("localhost", "nonsense", "http://127.0.0.1:port", "http://[::1"):
        done = load("flask", "--url", url)
        assert (done.returncode, done.stderr.strip().splitlines()[1:]) == (2, [])
        assert done.stderr.endswith("an address is http://HOST:PORT\n")


def test_what_drives_the_examples_goes_on_after_half_an_answer() -> None:
    """An application that ends while it answers is asked again: world.py waits and begins anew."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        port, driven = choose_ports(1)[0], server.getsockname()[1]
        world = [sys.executable, str(EXAMPLES / "world.py"), str(port), f"flask=http://127.0.0.1:{driven}"]
        process = subprocess.Popen(world)
        try:
            for _ in range(2):
                asked, _ = server.accept()
                with asked:
                    asked.recv(65536)
                    asked.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            assert process.poll() is None
        finally:
            process.terminate()
            ended(process)


@pytest.mark.parametrize("name", PLANS)
def test_the_plan_is_of_the_port_of_the_document(name: str) -> None:
    url = json.loads((EXAMPLES / name / "load.json").read_text())["url"]
    assert url == ("http://localhost:5003" if name == "flask" else "http://localhost:8000")
    assert url in Path(EXAMPLES / name / "README.md").read_text()
