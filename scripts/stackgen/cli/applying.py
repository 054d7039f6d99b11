"""One run of `apply`: journal, files, parts, read-back; and the way back, in this process or in the next command's.

Before anything is changed the journal (`history.Attempt`) holds what was in force. Whatever happens then, an error, an
interrupt, a full disk, SIGKILL, ends in `Undo`, called here or by `end_interrupted` of the next command.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stackgen import history as versions
from stackgen import write
from stackgen.cli.output import Output
from stackgen.cli.readback import Expected, await_live
from stackgen.cli.running import Running, on_disk, running
from stackgen.cli.session import Session
from stackgen.cli.tools import verify
from stackgen.cli.undo import Undo, digest_of
from stackgen.diagnostic import SourceError
from stackgen.engines.base import EngineError
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native import NativeEngine
from stackgen.history.attempt import Version
from stackgen.model import Model
from stackgen.render import config_digest, render
from stackgen.words import changes

if TYPE_CHECKING:
    from stackgen.engines.docker import DockerEngine

READ_AGAIN = 3  # times that sources which are being saved are read anew


@dataclass
class Applying:
    """within: seconds until all must be live. entry: the version to go back to, None for what the sources say."""

    session: Session
    output: Output
    within: float
    entry: versions.Entry | None = None
    began: float = field(default_factory=time.time)

    def run(self) -> dict[str, object]:
        """The outcome as data. Raises SourceError, EngineError or WriteError when nothing was begun."""
        self.history = versions.History(self.session.state)
        if self.entry is None:
            return self._apply(None)
        present = versions.sources(self.session.root)
        wanted = self.history.contents(self.entry.sources)
        attempt = self._aside(present)
        try:
            changed = versions.put_sources(self.session.root, wanted)
            self.output.say(
                f"back to version {self.entry.number}: {', '.join(changed) or 'the sources are that already'}"
            )
            return self._apply(attempt)
        except (SourceError, EngineError, write.WriteError):
            versions.put_sources(self.session.root, present)
            attempt.drop(self.history)
            raise

    def _aside(self, present: Mapping[str, bytes]) -> versions.Attempt:
        """Keeps the sources that are about to be replaced: in the journal, and as a version when none has them."""
        if saved := self.history.set_aside(present):
            self.output.say(f"the sources as they are now are kept as version {saved.number}")
        return versions.Attempt.begin(self.history, self._by(), "", {"sources": present}, digest="")

    def _by(self) -> str:
        return f"rollback to {self.entry.number}" if self.entry else "apply"

    def _read(self) -> tuple[Model, dict[str, bytes]]:
        """The model and the very sources that it was read from."""
        for _ in range(READ_AGAIN):
            before = versions.sources(self.session.root)
            model = self.session.load(self.output)
            if versions.sources(self.session.root) == before:
                return model, before
        raise EngineError("the sources change while they are read; nothing was changed", "apply when they are saved")

    def _engine(self, model: Model) -> NativeEngine | DockerEngine | None:
        name = self.session.current()
        return self.session.engine(name, model, self.output) if name else None

    def _apply(self, attempt: versions.Attempt | None) -> dict[str, object]:
        model, sources = self._read()
        engine = self._engine(model)
        files = render(model, COMPOSE)
        native = isinstance(engine, NativeEngine)
        ran = verify({**files, **_templates(sources)}, fetched=native, model=model)
        self.output.say(f"checked with {' and '.join(ran)}" if ran else "promtool and amtool are not here; not asked")
        stack = running(self.session.root, model, engine)
        disk = on_disk(self.session.root, files)
        self._tell(model, stack, disk, files)
        changed = [one.path for one in write.difference(self.session.root, files)]
        if stack is None:
            write.write(self.session.root, files)
            if attempt is not None:
                attempt.drop(self.history)
            self.output.say(f"{len(changed)} of {len(files)} generated files changed")
            self.output.say("the stack does not run; ./stack up starts it with these files")
            return {"applied": True, "running": False, "changed": changed, "missing": []}
        attempt = self._journal(attempt, stack, disk, sources, files)
        missing = self._carry_out(attempt, stack, files)
        if not missing:
            self.output.say(f"{len(changed)} of {len(files)} generated files changed")
            self._told_live(attempt, sources, changed=bool(changed))
        seconds = round(time.time() - self.began, 2)
        return {
            "applied": not missing,
            "running": True,
            "changed": changed,
            "missing": missing,
            "digest": (attempt.before if missing else attempt.after).digest,
            "seconds": seconds,
        }

    def _tell(self, model: Model, stack: Running | None, disk: Mapping[str, bytes], files: Mapping[str, bytes]) -> None:
        disabled = [one.alert for one in model.stack.overrides.values() if one.disabled]
        before, after = (stack.before, stack.after) if stack else (disk, files)
        for change in changes(before, after, disabled):
            self.output.say(f"  {change.text}")
        if stack is not None:
            for line in stack.commands:
                self.output.say(f"  {line}")
            for line in stack.concerned.sentences(now=True):
                self.output.say(line)

    def _journal(
        self,
        attempt: versions.Attempt | None,
        stack: Running,
        disk: Mapping[str, bytes],
        sources: Mapping[str, bytes],
        files: Mapping[str, bytes],
    ) -> versions.Attempt:
        """Writes down both sides. Raises EngineError: nothing but the sources of a rollback was changed then."""
        before = {"files": disk, "live": stack.before} if stack.live else {"files": stack.before}
        if attempt is not None:
            before["sources"] = self.history.contents(attempt.before.sources)
        begun = versions.Attempt.begin(
            self.history, self._by(), stack.engine.name, before, digest=digest_of(stack.before)
        )
        try:
            return begun.wanting(self.history, self._wanted(stack, sources, files), stack.concerned.parts, stack.plan)
        except EngineError:
            begun.drop(self.history)
            raise

    def _wanted(self, stack: Running, sources: Mapping[str, bytes], files: Mapping[str, bytes]) -> Version:
        keep = self.history.keep
        return Version(
            digest=config_digest(stack.after),
            sources=keep(sources),
            files=keep(files),
            live=keep(stack.after) if stack.live else {},
        )

    def _carry_out(self, attempt: versions.Attempt, stack: Running, files: Mapping[str, bytes]) -> list[str]:
        """Puts it in force; what is missing, in words, after everything was put back; [] when all is live."""
        expected = Expected(
            stack.concerned.parts,
            attempt.since,
            attempt.after.digest,
            stack.after,
            (*stack.concerned.restart, *stack.concerned.start),
        )
        undo = Undo(self.session, self.output, self.history, attempt, stack)
        hint = ""
        try:
            write.write(self.session.root, files)
            stack.put()
            with self.output.console.status("asking the parts whether they have it"):
                missing = await_live(stack.engine, expected, self.within)
        except (EngineError, write.WriteError) as error:
            missing, hint = [str(error)], error.hint
        except BaseException:
            undo.run(self.within)
            raise
        if not missing:
            self._record(attempt)
            return []
        for line in missing:
            self.output.error(line, hint)
        undo.run(self.within)
        return missing

    def _record(self, attempt: versions.Attempt) -> None:
        try:
            attempt.applied(self.history)
        except EngineError as error:
            self.output.error(f"live, but not in the history: {error}", error.hint)
        attempt.drop(self.history)

    def _told_live(self, attempt: versions.Attempt, sources: Mapping[str, bytes], *, changed: bool) -> None:
        now = time.time()
        digest = attempt.after.digest[:12]
        self.output.say(
            f'live: stack_config_info{{sha256="{digest}…"}} is in /api/v1/rules and the parts report what was written, '
            f"{now - self.began:.1f} s after the command began",
            "green",
        )
        if not changed or self.entry is not None:
            return
        saved = max((path.stat().st_mtime, name) for name in sources if (path := self.session.root / name).exists())
        if 0 <= now - saved[0] < 3600:
            self.output.say(f"from the last save ({saved[1]}) to live: {now - saved[0]:.1f} s")


def remember_version(session: Session, output: Output, stack: Running | None, by: str) -> None:
    """Writes down what a command other than apply has put in force, so that there is a version to go back to."""
    if stack is None:
        return
    history, sources = versions.History(session.state), versions.sources(session.root)
    digest = config_digest(stack.after)
    if history.ends_with(digest, versions.digests(sources)):
        return
    try:
        history.add(
            versions.APPLIED,
            by,
            engine=stack.engine.name,
            digest=digest,
            sources=history.keep(sources),
            files=history.keep(render(stack.model, COMPOSE)),
            live=history.keep(stack.after) if stack.live else {},
        )
        if not versions.left(session.state):
            history.prune()
    except EngineError as error:
        output.error(f"this version is not in the history: {error}", error.hint)


def _templates(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Alertmanager's templates: amtool reads them with the configuration."""
    return {path: content for path, content in sources.items() if path.startswith("alertmanager/")}
