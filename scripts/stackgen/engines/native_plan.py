"""What the supervisor should run, as data that passes through `.stack/plan.json`. How a part's command line comes
about lives in `native_commands`; what runs at the moment in `native_state`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stackgen.engines.native_files import read_json, write_json

PROGRAM = "{program}"  # first word of a command whose program is still to be found


@dataclass(frozen=True)
class PartPlan:
    """One process to keep running.

    command: the words to execute; the first is PROGRAM when `stackgen.parts` has to find it.
    variables: added to the supervisor's environment.
    port, ready: `http://127.0.0.1:<port><ready>` answers 200 when the part can do its work.
    version: of our own parts, "" where it comes with the program.
    essential: `up` waits for it.
    reloads: SIGHUP makes it read its configuration again.
    restart_digest: a change asks for a restart. reload_digest: a change asks for SIGHUP.
    """

    name: str
    command: tuple[str, ...]
    port: int
    ready: str
    variables: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    essential: bool = False
    reloads: bool = False
    restart_digest: str = ""
    reload_digest: str = ""

    @property
    def needs_program(self) -> bool:
        return self.command[0] == PROGRAM

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def differs(self, other: PartPlan) -> bool:
        """Whether a process of the other plan must be replaced to become this one."""
        return (self.command, dict(self.variables), self.port, self.restart_digest) != (
            other.command,
            dict(other.variables),
            other.port,
            other.restart_digest,
        )


@dataclass(frozen=True)
class Plan:
    """Everything to keep running, in the order of the start.

    id: told back in the state when the supervisor has taken the plan over.
    search: changed by each `up`; a new value has every program looked up again.
    ports: every port of the placement it was made for, so that a later command goes where the stack runs.
    """

    id: str
    search: str
    parts: tuple[PartPlan, ...]
    ports: Mapping[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replaces the file. Raises OSError."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> Plan | None:
        """The plan, or None when there is no whole one."""
        return cls.of(read_json(path))

    @classmethod
    def of(cls, content: Any) -> Plan | None:
        """The plan that was written as this JSON, or None when it is no whole one."""
        try:
            parts = tuple(PartPlan(**{**part, "command": tuple(part["command"])}) for part in content["parts"])
            return cls(content["id"], content["search"], parts, content["ports"])
        except (KeyError, TypeError):
            return None
