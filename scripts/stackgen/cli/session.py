"""What every command begins with: the checkout, its variables, the lock, an interrupted write ended, the model read,
the engine found. The commands themselves live beside this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stackgen import report, write
from stackgen.checks.promtool import judge
from stackgen.cli.lock import WAIT, locked
from stackgen.cli.output import Output
from stackgen.diagnostic import Diagnostic, SourceError
from stackgen.engines import choose, ports
from stackgen.engines.base import Context, EngineError
from stackgen.engines.native import NativeEngine
from stackgen.history import attempt
from stackgen.load import load
from stackgen.model import Model
from stackgen.model.stack import Stack

if TYPE_CHECKING:
    from stackgen.engines.docker import DockerEngine

ENDING = ("down", "destroy")  # commands that end the stack: what it reads is of no interest any more


@dataclass
class Session:
    """One run of the command line on one checkout. lock_wait: seconds to wait for another command."""

    root: Path
    debug: bool = False
    lock_wait: float = WAIT

    @property
    def state(self) -> Path:
        return self.root / ".stack"

    @property
    def environment(self) -> dict[str, str]:
        """The process's variables over `.env`."""
        return ports.environment(self.root, os.environ)

    @contextmanager
    def alone(self, command: str, output: Output) -> Iterator[None]:
        """Holds the lock and ends an interrupted write first."""
        with locked(self.state, command, wait=self.lock_wait, say=output.say):
            self.recover(output, held=True, looking=command not in ENDING)
            yield

    def recover(self, output: Output, *, held: bool = False, looking: bool = True) -> None:
        """Ends a write of generated files and an apply that were killed. held: this command has the lock."""
        if done := write.recover(self.root):
            output.say(f"an earlier write of generated files had been interrupted; it was {done}")
        if attempt.left(self.state):
            from stackgen.cli.undo import end_interrupted  # late: nearly never needed

            end_interrupted(self, output, held=held, looking=looking)

    def load(self, output: Output) -> Model:
        """The model; warnings are told. Raises SourceError with every finding when there is an error."""
        model, findings = load(self.root, judge)
        self.tell(findings, output)
        return model

    def tell(self, findings: list[Diagnostic], output: Output) -> None:
        """Findings as text on standard error."""
        if findings:
            output.errors.print(report.text(findings, self.root), end="", markup=False)

    def model(self) -> Model:
        """The model for looking and stopping: an empty one while the sources cannot be read."""
        try:
            return load(self.root)[0]
        except SourceError:
            return Model(Stack(), (), "")

    def engine(self, name: str, model: Model, output: Output | None = None) -> NativeEngine | DockerEngine:
        """The engine of that name; what it says while it works goes to the output."""
        context = Context(self.root, model, self.environment)
        if name == "native":
            return NativeEngine(context)
        from stackgen.engines.docker import DockerEngine

        return DockerEngine(context, say=output.say if output else None)

    def runs(self, name: str) -> bool:
        """Whether that engine runs this stack now; an engine that cannot be asked runs nothing."""
        try:
            return self.engine(name, Model(Stack(), (), "")).running()
        except EngineError:
            return False

    def current(self) -> str:
        """The engine that runs, else the one that was used last, else ""."""
        last = choose.remembered(self.state)
        order = [last, *(name for name in choose.ENGINES if name != last)] if last else list(choose.ENGINES)
        return next((name for name in order if self.runs(name)), last)
