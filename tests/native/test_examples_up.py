"""`./stack up --examples`: five real applications with their back ends, driven, scraped, and gone again."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from native_support import ANSWERED, alive, example_ports, files, found, named
from running import RunningStack
from stackgen.engines import native_examples
from waiting import until
from watchstack import init

pytestmark = pytest.mark.native

NAMES = {one.name for one in native_examples.EXAMPLES}


@pytest.fixture
def with_ports(stack: RunningStack) -> RunningStack:
    """The stack with a free port for each example too."""
    chosen = example_ports()
    stack.environment |= chosen
    stack.ports |= chosen
    return stack


def code_of(url: str, token: str = "") -> int:
    """Status of a GET with this token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def the_token_opens_their_pages(stack: RunningStack, said: str) -> None:  # M-05
    """The pages are closed without the token, which lies in a file of this checkout for its owner alone."""
    file = stack.root / "secrets" / init.EXAMPLES_TOKEN
    token = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    where = f"ask for the token in secrets/{file.name}"
    told = stack.command("status").stdout
    assert where in said
    assert where in told
    assert token not in said + told
    for name in NAMES:
        page = stack.url(name) + "/admin/monitoring"
        assert (code_of(page), code_of(page, "guess"), code_of(page, token)) == (401, 401, 200), name
    written = files(stack.root / ".stack")
    assert len(written) > 10
    assert [path for path in written if found(path, token)] == []


def test_the_examples_come_and_go(with_ports: RunningStack) -> None:
    stack = with_ports
    before = (stack.root / "stack.yml").read_bytes()
    said = stack.up("--examples", "--wait")
    assert "the example of the preset iot" in said.stdout
    assert "the examples do without" not in said.stdout, "redis-server, PostgreSQL and FerretDB are here"
    status = stack.status()
    assert set(status) >= NAMES
    assert {part["state"] for part in status.values()} == {"healthy"}

    def up() -> bool:
        return {name for name, health in stack.targets().items() if health == "up"} >= {
            f"{name} 127.0.0.1:{stack.ports[native_examples.variable(name)]}" for name in NAMES
        }

    until(up, 120, "every example is scraped")
    for name, metric in ANSWERED.items():
        until(lambda name=name, metric=metric: stack.query(f'{metric}{{service="{name}"}}'), 120, f"{metric} of {name}")

    def presets() -> set[str]:
        return {one["metric"]["preset"] for one in stack.query('up{service=~"example-.*"} == 1')}

    until(lambda: presets() == {"flask", "api", "framework", "iot", "ai"}, why=lambda: f"each preset: {presets()}")
    assert stack.command("logs", "example-iot").stdout
    the_token_opens_their_pages(stack, said.stdout)
    assert (stack.root / "stack.yml").read_bytes() == before
    assert not stack.command("render", "--check", check=False).returncode or not stack.command("diff").stdout

    postgres = named(stack.root / ".stack", "postgres")
    homes = set()
    for one in postgres:
        with contextlib.suppress(psutil.Error):  # one that serves a connection may end meanwhile
            homes.add(Path(one.cwd()))
    assert homes
    stack.up()
    assert not NAMES & set(stack.status())
    until(lambda: not [one for one in postgres if alive(one.pid)], why="PostgreSQL has ended")
    assert not [home for home in homes if home.exists()]
    until(lambda: not [name for name in stack.targets() if name.startswith("example-")], why="no job is left")


def test_a_taken_port_of_an_example_is_told(with_ports: RunningStack) -> None:
    stack = with_ports
    stack.environment["EXAMPLE_IOT_PORT"] = stack.ports["EXAMPLE_AI_PORT"]
    done = stack.command("up", "--engine", "native", "--examples", check=False)
    assert done.returncode != 0
    assert "is meant for two of the examples" in done.stderr
    assert "change EXAMPLE_" in done.stderr
