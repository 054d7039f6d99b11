"""The real stack as processes: from a copy of the checkout to healthy parts and back, with the data kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from native_support import alive, end_native, files, found, marked, named, native_stack
from running import RunningStack
from stackgen.engines.native_files import held
from support import ROOT, copy_checkout, port_variables
from waiting import until

pytestmark = pytest.mark.native

PARTS = {"prometheus", "alertmanager", "node-exporter", "loki", "promtail", "exporter", "console", "containers"}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack for all tests that only need one that runs; see `running`."""
    root = tmp_path_factory.mktemp("lasting") / "watchstack"
    stack = native_stack(copy_checkout(root), port_variables())
    yield stack
    end_native(stack)


@pytest.fixture
def running(lasting: RunningStack) -> RunningStack:
    """The lasting stack on the sources of this checkout, every part healthy, whatever the test before has done."""
    (lasting.root / "stack.yml").write_bytes((ROOT / "stack.yml").read_bytes())
    lasting.up("--wait")
    return lasting


def pids(stack: RunningStack) -> dict[str, int]:
    """Process id of every part; a part whose program is looked for has 0."""
    state = json.loads((stack.root / ".stack" / "state.json").read_text())
    return {name: part["pid"] for name, part in state["parts"].items()}


def sums(root: Path) -> dict[str, str]:
    """sha256 of every configuration file, committed and live, and of the plan."""
    folders = [root / name for name in ("prometheus", "alertmanager", "grafana", "loki", "console", "blackbox")]
    files = [path for folder in [*folders, root / ".stack" / "config"] for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in [*files, root / ".stack" / "plan.json"]
    }


def edited(root: Path, old: str, new: str) -> None:
    path = root / "stack.yml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_up_status_logs_down_and_the_old_data(stack: RunningStack) -> None:
    began = time.monotonic()
    said = stack.up("--wait")
    took = time.monotonic() - began
    print(f"up --wait, programs cached: {took:.1f} s (bound 15 s on a quiet machine)")
    assert "engine: native" in said.stdout
    assert "because it was asked for" in said.stdout
    assert "nobody outside is told" in said.stdout
    assert stack.url("console") in said.stdout
    assert "secrets/" in said.stdout

    status = stack.status()
    assert set(status) == PARTS
    assert {part["state"] for part in status.values()} == {"healthy"}
    assert status["prometheus"]["address"] == stack.url("prometheus")
    assert all(alive(pid) for pid in pids(stack).values())

    until(lambda: len(found := stack.targets()) >= len(PARTS) and set(found.values()) == {"up"}, 120, "targets are up")
    until(lambda: loki_lines(stack, '{part="prometheus"}'), 120, "Loki has a line that Prometheus wrote")
    own = stack.command("logs", "loki", "--tail", "10000").stdout.splitlines()
    told = [line for line in own if "part=" in line and "level=info" in line]  # one that failed is worth a line
    assert told == [], "Loki logs the questions it answers, which the next question finds again"
    until(lambda: stack.query("up{job='prometheus'}"), why="the sample can be asked for")
    moment = time.time()
    asked = json.loads(stack.command("check", "--live", "--json", check=False).stdout)["live"]
    assert asked["through"] == "Prometheus and Loki"
    assert sum(board["ok"] + board["declared"] for board in asked["dashboards"]) > 300
    errors = [found for found in asked["findings"] if found["verdict"] == "error"]
    assert errors == [], "what it lacks after some seconds are rates; tests/grafana and tests/compose wait for them"

    everything = marked(stack.root / ".stack")
    supervisor = json.loads((stack.root / ".stack" / "state.json").read_text())["pid"]
    stack.command("down")
    until(lambda: not alive(supervisor), why="it lets its lock go in its last moment")
    assert [process for process in everything if alive(process.pid)] == []
    assert stack.command("status", check=False).returncode == 1
    ended = stack.command("check", "--live", check=False)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "./stack up starts it" in ended.stderr

    again = stack.command("up", "--wait")
    assert "engine: native" in again.stdout
    assert "because it was used last" in again.stdout
    result = stack.get("prometheus", "/api/v1/query", query="up{job='prometheus'}", time=str(moment))["data"]["result"]
    assert result, "the series from before the restart is there"
    until(lambda: loki_lines(stack, '{part="prometheus"}', moment), 120, "Loki has the lines from before")


def loki_lines(stack: RunningStack, selector: str, before: float | None = None) -> list[str]:
    end = str(int((before or time.time()) * 1e9))
    with contextlib.suppress(OSError):
        found = stack.get("loki", "/loki/api/v1/query_range", query=selector, end=end, limit="5")["data"]["result"]
        return [line for stream in found for _, line in stream["values"]]
    return []


def test_a_bad_edit_changes_nothing_and_a_good_one_is_live(running: RunningStack) -> None:
    stack = running
    stack.command("render")
    before, first = sums(stack.root), pids(stack)
    good = (stack.root / "stack.yml").read_text()
    (stack.root / "stack.yml").write_text(good + "\nsurplus: [\n")
    for command in (["up", "--engine", "native"], ["apply"], ["render"]):
        done = stack.command(*command, check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "stack.yml:" in done.stderr
    assert sums(stack.root) == before
    assert pids(stack) == first

    (stack.root / "stack.yml").write_text(good)
    edited(stack.root, "environment: ", "environment: elsewhere-")
    said = stack.command("apply")
    assert "reloading" in said.stdout
    assert "live: stack_config_info" in said.stdout
    config = stack.get("prometheus", "/api/v1/status/config")["data"]["yaml"]
    assert "elsewhere-" in config
    after = pids(stack)
    assert after["prometheus"] == first["prometheus"], "reloaded, not restarted"
    assert after["exporter"] == first["exporter"]
    assert after["console"] != first["console"], "the console reads its configuration at its start"
    assert "0 of" in stack.command("apply").stdout
    assert pids(stack) == after


def test_what_does_not_become_live_is_taken_back(running: RunningStack) -> None:
    stack = running
    stack.command("render")
    before = sums(stack.root)
    prometheus = stack.pid("prometheus")
    edited(stack.root, "environment: ", "environment: elsewhere-")
    os.kill(prometheus, signal.SIGSTOP)  # it cannot take anything over
    try:
        done = stack.command("apply", "--within", "3", check=False)
    finally:
        os.kill(prometheus, signal.SIGCONT)
    assert done.returncode == 1
    assert "taking the change back" in done.stdout
    del before[str(stack.root / ".stack" / "plan.json")]
    after = sums(stack.root)
    del after[str(stack.root / ".stack" / "plan.json")]
    assert after == before
    until(lambda: "elsewhere-" not in stack.get("prometheus", "/api/v1/status/config")["data"]["yaml"])
    assert stack.pid("prometheus") == prometheus


def test_a_killed_part_comes_back_and_a_killed_supervisor_leaves_nothing(running: RunningStack) -> None:
    stack = running
    first = stack.pid("alertmanager")
    assert "restarted" not in stack.status_of("alertmanager")["detail"]
    os.kill(first, signal.SIGKILL)
    until(lambda: stack.pid("alertmanager") != first, why="Alertmanager is started again")

    def again() -> bool:
        told = stack.status_of("alertmanager")
        return told["state"] == "healthy" and "restarted 1 time" in told["detail"]

    until(again, why="it is healthy")
    state = json.loads((stack.root / ".stack" / "state.json").read_text())
    os.kill(state["pid"], signal.SIGKILL)
    until(lambda: not held(stack.root / ".stack" / "supervisor.lock"))
    until(lambda: not marked(stack.root / ".stack"), why="no part outlives the supervisor")
    assert stack.status_of("prometheus")["state"] == "stopped"
    assert "supervisor was killed" in stack.status_of("prometheus")["detail"]
    stack.up()
    assert stack.status_of("prometheus")["state"] == "healthy"


def test_up_on_a_running_stack_converges(running: RunningStack) -> None:
    stack = running
    before = pids(stack)
    stack.up()
    assert pids(stack) == before, "nothing has changed, nothing is touched"
    edited(stack.root, "environment: ", "environment: elsewhere-")
    (stack.root / "stack.yml").write_text((stack.root / "stack.yml").read_text() + "\nprofiles: [blackbox]\n")
    stack.up("--wait")
    after = pids(stack)
    assert after["blackbox-exporter"] > 0
    assert after["prometheus"] == before["prometheus"]
    assert after["console"] != before["console"]
    until(lambda: "elsewhere-" in stack.get("prometheus", "/api/v1/status/config")["data"]["yaml"])
    refused = stack.command("up", "--engine", "docker", check=False)
    assert refused.returncode == 4
    assert "the native engine runs this stack" in refused.stderr
    assert "keeps its own data" in refused.stderr


def started(stack: RunningStack, name: str) -> psutil.Process:
    """The first process of that name as soon as it is there."""
    return until(lambda: named(stack.root / ".stack", name), why=f"{name} is started")[0]


def held_back(stack: RunningStack, name: str) -> psutil.Process:
    """Stops a part that takes its time before it is ready, so that it never is."""
    process = started(stack, name)
    with contextlib.suppress(psutil.Error):
        process.suspend()
    return process


def let_go(process: psutil.Process) -> None:
    """Lets it end when it is told to."""
    with contextlib.suppress(psutil.Error):
        process.resume()


def test_interrupt_during_up_ends_what_it_started(stack: RunningStack) -> None:
    said = stack.interrupted("up", "--engine", "native", "--wait", when=lambda: held_back(stack, "loki"), then=let_go)
    assert "interrupted" in said
    assert marked(stack.root / ".stack") == []
    assert not held(stack.root / ".stack" / "supervisor.lock")
    stack.up()


def test_interrupt_during_up_on_a_running_stack_leaves_it_as_it_was(running: RunningStack) -> None:
    stack = running
    before = pids(stack)
    stack.freeze("loki")  # so that `up --wait` goes on waiting
    try:
        until(lambda: stack.status_of("loki")["state"] == "unhealthy", why="Loki is seen to hang")
        (stack.root / "stack.yml").write_text((stack.root / "stack.yml").read_text() + "\nprofiles: [blackbox]\n")
        new: list[psutil.Process] = []
        stack.interrupted("up", "--wait", when=lambda: new.append(started(stack, "blackbox")))
    finally:
        stack.thaw("loki")
    assert not alive(new[0].pid)
    assert {name: pid for name, pid in pids(stack).items() if pid} == before


# M-14
def test_the_first_password_is_shown_once_on_a_terminal_and_never_written(stack: RunningStack) -> None:
    said = stack.at_terminal("up", "--engine", "native")
    password = stack.password("admin")
    assert said.count(password) == 1
    assert stack.password("viewer") not in said
    assert password not in stack.at_terminal("up")
    noted = stack.get("console", "/api/audit", role="admin")
    assert [one["action"] for one in noted] == ["login"]  # this look's own sign-in; the look is noted after it

    file = stack.root / "secrets" / "console-admin-password"
    file.unlink()
    done = stack.command("up")
    new = stack.password("admin")
    assert new != password
    assert new not in done.stdout + done.stderr  # not a terminal: it may be a log file
    assert "secrets/console-admin-password" in done.stdout
    until(lambda: stack.get("console", "/api/audit", role="admin"), why="the console takes the new password")
    written = files(stack.root / ".stack")
    assert len(written) > 10
    assert [path for path in written if found(path, password, new)] == []


def test_destroy_asks_and_removes_the_data(running: RunningStack) -> None:
    stack = running
    asked = stack.command("destroy", check=False)
    assert asked.returncode == 130
    assert "cannot be brought back" in asked.stdout + asked.stderr
    assert stack.status_of("prometheus")["state"] == "healthy"
    stack.command("destroy", "--yes")
    assert marked(stack.root / ".stack") == []
    assert not (stack.root / ".stack" / "data").exists()
    assert (stack.root / "secrets" / "inbox-token").exists()


def test_logs_are_shown_and_followed(running: RunningStack) -> None:
    stack = running
    shown = stack.command("logs", "prometheus", "--tail", "3").stdout.splitlines()
    assert len(shown) == 3
    wrong = stack.command("logs", "promtheus", check=False)
    assert wrong.returncode == 4
    assert "prometheus" in wrong.stderr
    heard = stack.root / "heard"
    with heard.open("wb") as file:
        following = subprocess.Popen(
            [str(stack.root / "stack"), "logs", "prometheus", "-f", "--tail", "0"],
            cwd=stack.root,
            env=stack.environment,
            stdout=file,
        )

    def told() -> bool:
        os.kill(stack.pid("prometheus"), signal.SIGHUP)  # again and again: the follower may not be at the end yet
        time.sleep(0.3)
        return "Loading configuration file" in heard.read_text()

    try:
        until(told, why="a new line is shown")
        following.send_signal(signal.SIGINT)
        assert following.wait(60) == 0
    finally:
        if following.poll() is None:
            following.kill()
            following.wait()


def test_everything_listens_on_loopback_alone(running: RunningStack) -> None:
    stack = running
    ours = {process.pid for process in marked(stack.root / ".stack")}
    listening = [
        connection.laddr.ip
        for connection in psutil.net_connections("tcp")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= len(PARTS)
    assert set(listening) == {"127.0.0.1"}


def test_lifecycle_and_admin_apis_are_off(running: RunningStack) -> None:
    stack = running
    for path in ("/-/reload", "/-/quit", "/api/v1/admin/tsdb/snapshot"):
        request = urllib.request.Request(stack.url("prometheus") + path, method="POST")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=30)
    assert stack.status_of("prometheus")["state"] == "healthy"
