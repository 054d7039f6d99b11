"""Which port each native part listens on, and whether it is free. Nothing is started here."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from stackgen.engines import native_examples
from stackgen.engines.base import EngineError
from stackgen.engines.native_placement import HOST, LOKI_GRPC, default_ports
from stackgen.parts.table import PARTS

_QUOTED = re.compile(r"""(['"])(.*?)\1\s*(#.*)?""")  # with a comment behind it or none


@dataclass(frozen=True)
class Taken:
    """A port that cannot be listened on. holder: who has it, `name (pid 12)`, or "" when it cannot be told; pid: 0
    then. forbidden: nobody has it, but this user may not.
    """

    part: str
    port: int
    variable: str
    holder: str
    pid: int = 0
    forbidden: bool = False

    def __str__(self) -> str:
        by = f" is held by {self.holder}" if self.holder else " is taken"
        if self.forbidden:
            by = " is not for this user: the system keeps low ones for root"
        return f"{self.part}: port {self.port}{by}; {self.variable} in the environment or .env changes it"


def variable(part: str) -> str:
    """Name of the variable that changes the part's port."""
    if part.startswith(native_examples.PREFIX):
        return native_examples.variable(part)
    return "LOKI_GRPC_PORT" if part == LOKI_GRPC else PARTS[part].port_variable


def environment(root: Path, process: Mapping[str, str]) -> dict[str, str]:
    """The process's own variables over those of `.env` in the checkout.

    `.env` is read as Compose reads plain lines: NAME=value, # comments, optional quotes. Raises EngineError for a
    line that is neither, and for a file that cannot be read.
    """
    found: dict[str, str] = {}
    path = root / ".env"
    try:
        text = path.read_text("utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise EngineError(f".env is not UTF-8: {error}", "save the file as UTF-8") from error
    except OSError as error:
        raise EngineError(f".env cannot be read: {error.strerror}", "change its owner or mode") from error
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise EngineError(f".env:{number}: expected NAME=value, found {raw!r}", "correct the line or remove it")
        found[name.strip()] = _unquoted(value.strip())
    return found | dict(process)


def _unquoted(value: str) -> str:
    if quoted := _QUOTED.fullmatch(value):
        return quoted[2]
    return value.partition(" #")[0].rstrip()


def ports(variables: Mapping[str, str]) -> dict[str, int]:
    """Port by part name, and Loki's second one. Raises EngineError for a value that is no port or is there twice."""
    chosen: dict[str, int] = {}
    for part, default in default_ports().items():
        name = variable(part)
        text = variables.get(name, "") or str(default)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
            raise EngineError(f"{name}={text!r} is no port for {part}", "give a number from 1 to 65535")
        chosen[part] = int(text)
    check_distinct(chosen)
    return chosen


def check_distinct(chosen: Mapping[str, int]) -> None:
    """Raises EngineError for a port that two parts are to have."""
    owners: dict[int, str] = {}
    for part, port in chosen.items():
        other = owners.setdefault(port, part)
        if other != part:
            raise EngineError(
                f"port {port} is meant for both {other} and {part}",
                f"change {variable(other)} or {variable(part)} in the environment or .env",
            )


def taken(chosen: Mapping[str, int], parts: Iterable[str], *, as_root: bool = False) -> list[Taken]:
    """The ports of these parts that cannot be listened on now, with who holds them.

    as_root: it is root that will listen, whoever asks.
    """
    refused = {part: _refused(chosen[part]) for part in parts}
    busy = [part for part, why in refused.items() if why and not (why == errno.EACCES and as_root)]
    holders = _holders({chosen[part] for part in busy}) if busy else {}
    return [
        Taken(
            part,
            chosen[part],
            variable(part),
            *holders.get(chosen[part], ("", 0)),
            forbidden=refused[part] == errno.EACCES,
        )
        for part in busy
    ]


def _refused(port: int) -> int:
    """Why the system does not let this process listen there: EADDRINUSE, EACCES, or 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            return error.errno if error.errno in (errno.EADDRINUSE, errno.EACCES) else 0
    return 0


def _holders(busy: set[int]) -> dict[int, tuple[str, int]]:
    """What each of them is called, and its process id."""
    found: dict[int, tuple[str, int]] = {}
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return found
    for connection in connections:
        port = connection.laddr.port if connection.laddr else 0
        if connection.status != psutil.CONN_LISTEN or port not in busy or connection.pid is None:
            continue
        try:
            name = psutil.Process(connection.pid).name()
        except psutil.Error:
            name = "a process"
        found[port] = f"{name} (pid {connection.pid})", connection.pid
    return found
