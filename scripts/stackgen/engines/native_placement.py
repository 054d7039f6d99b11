"""Where each part lives when it runs as a plain process on this machine. No processes, no rendering here.

Everything lies below `.stack/` of the checkout: `config/`, `data/<part>/`, `logs/`; secrets lie in `secrets/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stackgen.parts.table import PARTS
from stackgen.placement import Place, Placement

HOST = "127.0.0.1"
LOKI_GRPC = "loki-grpc"  # Loki's second port: its parts talk to each other over it
LOKI_GRPC_PORT = 9095

# Folder below config/ that holds a part's files; parts that read none are absent.
CONFIG_FOLDERS: Mapping[str, str] = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "loki": "loki",
    "promtail": "loki",
    "console": "console",
    "blackbox-exporter": "blackbox",
}


def native_parts() -> tuple[str, ...]:
    """Names of the parts that can run without a container, in the order of the table."""
    return tuple(name for name, part in PARTS.items() if part.native)


def default_ports() -> dict[str, int]:
    """Default port of every native part, and Loki's second one under `LOKI_GRPC`."""
    return {name: PARTS[name].port for name in native_parts()} | {LOKI_GRPC: LOKI_GRPC_PORT}


def placement(root: Path, ports: Mapping[str, int] | None = None, *, config: Path | None = None) -> Placement:
    """The native placement of the checkout at `root`.

    ports: port by part name, defaults for those that are absent. config: where the rendered tree lies,
    `.stack/config` when not given (a check of files that are not live yet gives a folder of its own).
    """
    root = root.resolve()
    chosen = default_ports() | dict(ports or {})
    tree = config or root / ".stack" / "config"
    secrets = str(root / "secrets")
    places = {
        name: Place(
            host=HOST,
            port=chosen[name],
            config=str(tree / CONFIG_FOLDERS[name]) if name in CONFIG_FOLDERS else "",
            data=str(root / ".stack" / "data" / name),
            secrets=secrets,
        )
        for name in native_parts()
    }
    places[LOKI_GRPC] = Place(host=HOST, port=chosen[LOKI_GRPC])
    return Placement(engine="native", places=places, docker_host=HOST, logs=str(root / ".stack" / "logs"))
