"""`apply` on containers: what was rendered but not read is applied too, a version comes back, a kill is ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from apply_support import AppliedStack
from compose_support import ComposeStack, until

pytestmark = pytest.mark.compose

NEW = "live: stack_config_info"
OLD = "the files and the running stack are on the old configuration"


class Applied(ComposeStack, AppliedStack):
    """The edits of the native tests, on containers."""


@pytest.fixture(scope="module")
def stack(make_stack: Callable[..., ComposeStack]) -> Iterator[AppliedStack]:
    made = make_stack("apply", Applied)
    assert isinstance(made, Applied)
    made.simplify()
    made.edit()
    made.up("--wait")
    yield made
    made.close()


def is_live(stack: AppliedStack, number: int) -> None:
    until(lambda: stack.live() == (number, number), 20, f"both parts are on {number}")


def test_what_was_rendered_before_is_applied_too(stack: AppliedStack) -> None:
    number = stack.edit()
    stack.command("render")
    said = stack.command("apply").stdout
    assert f"fires at {number} %" in said, "compared with what runs, not with what lies there"
    assert "reloading alertmanager, prometheus" in said
    assert "0 of" in said
    assert NEW in said
    is_live(stack, number)
    assert stack.command("diff").returncode == 0


def test_what_does_not_become_live_is_taken_back_to_what_ran(stack: AppliedStack) -> None:
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


def test_a_rollback(stack: AppliedStack) -> None:
    old, number = stack.live()[0], stack.edit()
    stack.command("apply")
    is_live(stack, number)
    said = stack.command("apply", "--rollback").stdout
    assert NEW in said
    is_live(stack, old)
    assert f"memory_warning: {old}" in (stack.root / "stack.yml").read_text()
    assert "applied (rollback to" in stack.command("apply", "--history").stdout.splitlines()[1]


@pytest.mark.parametrize("step", ["when the files are written", "when it is live"])
def test_killed_at(stack: AppliedStack, step: str) -> None:
    old, number = stack.live()[0], stack.edit()
    stack.killed(step)
    said = stack.command("status").stdout
    assert "was interrupted" in said
    assert ("it is finished" if step == "when it is live" else OLD) in said
    is_live(stack, number if step == "when it is live" else old)
