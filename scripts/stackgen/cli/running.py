"""The configuration of a running stack, whatever the engine: what is in force, what the sources would put in force, and
which parts read it again by a signal or a restart. Whether they have is asked in `readback`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stackgen import write
from stackgen.cli.affected import Affected, affected
from stackgen.cli.readback import digests, told
from stackgen.engines import docker_config, docker_examples
from stackgen.engines.base import Engine, State
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native import NativeEngine
from stackgen.engines.native_commands import plans
from stackgen.engines.native_plan import PartPlan, Plan
from stackgen.engines.native_tree import contents
from stackgen.history import History
from stackgen.model import Model
from stackgen.render import render
from stackgen.words.spell import instead, listed

if TYPE_CHECKING:
    from stackgen.engines.docker import DockerEngine
    from stackgen.engines.docker_words import Change

Files = Mapping[str, bytes]


class Running(Protocol):
    """before, after: the tree that the parts read now, and the one that the sources give.

    live: whether that tree is another one than the generated files of the checkout.
    commands: sentences about parts that get another command line.
    """

    @property
    def engine(self) -> Engine: ...
    @property
    def model(self) -> Model: ...
    @property
    def live(self) -> bool: ...
    @property
    def before(self) -> Files: ...
    @property
    def after(self) -> Files: ...
    @property
    def concerned(self) -> Affected: ...
    @property
    def commands(self) -> list[str]: ...
    @property
    def plan(self) -> Mapping[str, Any] | None: ...
    def put(self) -> None: ...
    def back(self, files: Files, plan: Mapping[str, Any] | None, parts: tuple[str, ...]) -> None: ...


def running(root: Path, model: Model, engine: NativeEngine | DockerEngine | None) -> Running | None:
    """The running stack of this engine, None when it does not run."""
    if engine is None or not engine.running():
        return None
    if isinstance(engine, NativeEngine):
        return NativeRunning(root, model, engine)
    return DockerRunning(root, model, engine)


def on_disk(root: Path, files: Files) -> dict[str, bytes]:
    """The generated files that lie in the checkout now: those that will be replaced and those that will be removed."""
    removed = (one.path for one in write.difference(root, files) if one.kind == "removed")
    return {path: (root / path).read_bytes() for path in sorted({*files, *removed}) if (root / path).exists()}


@dataclass
class NativeRunning:
    """Processes read `.stack/config`; the supervisor tells them by the plan."""

    root: Path
    model: Model
    engine: NativeEngine
    live: bool = True

    @cached_property
    def before(self) -> Files:
        return self.engine.tree.read()

    @cached_property
    def after(self) -> Files:
        return contents(self.root, self.model, self.engine.running_placement())

    @cached_property
    def _plan(self) -> Plan | None:
        return Plan.read(self.engine.folder.plan)

    @property
    def plan(self) -> Mapping[str, Any] | None:
        return asdict(self._plan) if self._plan else None

    @cached_property
    def _parts(self) -> list[tuple[PartPlan, PartPlan | None]]:
        """Each part as it shall run, and as it runs."""
        old = {part.name: part for part in (self._plan.parts if self._plan else ())}
        new = plans(self.root, self.model, self.engine.running_placement(), self.after)
        return [(part, old.get(part.name)) for part in new]

    @cached_property
    def concerned(self) -> Affected:
        """By the plan, as the supervisor sees it: a pulled checkout's own code counts, and parts that come or go."""
        names = {part.name for part, _ in self._parts}
        return Affected(
            reload=tuple(part.name for part, old in self._parts if old and _reloads(part, old)),
            restart=tuple(part.name for part, old in self._parts if old and part.differs(old)),
            start=tuple(part.name for part, old in self._parts if old is None),
            end=tuple(part.name for part in (self._plan.parts if self._plan else ()) if part.name not in names),
        )

    @property
    def commands(self) -> list[str]:
        said = []
        for new, old in self._parts:
            if old and new.command != old.command:
                more = [word for word in new.command if word not in old.command]
                less = [word for word in old.command if word not in new.command]
                said.append(_command(new.name, more, less))
        return said

    def put(self) -> None:
        self.engine.converge(self.engine.running_placement(), search=bool(self.concerned.start))

    def back(self, files: Files, plan: Mapping[str, Any] | None, parts: tuple[str, ...]) -> None:
        self.engine.restore(files, Plan.of(plan))


def _command(part: str, more: Iterable[str], less: Iterable[str]) -> str:
    return f"{part} runs with {instead(listed(more) or 'nothing', listed(less) or 'nothing')}"


def _reloads(new: PartPlan, old: PartPlan) -> bool:
    return not new.differs(old) and new.reload_digest != old.reload_digest


@dataclass
class DockerRunning:
    """Containers mount the generated files of the checkout, with the examples a tree of their own (`live`). plan: by
    part, the variables behind words of its command that change.
    """

    root: Path
    model: Model
    engine: DockerEngine

    @cached_property
    def live(self) -> bool:
        return docker_examples.wanted(self.root)

    @cached_property
    def before(self) -> Files:
        """What the parts have read: the version applied last where Prometheus shows it, else what lies there."""
        history = History(self.root / ".stack")
        newest = history.newest()
        if newest is not None and newest.engine == self.engine.name:
            address = next((part.address for part in self.engine.status() if part.part == "prometheus"), "")
            shown = told(lambda: digests(address))
            if shown is None or newest.digest in shown:
                return history.contents((newest.live if self.live else {}) or newest.files)
        return docker_examples.read(self.root) if self.live else on_disk(self.root, self.after)

    @cached_property
    def after(self) -> Files:
        return docker_examples.contents(self.root, self.model) if self.live else render(self.model, COMPOSE)

    @cached_property
    def concerned(self) -> Affected:
        """Parts whose files change, and those that have not read what lies there already; those that run, alone."""
        seen, now = docker_config.seen(self.root / ".stack"), docker_config.digests(docker_examples.tree(self.root))
        stale = {part for part, digest in now.items() if seen.get(part, digest) != digest}
        paths = {path for path in {*self.before, *self.after} if self.before.get(path) != self.after.get(path)}
        found = affected(paths, stale)
        states = {part.part: part.state for part in self.engine.status()}
        known = {name for name, state in states.items() if state is not State.STOPPED}
        return Affected(
            reload=tuple(part for part in found.reload if part in known - self._words.keys()),
            restart=tuple(part for part in sorted({*found.restart, *self._words}) if part in known),
            up=tuple(name for name, state in states.items() if state is State.STOPPED),
        )

    @cached_property
    def _words(self) -> Mapping[str, Change]:
        return self.engine.other_words()

    @property
    def commands(self) -> list[str]:
        return [_command(part, change.new, change.old) for part, change in self._words.items()]

    @property
    def plan(self) -> Mapping[str, Any] | None:
        return {part: dict(change.variables) for part, change in self._words.items()} or None

    def put(self) -> None:
        if self.live:
            docker_examples.put(self.root, self.after)
        for part in self.concerned.parts:
            if part in self._words:
                self.engine.make_anew(part)
            else:
                self.engine.reload(part)

    def back(self, files: Files, plan: Mapping[str, Any] | None, parts: tuple[str, ...]) -> None:
        if self.live:
            docker_examples.put(self.root, files)
        for part in parts:
            if plan and part in plan:
                self.engine.make_anew(part, plan[part])
            else:
                self.engine.reload(part)
