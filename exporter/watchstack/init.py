"""Secrets and ownership before the stack starts: `ensure` for every engine, `python -m watchstack.init` for Compose.

The one-shot service of Compose makes the missing secrets, lays each reader's files into the volume that this reader
alone mounts (owner: the reader, mode 400), and gives every data volume to the part that writes it. Run again, it lays
what has changed and leaves data alone. Standard library only; nothing here prints a secret.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

GRAFANA_PASSWORD = "grafana-admin-password"
INBOX_TOKEN = "inbox-token"
CONSOLE_ADMIN = "console-admin-password"
CONSOLE_VIEWER = "console-viewer-password"
POSTGRES_PASSWORD = "postgres-password"
REDIS_PASSWORD = "redis-password"
EXAMPLES_TOKEN = "examples-admin-token"  # of the applications in examples/; made where they belong to the stack alone
MADE = (GRAFANA_PASSWORD, INBOX_TOKEN, CONSOLE_ADMIN, CONSOLE_VIEWER, POSTGRES_PASSWORD, REDIS_PASSWORD)
OURS = frozenset((*MADE, EXAMPLES_TOKEN))  # every name that a person's own secret cannot have
BYTES = 24  # of randomness in a secret that is made
LARGEST = 1 << 20  # bytes of a secret file
EVERYBODY_KNOWS = frozenset(b"admin admin123 password grafana changeme secret postgres redis".split())
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class InitError(Exception):
    """The preparation cannot be done; the message says what, where and why."""


def ensure(folder: Path, *, owner: tuple[int, int] | None = None, examples: bool = False) -> list[str]:
    """Makes the secrets of MADE that are missing and returns their names; what is there is never changed.

    folder: made with mode 700 when it is missing; the files have mode 600. owner: user and group that get the folder
    and what is made in it, None to leave that to the system. examples: their token too. Raises OSError.
    """
    made_folder = not folder.exists()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700 and (made_folder or os.geteuid() in (0, folder.stat().st_uid)):
        folder.chmod(0o700)
    if owner is not None and (folder.stat().st_uid, folder.stat().st_gid) != owner and not any(folder.iterdir()):
        os.chown(folder, *owner)
    return [name for name in (*MADE, *([EXAMPLES_TOKEN] if examples else ())) if _make(folder / name, owner)]


def _make(path: Path, owner: tuple[int, int] | None) -> bool:
    """A new secret, whole or not at all; False when there is one."""
    if path.exists():
        return False
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if owner is not None:
            os.chown(temporary, *owner)
        os.link(temporary, path)  # unlike rename it fails when another process was first
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True


# What each reader gets


@dataclass(frozen=True)
class Reader:
    """A part that reads secrets. uid, gid: of its process. files: what it gets, from the secrets by name."""

    uid: int
    gid: int
    files: Callable[[Mapping[str, bytes], frozenset[str]], dict[str, bytes]]


def _only(*names: str) -> Callable[[Mapping[str, bytes], frozenset[str]], dict[str, bytes]]:
    return lambda known, _named: {name: known[name] for name in names}


def _alertmanager(known: Mapping[str, bytes], _named: frozenset[str]) -> dict[str, bytes]:
    """The inbox's token and every file that a person put there: they belong to receivers."""
    others = OURS - {INBOX_TOKEN}
    return {name: content for name, content in known.items() if name not in others}


def _console(known: Mapping[str, bytes], named: frozenset[str]) -> dict[str, bytes]:
    """The inbox's token, the passwords of its accounts and the files of the receivers that the console itself calls."""
    own = {INBOX_TOKEN, CONSOLE_ADMIN, CONSOLE_VIEWER}
    return {name: known[name] for name in sorted({*own, *named} - (OURS - own)) if name in known}


def _prometheus(known: Mapping[str, bytes], named: frozenset[str]) -> dict[str, bytes]:
    """The tokens that services want to see when they are asked for their metrics."""
    return {name: known[name] for name in sorted(named - OURS) if name in known}


def _examples(known: Mapping[str, bytes], _named: frozenset[str]) -> dict[str, bytes]:
    """Their own token, where they belong to the stack."""
    return {name: known[name] for name in (EXAMPLES_TOKEN,) if name in known}


def _redis(known: Mapping[str, bytes], _named: frozenset[str]) -> dict[str, bytes]:
    password = known[REDIS_PASSWORD].strip()
    return {REDIS_PASSWORD: password + b"\n", "redis.conf": b'requirepass "' + _quoted(password) + b'"\n'}


def _redis_exporter(known: Mapping[str, bytes], _named: frozenset[str]) -> dict[str, bytes]:
    password = known[REDIS_PASSWORD].strip().decode("utf-8", "surrogateescape")
    return {"redis-passwords.json": json.dumps({"redis://redis:6379": password}).encode() + b"\n"}


def _quoted(text: bytes) -> bytes:
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


EXAMPLES = "examples"  # the reader that all of them are: one volume
OWN = 10010
NOBODY = 65534
READERS: Mapping[str, Reader] = {
    "prometheus": Reader(NOBODY, NOBODY, _prometheus),
    "alertmanager": Reader(NOBODY, NOBODY, _alertmanager),
    "console": Reader(OWN, OWN, _console),
    "grafana": Reader(472, 0, _only(GRAFANA_PASSWORD)),
    "postgres": Reader(70, 70, _only(POSTGRES_PASSWORD)),
    "postgres-exporter": Reader(NOBODY, NOBODY, _only(POSTGRES_PASSWORD)),
    "redis": Reader(999, 1000, _redis),
    "redis-exporter": Reader(59000, 59000, _redis_exporter),
    EXAMPLES: Reader(OWN, OWN, _examples),
}

# Data volumes: user and group of the part that writes them.
WRITERS: Mapping[str, tuple[int, int]] = {
    "prometheus": (NOBODY, NOBODY),
    "alertmanager": (NOBODY, NOBODY),
    "grafana": (472, 0),
    "loki": (10001, 10001),
    "promtail": (NOBODY, NOBODY),
    "alloy": (473, 473),
    "console": (OWN, OWN),
    "postgres": (70, 70),
    "redis": (999, 1000),
}


@dataclass(frozen=True)
class Folders:
    """Where things lie inside the one-shot container; tests lay them elsewhere.

    secrets: the checkout's own folder. volumes: one folder a reader. data: one folder a writer. console,
    alertmanager, prometheus: the generated configuration of these parts, which names further secrets.
    """

    secrets: Path = Path("/secrets")
    volumes: Path = Path("/volumes/secrets")
    data: Path = Path("/volumes/data")
    console: Path = Path("/config/console")
    alertmanager: Path = Path("/config/alertmanager")
    prometheus: Path = Path("/config/prometheus")


def run(folders: Folders, say: Callable[[str], None]) -> None:
    """Everything the service does. Raises InitError or OSError."""
    checkout = folders.console.stat()  # who owns the checkout is to own the secrets in it
    examples = (folders.volumes / EXAMPLES).is_dir()
    made = ensure(folders.secrets, owner=(checkout.st_uid, checkout.st_gid), examples=examples)
    if made:
        say(f"made {', '.join(made)} in secrets/")
    known = _read(folders.secrets)
    named = frozenset(_notified(folders.console / "console.json"))
    receivers = frozenset(_wanted(folders.alertmanager / "alertmanager.yml"))
    tokens = frozenset(_wanted(folders.prometheus / "prometheus.yml"))
    for name, reader in READERS.items():
        volume = folders.volumes / name
        if volume.is_dir():
            _lay(volume, reader.files(known, tokens if name == "prometheus" else named), reader)
    wanted = dict.fromkeys(tokens, "Prometheus") | dict.fromkeys(receivers | named, "a receiver")
    for name, who in sorted(wanted.items()):
        if name not in known:
            say(f"warning: secrets/{name} is not there, but {who} needs it: put the secret into it, mode 600")
    for name, (uid, gid) in WRITERS.items():
        volume = folders.data / name
        if volume.is_dir():
            _give(volume, uid, gid)


def _read(folder: Path) -> dict[str, bytes]:
    """The secrets by name: plain files whose name a receiver can say. Raises InitError."""
    known = {}
    for path in sorted(folder.iterdir()):
        if not _NAME.fullmatch(path.name) or not stat.S_ISREG(path.lstat().st_mode):
            continue
        if path.stat().st_size > LARGEST:
            raise InitError(f"secrets/{path.name} is larger than {LARGEST >> 20} MiB: it is no secret")
        known[path.name] = path.read_bytes()
    for name in sorted(OURS & known.keys() | set(MADE)):
        if not known.get(name, b"").strip():
            raise InitError(f"secrets/{name} is empty or no plain file: remove it, and a new one is made")
        if known[name].strip().lower() in EVERYBODY_KNOWS:
            raise InitError(f"secrets/{name} holds a password that everybody tries: remove it, and a new one is made")
    return known


def _notified(path: Path) -> Iterator[str]:
    """Secret files of the receivers that the console itself calls: the watchdog's, and webhooks that it relays to."""
    try:
        document = json.loads(path.read_bytes())
        notify = document.get("watchdog", {}).get("notify") or {}
        called = [notify.get("options", {}), *document.get("webhooks", {}).values()]
        options = [option for one in called for option in one.items()]
    except (OSError, ValueError, AttributeError) as error:
        raise InitError(f"console/console.json cannot be read: {error}; ./stack render writes it") from error
    for key, value in options:
        if key.endswith("_file") and isinstance(value, str) and _NAME.fullmatch(value):
            yield value


def _wanted(path: Path) -> Iterator[str]:
    """Secret files that the configuration of a part names; none when there is no such file."""
    with contextlib.suppress(OSError):
        yield from re.findall(rf"/run/watchstack-secrets/({_NAME.pattern})", path.read_text("utf-8"))


def _lay(volume: Path, files: Mapping[str, bytes], reader: Reader) -> None:
    """The volume then holds exactly these files, each replaced in one step and only when it differs."""
    for path in volume.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        path = volume / name
        if not _is_laid(path, content, reader):
            descriptor, temporary = tempfile.mkstemp(prefix=".", dir=volume)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chown(temporary, reader.uid, reader.gid)
            os.chmod(temporary, 0o400)
            os.replace(temporary, path)
    _own(volume, reader.uid, reader.gid, 0o500)


def _is_laid(path: Path, content: bytes, reader: Reader) -> bool:
    try:
        status = path.lstat()
        return (
            stat.S_ISREG(status.st_mode)
            and (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o400, reader.uid, reader.gid)
            and path.read_bytes() == content
        )
    except FileNotFoundError:
        return False


def _give(volume: Path, uid: int, gid: int) -> None:
    """Gives a data volume, and what lies in it, to its writer; a volume that is right is not walked through."""
    status = volume.stat()
    if (status.st_uid, status.st_gid) != (uid, gid):
        for path in _below(volume):
            os.chown(path, uid, gid, follow_symlinks=False)
    _own(volume, uid, gid, 0o700)


def _below(folder: Path) -> Iterable[Path]:
    for top, folders, files in os.walk(folder):
        yield from (Path(top, name) for name in (*folders, *files))


def _own(path: Path, uid: int, gid: int, mode: int) -> None:
    status = path.stat()
    if stat.S_IMODE(status.st_mode) != mode:
        path.chmod(mode)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.chown(path, uid, gid)


def main() -> int:
    """The one-shot service. 0, or 1 with the reason on standard error."""
    try:
        run(Folders(), lambda line: print(line, flush=True))
    except (InitError, OSError) as error:
        print(f"init: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
