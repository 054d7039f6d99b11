"""`./stack apply`: makes the running stack read what the sources say now, asks it whether it has, and takes the change
back when it has not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import click

from stackgen import write
from stackgen.cli import codes
from stackgen.cli.affected import affected
from stackgen.cli.output import Output
from stackgen.cli.readback import Expected, await_live
from stackgen.cli.session import Session
from stackgen.cli.tools import verify
from stackgen.engines.base import Engine, EngineError
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native import NativeEngine
from stackgen.engines.native_tree import contents
from stackgen.model import Model
from stackgen.render import config_digest, render

LIVE_WITHIN = 60.0  # seconds until the new configuration must be live, unless the user says otherwise


@click.command()
@click.option("--json", "json_", is_flag=True, help="The outcome as JSON.")
@click.option(
    "--within",
    type=click.FloatRange(1),
    default=LIVE_WITHIN,
    show_default=True,
    help="Seconds until the running parts must have the new configuration.",
)
@click.pass_obj
def apply(session: Session, json_: bool, within: float) -> None:
    """Check, generate, reload the running stack, and read back that exactly this configuration is live."""
    output = Output(json_=json_)
    with session.alone("apply", output):
        model = session.load(output)
        name = session.current()
        engine = session.engine(name, model, output) if name else None
        if engine is not None and not engine.running():
            engine = None
        outcome = _Applied(session, model, output, engine, within).run()
    if json_:
        output.document(outcome)
    sys.exit(codes.FINE if outcome["applied"] else codes.FINDINGS)


@dataclass
class _Applied:
    """One run of apply. before: generated files as they were on the disk, for the way back."""

    session: Session
    model: Model
    output: Output
    engine: Engine | None
    within: float
    before: dict[str, bytes] = field(default_factory=dict)

    def run(self) -> dict[str, object]:
        files = render(self.model, COMPOSE)
        native = isinstance(self.engine, NativeEngine)
        ran = verify(files, fetched=native)
        self.output.say(f"checked with {' and '.join(ran)}" if ran else "promtool and amtool are not here; not asked")
        differences = write.difference(self.session.root, files)
        self.before = _generated(self.session, files)
        changed = [one.path for one in differences]
        write.write(self.session.root, files)
        self.output.say(f"{len(changed)} of {len(files)} generated files changed")
        if self.engine is None:
            self.output.say("the stack does not run; ./stack up starts it with these files")
            return {"applied": True, "running": False, "changed": changed, "missing": []}
        signalled = time.time()
        try:
            digest, parts = self._reload(self.engine, files, changed)
            missing = self._live(self.engine, Expected(parts, signalled, digest))
        except (EngineError, KeyboardInterrupt) as error:
            self._take_back(self.engine, changed)
            if isinstance(error, KeyboardInterrupt):
                raise
            missing = [str(error)]
        else:
            if missing:
                self._take_back(self.engine, changed)
        for line in missing:
            self.output.error(line)
        if missing:
            self.output.say("nothing was applied: the files and the running stack are as they were")
        else:
            self.output.say(f'live: stack_config_info{{sha256="{digest[:12]}…"}} is in /api/v1/rules', "green")
        return {"applied": not missing, "running": True, "changed": changed, "missing": missing}

    def _reload(self, engine: Engine, files: Mapping[str, bytes], changed: list[str]) -> tuple[str, tuple[str, ...]]:
        """Gives the new files to the running parts; the digest they must show, and the parts concerned."""
        if isinstance(engine, NativeEngine):
            places = engine.running_placement()
            tree = contents(self.session.root, self.model, places)
            old = engine.tree.read()
            paths = [path for path in {*tree, *old} if tree.get(path) != old.get(path)]
            reload, restart = affected(paths)
            engine.converge(places, search=False)
            self._say(reload, restart)
            return config_digest(tree), (*reload, *restart)
        reload, restart = affected(changed)
        self._say(reload, restart)
        for part in (*reload, *restart):
            engine.reload(part)
        return config_digest(files), (*reload, *restart)

    def _say(self, reload: list[str], restart: list[str]) -> None:
        if reload:
            self.output.say(f"reloading {', '.join(reload)}")
        if restart:
            self.output.say(f"restarting {', '.join(restart)}")

    def _live(self, engine: Engine, expected: Expected) -> list[str]:
        with self.output.console.status("asking the parts whether they have it"):
            return await_live(engine, expected, self.within)

    def _take_back(self, engine: Engine, changed: list[str]) -> None:
        self.output.say("taking the change back", "yellow")
        signalled = time.time()
        write.write(self.session.root, self.before)
        parts = tuple(part for parts in affected(changed) for part in parts)
        if isinstance(engine, NativeEngine):
            engine.undo()
            digest = _digest(engine.tree.read())
        else:
            for part in parts:
                engine.reload(part)
            digest = _digest(self.before)
        for line in self._live(engine, Expected(parts, signalled, digest)):
            self.output.error(line, "./stack up brings the stack to what the sources say")


def _digest(files: Mapping[str, bytes]) -> str:
    """The digest of a tree, "" when it has none (there was no generated file before)."""
    try:
        return config_digest(files)
    except KeyError:
        return ""


def _generated(session: Session, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The generated files that are on the disk now: those that will be replaced and those that will be removed."""
    paths = {*files, *(one.path for one in write.difference(session.root, files) if one.kind == "removed")}
    return {path: (session.root / path).read_bytes() for path in sorted(paths) if (session.root / path).exists()}
