"""`./stack up --examples`: five real applications with their back ends, driven, scraped, and gone again."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from native_support import example_ports, marked, until
from running import RunningStack
from stackgen.engines import native_examples

pytestmark = pytest.mark.native

NAMES = {one.name for one in native_examples.EXAMPLES}
ANSWERED = {  # a metric that each one's own work gives, under its preset's name
    "example-flask": "app_request_total",
    "example-api": "user_registrations_total",
    "example-framework": "cache_requests_total",
    "example-iot": "telemetry_ingestion_total",
    "example-ai": "holisticos_openai_calls_total",
}


@pytest.fixture
def with_ports(stack: RunningStack) -> RunningStack:
    """The stack with a free port for each example too."""
    chosen = example_ports()
    stack.environment |= chosen
    stack.ports |= chosen
    return stack


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

    until(up, 60, "every example is scraped")
    for name, metric in ANSWERED.items():
        until(lambda name=name, metric=metric: stack.query(f'{metric}{{service="{name}"}}'), 60, f"{metric} of {name}")
    found = {one["metric"]["preset"] for one in stack.query('up{service=~"example-.*"} == 1')}
    assert found == {"flask", "api", "framework", "iot", "ai"}
    assert stack.command("logs", "example-iot").stdout
    assert (stack.root / "stack.yml").read_bytes() == before
    assert not stack.command("render", "--check", check=False).returncode or not stack.command("diff").stdout

    postgres = [one for one in marked(stack.root / ".stack") if one.name() == "postgres"]
    homes = {Path(one.cwd()) for one in postgres}
    assert postgres
    stack.up()
    assert not NAMES & set(stack.status())
    assert not [one for one in postgres if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert not [home for home in homes if home.exists()]
    until(lambda: not [name for name in stack.targets() if name.startswith("example-")], 30, "no job is left")


def test_a_taken_port_of_an_example_is_told(with_ports: RunningStack) -> None:
    stack = with_ports
    stack.environment["EXAMPLE_IOT_PORT"] = stack.ports["EXAMPLE_AI_PORT"]
    done = stack.command("up", "--engine", "native", "--examples", check=False)
    assert done.returncode != 0
    assert "is meant for two of the examples" in done.stderr
    assert "change EXAMPLE_" in done.stderr
