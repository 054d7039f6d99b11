"""`apply` on containers: what was rendered but not read is applied too, another word of a command line takes another
container, a version comes back, a kill is ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from apply_support import AppliedStack
from compose_support import ComposeStack
from waiting import until

pytestmark = pytest.mark.compose

NEW = "live: stack_config_info"
OLD = "the files and the running stack are on the old configuration"


class Applied(ComposeStack, AppliedStack):
    """The edits of the native tests, on containers."""

    def keep(self, days: int) -> None:
        """An edit of how long Prometheus keeps metrics."""
        path = self.root / "stack.yml"
        text, found = re.subn(r"(?<=metrics: )\d+d", f"{days}d", path.read_text())
        assert found == 1
        path.write_text(text)

    def kept(self) -> str:
        """How long Prometheus keeps metrics, as it says itself; "" while it does not answer."""
        try:
            return str(self.get("prometheus", "/api/v1/status/flags")["data"]["storage.tsdb.retention.time"])
        except OSError:
            return ""

    def ids(self) -> dict[str, str]:
        """The engine's name of each container that stays."""
        return {name: one["Id"] for name, one in self.containers().items() if name != "init"}


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., ComposeStack]) -> Iterator[Applied]:
    made = make_stack("apply", Applied)
    assert isinstance(made, Applied)
    made.simplify()
    made.edit()
    made.up("--wait")
    yield made
    made.close()


def is_live(stack: Applied, number: int) -> None:
    until(lambda: stack.live() == (number, number), why=f"both parts are on {number}")


def test_what_was_rendered_before_is_applied_too(stack: Applied) -> None:
    number = stack.edit()
    stack.command("render")
    said = stack.command("apply").stdout
    assert f"fires at {number} %" in said, "compared with what runs, not with what lies there"
    assert "reloading alertmanager, prometheus" in said
    assert "0 of" in said
    assert NEW in said
    is_live(stack, number)
    assert stack.command("diff").returncode == 0


def test_a_changed_retention_makes_prometheus_anew_and_comes_back(stack: Applied) -> None:
    before = stack.ids()
    stack.keep(10)
    told = stack.command("diff", check=False)
    assert told.returncode == 3
    flag = "--storage.tsdb.retention.time="
    assert f"prometheus runs with {flag}10d instead of {flag}30d" in told.stdout
    said = stack.command("apply").stdout
    assert "restarting prometheus" in said
    assert NEW in said
    assert stack.kept() == "10d"
    after = stack.ids()
    assert {name for name in before if before[name] != after[name]} == {"prometheus"}
    assert stack.command("diff").returncode == 0
    said = stack.command("apply", "--rollback").stdout
    assert f"prometheus runs with {flag}30d instead of {flag}10d" in said
    assert "metrics: 30d" in (stack.root / "stack.yml").read_text()
    assert stack.kept() == "30d"


def test_what_does_not_become_live_is_taken_back_to_what_ran(stack: Applied) -> None:
    old = stack.live()[0]
    stack.edit()
    stack.command("render")
    stack.freeze("prometheus")
    try:
        done = stack.command("apply", "--within", "2", check=False)
    finally:
        stack.thaw("prometheus")
    assert done.returncode == 1
    is_live(stack, old)
    assert f"> {old}\n" in (stack.root / "prometheus" / "rules" / "edited.yml").read_text()


def test_a_retention_beside_what_does_not_become_live_is_taken_back(stack: Applied) -> None:
    old = stack.live()[0]
    stack.edit()
    stack.keep(20)
    stack.freeze("alertmanager")
    try:
        done = stack.command("apply", "--within", "2", check=False)
    finally:
        stack.thaw("alertmanager")
    assert done.returncode == 1, done.stdout
    assert "restarting prometheus" in done.stdout
    until(lambda: stack.kept() == "30d", why="Prometheus has its old words again")
    is_live(stack, old)
    stack.keep(30)


def test_a_rollback(stack: Applied) -> None:
    old, number = stack.live()[0], stack.edit()
    stack.command("apply")
    is_live(stack, number)
    said = stack.command("apply", "--rollback").stdout
    assert NEW in said
    is_live(stack, old)
    assert f"memory_warning: {old}" in (stack.root / "stack.yml").read_text()
    assert "applied (rollback to" in stack.command("apply", "--history").stdout.splitlines()[1]


@pytest.mark.parametrize("step", ["when the files are written", "when it is live"])
def test_killed_at(stack: Applied, step: str) -> None:
    old, number = stack.live()[0], stack.edit()
    stack.killed(step)
    said = stack.command("status").stdout
    assert "was interrupted" in said
    assert ("it is finished" if step == "when it is live" else OLD) in said
    is_live(stack, number if step == "when it is live" else old)
