"""Puts back what an apply has changed, from its journal: sources, generated files, what the parts read. And what the
next command does with the journal of an apply that was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stackgen import history as versions
from stackgen import write
from stackgen.cli.lock import locked
from stackgen.cli.output import Output, since
from stackgen.cli.readback import Expected, await_live
from stackgen.cli.running import Running, running
from stackgen.cli.session import Session
from stackgen.engines import docker_examples
from stackgen.engines.base import EngineError
from stackgen.engines.native_files import Folder
from stackgen.engines.native_tree import Tree
from stackgen.render import config_digest

OLD_WITHIN = 20.0  # seconds for the parts to show that they have the old configuration again
NEW_WITHIN = 5.0  # seconds for the parts to show that an interrupted apply was as good as done


def digest_of(files: Mapping[str, bytes]) -> str:
    """The digest of a tree, "" when it has none (there was no generated file before)."""
    try:
        return config_digest(files)
    except (KeyError, ValueError):
        return ""


@dataclass
class Undo:
    """stack: the running stack, None when there is none (any more)."""

    session: Session
    output: Output
    history: versions.History
    attempt: versions.Attempt
    stack: Running | None

    def run(self, within: float) -> None:
        """Puts everything back and says what the stack has now. What cannot be done now is left to the next command."""
        self.output.say("taking the change back", "yellow")
        before = self.attempt.before
        self.attempt.free(self.history)
        try:
            if before.sources:
                self._sources(before.sources)
            files, live = self.history.contents(before.files), self.history.contents(before.live)
            if self.attempt.after.digest:
                write.write(self.session.root, files)
                self._back(live, files, tell=bool(within))
        except (EngineError, write.WriteError) as error:
            self.output.error(
                f"the old configuration could not be put back: {error}", "the next ./stack command tries again"
            )
            return
        self.attempt.drop(self.history)
        self._say(self._missing(live or files, within))

    def _sources(self, before: versions.Digests) -> None:
        """Puts those of before a rollback back; what was edited since it was killed is kept as a version."""
        present = versions.sources(self.session.root)
        edited = versions.digests(present) not in (before, self.attempt.after.sources)
        if edited and (saved := self.history.set_aside(present)):
            self.output.say(f"the sources as they are now are kept as version {saved.number}")
        versions.put_sources(self.session.root, self.history.contents(before))

    def _back(self, live: Mapping[str, bytes], files: Mapping[str, bytes], *, tell: bool) -> None:
        """Gives the parts their old files; those of a stack that ends or has ended find them at their start."""
        if self.stack is not None and tell:
            self.stack.back(live or files, self.attempt.plan, self.attempt.parts)
        elif live and self.attempt.engine == "docker":
            docker_examples.put(self.session.root, live)
        elif live:
            Tree(self.session.root, Folder(self.session.state)).restore(live)

    def _missing(self, files: Mapping[str, bytes], within: float) -> list[str]:
        if self.stack is None or not within or not self.attempt.after.digest:
            return []
        # A part that never read the new files has nothing to reload: what it reports is all that counts.
        expected = Expected(self.attempt.parts, 0.0, self.attempt.before.digest, files)
        with self.output.console.status("asking the parts whether they have the old configuration"):
            return await_live(self.stack.engine, expected, min(within, OLD_WITHIN))

    def _say(self, missing: list[str]) -> None:
        digest = self.attempt.before.digest[:12]
        if missing:
            for line in missing:
                self.output.error(line)
            self.output.error(
                f"the files are those of the old configuration ({digest}); they are read when the parts answer again",
                "./stack status tells how they are",
            )
        else:
            what = "the files and the running stack are" if self.stack else "the files are"
            which = f" ({digest})" if digest else ""
            self.output.say(f"nothing was applied: {what} on the old configuration{which}")


def end_interrupted(session: Session, output: Output, *, held: bool, looking: bool = True) -> None:
    """Finishes or undoes an apply that was killed. held: this command has the lock; without it nothing is done while
    another one works. looking: False for commands that end the stack: then nobody is asked."""
    if held:
        _end(session, output, looking=looking)
        return
    try:
        with locked(session.state, "recover", wait=0, say=output.say):
            _end(session, output, looking=looking)
    except EngineError:
        return  # the apply is at work, or its journal cannot be ended by this user


def _end(session: Session, output: Output, *, looking: bool) -> None:
    history = versions.History(session.state)
    attempt = versions.Attempt.read(history)
    if attempt is None:
        return
    output.say(f"./stack {attempt.by} (pid {attempt.pid}, since {since(attempt.since)}) was interrupted", "yellow")
    model = session.model()
    name = session.current()
    stack = running(session.root, model, session.engine(name, model, output)) if name else None
    if stack is not None and looking and _is_live(session, history, attempt, stack):
        attempt.applied(history)
        attempt.drop(history)
        output.say(f"it is finished: the new configuration ({attempt.after.digest[:12]}) is live", "green")
        return
    Undo(session, output, history, attempt, stack).run(OLD_WITHIN if looking else 0.0)


def _is_live(session: Session, history: versions.History, attempt: versions.Attempt, stack: Running) -> bool:
    """Whether files and parts have all of what the attempt wanted."""
    after = attempt.after
    if not after.digest or write.difference(session.root, history.contents(after.files)):
        return False
    if after.live and versions.digests(stack.before) != after.live:
        return False
    files = history.contents(after.live or after.files)
    return not await_live(stack.engine, Expected(attempt.parts, attempt.since, after.digest, files), NEW_WITHIN)
