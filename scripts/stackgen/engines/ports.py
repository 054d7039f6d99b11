"""Which port each native part listens on, and whether it is free. Nothing is started here."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from stackgen.engines import native_examples
from stackgen.engines.base import EngineError
from stackgen.engines.native_placement import HOST, LOKI_GRPC, default_ports
from stackgen.parts.table import PARTS


@dataclass(frozen=True)
class Taken:
    """A port that something else holds. holder: `name (pid 12)`, or "" when it cannot be told; pid: 0 then."""

    part: str
    port: int
    variable: str
    holder: str
    pid: int = 0

    def __str__(self) -> str:
        by = f" is held by {self.holder}" if self.holder else " is taken"
        return f"{self.part}: port {self.port}{by}; {self.variable} in the environment or .env changes it"


def variable(part: str) -> str:
    """Name of the variable that changes the part's port."""
    if part.startswith(native_examples.PREFIX):
        return native_examples.variable(part)
    return "LOKI_GRPC_PORT" if part == LOKI_GRPC else PARTS[part].port_variable


def environment(root: Path, process: Mapping[str, str]) -> dict[str, str]:
    """The process's own variables over those of `.env` in the checkout.

    `.env` is read as Compose reads plain lines: NAME=value, # comments, optional quotes. Raises EngineError for a
    line that is neither.
    """
    found: dict[str, str] = {}
    path = root / ".env"
    text = path.read_text("utf-8") if path.is_file() else ""
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
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
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
    owners: dict[int, str] = {}
    for part, port in chosen.items():
        other = owners.setdefault(port, part)
        if other != part:
            raise EngineError(
                f"port {port} is meant for both {other} and {part}",
                f"change {variable(other)} or {variable(part)} in the environment or .env",
            )
    return chosen


def taken(chosen: Mapping[str, int], parts: Iterable[str]) -> list[Taken]:
    """The ports of these parts that cannot be listened on now, with who holds them."""
    busy = [part for part in parts if not _free(chosen[part])]
    holders = _holders({chosen[part] for part in busy}) if busy else {}
    return [Taken(part, chosen[part], variable(part), *holders.get(chosen[part], ("", 0))) for part in busy]


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EACCES:
                return False
            return error.errno != errno.EADDRINUSE
    return True


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
