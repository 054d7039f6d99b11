"""`./stack up --examples` in containers: five applications with their back ends, driven, scraped, and gone again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from compose_support import ComposeStack
from native_support import ANSWERED, example_ports
from stackgen.engines import docker_examples, native_examples
from waiting import until

pytestmark = pytest.mark.compose

PARTS = set(native_examples.default_ports())
BOARDS = {  # a dashboard of each preset
    "flask-overview.json", "api-overview.json", "framework.json", "iot-platform.json", "ai-service.json"
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(make_stack: Callable[[str], ComposeStack]) -> Iterator[ComposeStack]:
    """A stack with free ports for the examples too; the first test starts it with them."""
    made = make_stack("examples")
    chosen = example_ports()
    made.environment |= chosen
    made.ports |= chosen
    yield made
    made.close()


def of_examples(stack: ComposeStack) -> dict[str, str]:
    """Health of their containers as the engine says."""
    return {name: health for name, health in stack.healths().items() if name.startswith(native_examples.PREFIX)}


def test_they_run_beside_the_stack(stack: ComposeStack, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    said = stack.up("--examples", "--wait").stdout
    with capsys.disabled():
        print(f"\nup --examples --wait in containers: {time.monotonic() - began:.1f} s")
    assert of_examples(stack) == dict.fromkeys(PARTS, "healthy")
    status = stack.status()
    assert {status[name]["state"] for name in PARTS} == {"healthy"}
    for one in native_examples.EXAMPLES:
        assert status[one.name]["address"] == stack.url(one.name)
        assert f"the example of the preset {one.preset}" in said
        assert stack.read(one.name, one.ready), "it answers on loopback"
    assert stack.command("logs", "example-iot").stdout
    assert stack.command("render", "--check").returncode == 0, "the files of the checkout stay as they are"


def test_each_is_scraped_under_its_name_and_gives_its_metrics(stack: ComposeStack) -> None:
    jobs = {f"{one.name} {one.name}:{one.port}" for one in native_examples.EXAMPLES}
    until(lambda: {name for name, health in stack.targets().items() if health == "up"} >= jobs, why="all are scraped")
    presets = {(one.name, one.preset) for one in native_examples.EXAMPLES}

    def labels() -> bool:
        found = [one["metric"] for one in stack.query('up{service=~"example-.*"} == 1')]
        return {(one["service"], one["preset"]) for one in found} == presets

    until(labels, why="each has its service and preset")
    for name, metric in ANSWERED.items():
        until(lambda name=name, metric=metric: stack.query(f'{metric}{{service="{name}"}}'), why=f"{metric} of {name}")


def test_a_change_is_applied_to_the_stack_with_them(stack: ComposeStack) -> None:
    path = stack.root / "stack.yml"
    path.write_text(path.read_text().replace("environment: production", "environment: elsewhere"))
    said = stack.command("apply").stdout
    assert "reloading prometheus" in said
    assert "live: stack_config_info" in said
    config = stack.get("prometheus", "/api/v1/status/config")["data"]["yaml"]
    assert "elsewhere" in config
    assert "example-flask:15000" in config


def test_their_dashboards_have_data(stack: ComposeStack) -> None:
    def whole() -> bool:
        done = stack.command("check", "--live", check=False)
        table = {line.split()[0].rpartition("/")[2]: [int(word) for word in line.split()[1:]]
                 for line in done.stdout.splitlines() if line.startswith("grafana/dashboards/")}  # fmt: skip
        if done.returncode or not all(table[board][0] > table[board][1] for board in BOARDS):
            raise ValueError(done.stdout + done.stderr)
        return True

    until(whole, 180, "every panel has data, those of the examples' presets too")


def test_without_the_word_they_end_and_nothing_is_left(stack: ComposeStack) -> None:
    stack.up()
    assert of_examples(stack) == {}
    assert not PARTS & set(stack.status())
    assert not [name for name in stack.volumes() if name.endswith(docker_examples.SECRETS)]
    assert not (stack.root / ".stack" / docker_examples.TREE).exists()
    until(lambda: not [name for name in stack.targets() if name.startswith("example-")], why="no job is left")
    assert stack.command("logs", "example-iot", check=False).returncode == 4
