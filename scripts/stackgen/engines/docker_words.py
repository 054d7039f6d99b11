"""Words of the containers' command lines that stack.yml sets, through variables of docker-compose.yml. They stand in no
file that a part could read again: a container with other words is made anew, in `docker`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from stackgen.engines.base import EngineError
from stackgen.engines.docker_status import Containers, runs
from stackgen.model.stack import Stack

TIME, SIZE = "PROMETHEUS_RETENTION", "PROMETHEUS_RETENTION_SIZE"
WORD = re.compile(r"(?P<flag>[^$]+)\$\{(?P<variable>\w+):-(?P<default>[^}]*)\}")


@dataclass(frozen=True)
class Word:
    """One word of a part's command. flag: what it begins with; default: what follows where the variable is not set."""

    part: str
    flag: str
    variable: str
    default: str


@dataclass(frozen=True)
class Change:
    """What another command line has instead of what it has now. variables: those that give what it has now."""

    new: tuple[str, ...]
    old: tuple[str, ...]
    variables: Mapping[str, str]


def given(stack: Stack, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that stack.yml sets; one that the environment sets goes before it."""
    told = {TIME: stack.retention.metrics, SIZE: stack.retention.metrics_size}
    chosen = {name: environment.get(name) or value for name, value in told.items()}
    return {name: value for name, value in chosen.items() if value}


def words(root: Path) -> list[Word]:
    """The words of docker-compose.yml that such a variable fills. Raises EngineError."""
    try:
        services = yaml.safe_load((root / "docker-compose.yml").read_text("utf-8"))["services"]
        commands = {part: service.get("command") for part, service in services.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise EngineError(f"docker-compose.yml cannot be read: {error}", "put the shipped file back") from error
    return [
        Word(part, found["flag"], found["variable"], found["default"])
        for part, command in commands.items()
        for word in (command if isinstance(command, list) else ())
        if (found := WORD.fullmatch(str(word))) and found["variable"] in (TIME, SIZE)
    ]


def changes(found: Containers, known: Iterable[Word], variables: Mapping[str, str]) -> dict[str, Change]:
    """Each part whose container would run with other words under these variables."""
    known = [word for word in known if word.part in found and runs(found[word.part])]
    told = {}
    for part in sorted({word.part for word in known}):
        mine = [word for word in known if word.part == part]
        new = {word.flag + (variables.get(word.variable) or word.default) for word in mine}
        command = [str(word) for word in found[part]["Config"].get("Cmd") or ()]
        values = {word.variable: _value(command, word.flag) for word in mine}
        old = {word.flag + values[word.variable] for word in mine if values[word.variable]}
        if new != old:
            told[part] = Change(tuple(sorted(new - old)), tuple(sorted(old - new)), values)
    return told


def _value(command: Iterable[str], flag: str) -> str:
    """What follows the flag, "" where it is not given."""
    return next((word.removeprefix(flag) for word in command if word.startswith(flag)), "")
