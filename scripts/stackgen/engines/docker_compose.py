"""Compose as a command: found, run with this stack's files, its words passed on. What to do with it is in `docker`."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackgen.engines.base import EngineError
from stackgen.engines.docker_client import numbers
from stackgen.parts.errors import PartError
from stackgen.parts.resolve import compose_plugin

OLDEST = (2, 22)  # pull --policy
PROFILES = ("blackbox", "redis", "postgres", "promtail")  # the last with compose/alloy.yml alone
STOPPED_WITHIN = 90.0  # seconds for Compose to end after an interrupt
Say = Callable[[str], None]


def find(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The words that Compose v2 begins with: `docker compose`, else the plugin as a program. Raises EngineError.

    A plugin is fetched from the distribution when Docker has none; nothing is put where Docker looks for plugins.
    """
    program = shutil.which("docker", path=environment.get("PATH"))
    old = ""
    if program is not None:
        version = _version((program, "compose"), environment)
        if numbers(version) >= OLDEST:
            return (program, "compose")
        old = version
    try:
        plugin = str(compose_plugin())
    except PartError as error:
        oldest = ".".join(map(str, OLDEST))
        message = f"Compose {old} is older than {oldest}" if old else "Docker has no Compose v2 plugin"
        hint = f"install the plugin docker-compose-plugin, {oldest} or newer (the older docker-compose will not do)"
        raise EngineError(f"{message}, and none can be fetched: {error.message}", hint) from error
    return (plugin,)


def _version(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The version that Compose prints, "" when the command is none."""
    try:
        done = subprocess.run(
            [*command, "version", "--short"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env=dict(environment) or None,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().lstrip("v") if done.returncode == 0 else ""


@dataclass(frozen=True)
class Compose:
    """Compose on one checkout. command: what `find` gave. files: relative to root. profiles: active ones."""

    command: tuple[str, ...]
    root: Path
    project: str
    environment: Mapping[str, str]
    files: tuple[str, ...] = ("docker-compose.yml",)
    profiles: tuple[str, ...] = ()

    def words(self, *words: str, every_profile: bool = False) -> list[str]:
        """The whole command line."""
        chosen = PROFILES if every_profile else self.profiles
        files = [word for name in self.files for word in ("-f", str(self.root / name))]
        profiles = [word for name in chosen for word in ("--profile", name)]
        where = ["-p", self.project, "--project-directory", str(self.root), "--ansi", "never", "--progress", "plain"]
        return [*self.command, *where, *files, *profiles, *words]

    def run(self, *words: str, say: Say, every_profile: bool = False, timeout: float = 600) -> None:
        """Runs it and passes each line on. Raises EngineError when it fails, and passes KeyboardInterrupt on once
        Compose has ended.
        """
        lines: list[str] = []
        process = self._start(*words, every_profile=every_profile)
        try:
            reader = threading.Thread(target=_pass_on, args=(process, lines, say), daemon=True)
            reader.start()
            code = process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise EngineError(
                f"`compose {words[0]}` did not end within {timeout:.0f} s", "./stack status; then try again"
            ) from error
        except BaseException:
            _end(process)
            raise
        reader.join(5)
        if code:
            raise explained(words[0], lines)

    def read(self, *words: str, timeout: float = 60) -> str:
        """What it prints. Raises EngineError."""
        done = subprocess.run(
            self.words(*words),
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise explained(words[0], done.stderr.splitlines())
        return done.stdout

    def follow(self, *words: str) -> Iterator[str]:
        """Its lines as they come, until it ends or the caller stops."""
        process = self._start(*words, every_profile=True)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                yield line.rstrip("\n")
        finally:
            _end(process)
            process.stdout.close()

    def _start(self, *words: str, every_profile: bool) -> subprocess.Popen[str]:
        """Starts it with all it says on one pipe."""
        return subprocess.Popen(
            self.words(*words, every_profile=every_profile),
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # an interrupt comes to Compose from here, once
        )

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in self.environment.items() if name not in ("COMPOSE_FILE", "COMPOSE_PROFILES")
        }
        return {**kept, "COMPOSE_PROJECT_NAME": self.project, "PWD": str(self.root)}


def _pass_on(process: subprocess.Popen[str], lines: list[str], say: Say) -> None:
    assert process.stdout is not None
    with process.stdout:
        for raw in process.stdout:
            line = raw.rstrip()
            if line:
                lines.append(line)
                say(line)


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupts Compose as its user would, waits, and ends it by force when it does not go."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# What Compose says, to what is wrong and what to do. The first that fits.
_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        r"(?:bind for|listen tcp[46]?) [^ ]*?:(?P<what>\d+)(?: failed: port is already|: bind: address already)",
        "port {what} is taken",
        "free it, or move the part with its ..._PORT variable in the environment or .env",
    ),
    (
        r"no space left on device",
        "the disk of the Docker engine is full",
        "free some: docker system df shows what takes it",
    ),
    (
        r'service "init" didn\'t complete successfully',
        "the secrets and volumes could not be prepared",
        "docker compose logs init says why",
    ),
    (
        r"bind source path does not exist: (?P<what>\S+)",
        "{what} is not there, but a container is to have it",
        "for the Docker socket: name the right one with DOCKER_SOCKET",
    ),
    (
        r"permission denied while trying to connect",
        "this user may not use the Docker engine",
        "add it to the group docker",
    ),
    (
        r"(?:pull access denied for|failed to resolve reference|manifest for) [\"']?(?P<what>[^ ,\"':]+)",
        "the image {what} cannot be pulled",
        "./stack images builds stand-ins where nothing can be pulled",
    ),
    (
        r"(?P<what>[\w-]+) Error (?:response from daemon: )?(?:Get|Head) \S+ (?:dial tcp|net/http|context deadline)",
        "the image of {what} cannot be pulled: its registry does not answer",
        "./stack images builds stand-ins where nothing can be pulled",
    ),
)


def explained(action: str, lines: Sequence[str]) -> EngineError:
    """The error for what Compose printed before it failed."""
    text = "\n".join(lines)
    for pattern, message, hint in _WORDS:
        match = re.search(pattern, text, re.IGNORECASE)
        if match is not None:
            return EngineError(message.format(**match.groupdict()), hint)
    last = "\n".join([line for line in lines if line.strip()][-5:]) or "it says nothing"
    return EngineError(f"`compose {action}` failed:\n{last}", "docker compose ps and docker compose logs tell more")
