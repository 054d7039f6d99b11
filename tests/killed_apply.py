"""`./stack apply` that is killed at a step: `python killed_apply.py STEP [WORDS…]`, with STACK_ROOT in the environment.

Everything is the real thing; only the kill is put between two steps, since no test can hit them from outside.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from stackgen import journal, write
from stackgen.cli import applying, undo
from stackgen.cli.app import run
from stackgen.engines.native import NativeEngine
from stackgen.engines.native_tree import Tree
from stackgen.history.attempt import Attempt


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, call: int = 1) -> Callable[[], None]:
    """Dies instead of the n-th call."""
    return lambda: _patch(owner, name, call, early=True)


def after(owner: Any, name: str, call: int = 1) -> Callable[[], None]:
    """Dies when the n-th call has ended."""
    return lambda: _patch(owner, name, call, early=False)


def _patch(owner: Any, name: str, call: int, *, early: bool) -> None:
    original = getattr(owner, name)
    left = [call]

    def patched(*words: Any, **named: Any) -> Any:
        left[0] -= 1
        if early and not left[0]:
            kill()
        value = original(*words, **named)
        if not early and not left[0]:
            kill()
        return value

    setattr(owner, name, patched)


STEPS = {
    "when the journal is begun": before(Attempt, "wanting"),
    "when the journal is whole": after(Attempt, "wanting"),
    "before the first file": before(journal.Disk, "rename", 3),
    "among the files": before(journal.Disk, "rename", 4),
    "when the files are written": after(write, "write"),
    "when the parts' files are there": after(Tree, "install"),
    "when the parts are told": after(NativeEngine, "converge"),
    "when it is live": after(applying, "await_live"),
    "when it is in the history": after(Attempt, "applied"),
    "while it is taken back": after(undo.Undo, "_back"),
}

if __name__ == "__main__":
    STEPS[sys.argv[1]]()
    run(["apply", *sys.argv[2:]])
