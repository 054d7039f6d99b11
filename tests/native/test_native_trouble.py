"""What stands in the way of `up`: a taken port, a folder that cannot be written, a full disk, no network. Each is one
message with its fix, leaves no process behind, and `up` works once it is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_support import alive, marked
from running import RunningStack
from stackgen.engines.native_files import held
from support import unavailable
from waiting import until

pytestmark = pytest.mark.native

NOBODY = 65534
CLOSED = "http://127.0.0.1:9"  # the discard port: nothing listens


@contextlib.contextmanager
def tmpfs(path: Path, size: str) -> Iterator[None]:
    """A small disk of its own at this path."""
    path.mkdir(exist_ok=True)
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(path)],
            capture_output=True,
            check=False,
        ).returncode
    ):
        unavailable("a disk of its own can be mounted by root alone")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_taken_port_is_told_before_anything_starts(stack: RunningStack) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(stack.ports["PROMETHEUS_PORT"])))
        holder.listen(1)
        done = stack.command("up", "--engine", "native", check=False)
    assert done.returncode == 4
    assert f"prometheus: port {stack.ports['PROMETHEUS_PORT']} is held by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert "PROMETHEUS_PORT" in done.stderr
    assert "nothing was started" in done.stderr
    assert "Traceback" not in done.stderr
    assert marked(stack.root / ".stack") == []
    assert not held(stack.root / ".stack" / "supervisor.lock")
    stack.up()


def test_a_port_of_dotenv_is_used_and_kept_by_later_commands(stack: RunningStack) -> None:
    wanted = dict(stack.ports)
    (stack.root / ".env").write_text("".join(f"{name}={port}\n" for name, port in wanted.items()))
    stack.environment = {name: value for name, value in stack.environment.items() if name not in wanted}
    stack.up()
    assert stack.status_of("console")["address"] == stack.url("console")
    (stack.root / ".env").unlink()
    assert stack.status_of("console")["address"] == stack.url("console")
    assert "live" in stack.command("apply").stdout, "apply goes where the stack runs"
    assert stack.status_of("console")["address"] == stack.url("console")


def test_a_folder_that_cannot_be_written(stack: RunningStack) -> None:
    """Root is bound by permissions as well once it has laid down the capabilities that override them."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() or setpriv is None:
        unavailable("only root can give a folder to somebody else, and setpriv has to be there")
    folder = stack.root / ".stack"
    folder.mkdir(mode=0o755)
    os.chown(folder, NOBODY, NOBODY)
    bound = [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    done = subprocess.run(
        [*bound, str(stack.root / "stack"), "up", "--engine", "native"],
        cwd=stack.root,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"cannot write {folder}" in done.stderr
    assert "Permission denied" in done.stderr
    assert "chown or chmod" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
    assert marked(folder) == []
    os.chown(folder, 0, 0)
    stack.up()


def test_a_full_disk_is_told_before_anything_starts(stack: RunningStack) -> None:
    with tmpfs(stack.root / ".stack", "8m"):
        done = stack.command("up", "--engine", "native", check=False)
        assert done.returncode == 4
        assert "MiB are free" in done.stderr
        assert "free disk space" in done.stderr
        assert marked(stack.root / ".stack") == []
    stack.up()


def test_a_disk_that_fills_up_while_the_stack_runs(stack: RunningStack) -> None:
    with tmpfs(stack.root / ".stack", "450m"):
        try:
            stack.up("--wait")
            supervisor = json.loads((stack.root / ".stack" / "state.json").read_text())["pid"]
            filler = stack.root / ".stack" / "filler"
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"\0" * (1 << 20))
            assert shutil.disk_usage(stack.root / ".stack").free < 1 << 20
            edit = (stack.root / "stack.yml").read_text().replace("environment: ", "environment: elsewhere-")
            (stack.root / "stack.yml").write_text(edit)
            done = stack.command("apply", check=False)
            assert done.returncode in (1, 4), done.stdout
            assert "No space left" in done.stdout + done.stderr
            assert "Traceback" not in done.stderr
            assert alive(supervisor)
            filler.unlink()
            stack.up("--wait")
            assert {part["state"] for part in stack.status().values()} == {"healthy"}
            stack.command("apply")
        finally:
            stack.command("down", check=False)


def test_no_network_and_an_empty_cache(stack: RunningStack, tmp_path: Path) -> None:
    empty = tmp_path / "cache"
    stack.environment |= {"WATCHSTACK_CACHE": str(empty), "GOPROXY": CLOSED, "GOFLAGS": ""}
    stack.environment |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), CLOSED)
    stack.environment |= {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    done = stack.command("up", "--engine", "native", check=False, timeout=300)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "prometheus is failed" in done.stderr
    assert "network" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    status = stack.status()
    for part in ("exporter", "console", "containers"):
        assert status[part]["state"] == "healthy"
    assert status["prometheus"]["state"] == "failed"
    until(lambda: stack.status_of("loki")["state"] == "failed", 300, "the build of Loki fails too")
    # the network is back: the same command goes on
    for name in ("WATCHSTACK_CACHE", "GOPROXY", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        stack.environment.pop(name)
        if name in os.environ:
            stack.environment[name] = os.environ[name]
    stack.command("down")
    stack.up()
    assert stack.status_of("prometheus")["state"] == "healthy"
