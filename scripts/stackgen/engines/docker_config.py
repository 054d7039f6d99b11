"""The configuration that the containers mount: whether they can read it, and which part has not seen its newest state.

What a part notices by itself (Loki's rules, Grafana's dashboards, the console's file) stands in no row here.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stackgen.engines.base import EngineError
from stackgen.engines.native_files import read_json, unwritable, write_json

MOUNTED = ("prometheus", "alertmanager", "grafana", "loki", "console", "blackbox", "docs/runbooks")
READ_AT_START: Mapping[str, tuple[str, ...]] = {
    "prometheus": ("prometheus/prometheus.yml", "prometheus/rules"),
    "alertmanager": ("alertmanager",),
    "grafana": ("grafana/provisioning",),
    "loki": ("loki/loki.yml",),
    "promtail": ("loki/promtail.yml",),
    "alloy": ("loki/config.alloy",),
    "blackbox-exporter": ("blackbox",),
}
RELOADED = frozenset({"prometheus", "alertmanager", "blackbox-exporter"})


def check_readable(root: Path, more: tuple[str, ...] = ()) -> None:
    """Raises EngineError for the first file that only its owner can read: containers run as users of their own.

    more: folders that are mounted beside MOUNTED.
    """
    for name in (*MOUNTED, *more):
        for path in (root / name, *_below(root / name)):
            try:
                mode = path.stat().st_mode
            except FileNotFoundError:  # an editor's lock, a link to nowhere, or its copy that is gone already
                continue
            wanted = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            if mode & wanted != wanted:
                raise EngineError(
                    f"{path.relative_to(root)} can be read by its owner alone, but containers run as other users",
                    f"chmod -R a+rX {' '.join((*MOUNTED, *more))}",
                )


def digests(root: Path) -> dict[str, str]:
    """Part to the digest of what it reads when it starts or reloads."""
    return {part: _digest(root, names) for part, names in READ_AT_START.items()}


def seen(state: Path) -> dict[str, str]:
    """Digests that the running parts have read. state: the folder `.stack`."""
    content = read_json(state / "docker-config.json")
    return {str(part): str(digest) for part, digest in content.items()} if isinstance(content, dict) else {}


def note(state: Path, root: Path, parts: Iterable[str]) -> None:
    """Writes down that these parts have read what lies there now. Raises EngineError."""
    now = digests(root)
    try:
        state.mkdir(mode=0o700, exist_ok=True)
        write_json(state / "docker-config.json", seen(state) | {part: now[part] for part in parts if part in now})
    except OSError as error:
        raise unwritable(state / "docker-config.json", error) from error


def _digest(root: Path, names: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        path = root / name
        for file in sorted((path, *_below(path))):
            if file.is_file():
                digest.update(f"{file.relative_to(root).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*")) if folder.is_dir() else iter(())
