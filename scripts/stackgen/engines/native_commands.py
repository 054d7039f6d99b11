"""The command line and variables of each native part, and what of its configuration asks for a restart or a reload.

What the configuration says is rendered elsewhere; nothing is started here.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from stackgen.engines import native_examples
from stackgen.engines.native_placement import CONFIG_FOLDERS
from stackgen.engines.native_plan import PROGRAM, PartPlan
from stackgen.model import Model
from stackgen.model.stack import Retention
from stackgen.parts.table import PARTS, Part
from stackgen.placement import Place, Placement

# Order of the start; the end is in reverse. What others send to comes before those that send.
ORDER = (
    "console",
    "exporter",
    "containers",
    "node-exporter",
    "blackbox-exporter",
    "alertmanager",
    "loki",
    "prometheus",
    "promtail",
)
RELOADS = frozenset({"prometheus", "alertmanager", "blackbox-exporter"})
COLLECTORS = frozenset({"promtail", "alloy"})
LOOKED_AT = ("prometheus/tests/", "console/rules.json")  # that nobody reads, and that the console looks at by itself


def wanted(model: Model) -> tuple[str, ...]:
    """Parts that run natively for this model, in the order of their start.

    Promtail collects natively whichever collector stack.yml names: Alloy exists only as an image.
    """
    profiles = ("", *model.stack.active_profiles)
    known = [name for name in ORDER if name in PARTS]
    known += [name for name, part in PARTS.items() if part.native and name not in known]
    return tuple(
        name
        for name in known
        if PARTS[name].native and PARTS[name].profile in profiles and (name not in COLLECTORS or name == "promtail")
    )


def plans(root: Path, model: Model, placement: Placement, files: Mapping[str, bytes]) -> tuple[PartPlan, ...]:
    """What the supervisor should run. files: the native tree as it is, or will be, below `.stack/config`."""
    code = _own_code(root)
    own = (_plan(root, PARTS[name], placement[name], model.stack.retention, files, code) for name in wanted(model))
    return (*own, *native_examples.plans(root))


def _plan(  # noqa: PLR0913, PLR0917 - one row, put together in one place
    root: Path, part: Part, place: Place, retention: Retention, files: Mapping[str, bytes], code: str
) -> PartPlan:
    digest = _digest(_files_of(part.name, files))
    reloads = part.name in RELOADS
    if part.module:
        command: tuple[str, ...] = (sys.executable, "-m", part.module)
        digest = hashlib.sha256(f"{digest} {code}".encode()).hexdigest()
    else:
        command = (PROGRAM, *ARGUMENTS[part.name](place, retention))
    return PartPlan(
        name=part.name,
        command=command,
        port=place.port,
        ready=part.ready,
        variables=VARIABLES[part.name](root, place) if part.name in VARIABLES else {},
        version=part.version if part.module else "",
        essential=part.essential,
        reloads=reloads,
        restart_digest="" if reloads else digest,
        reload_digest=digest if reloads else "",
    )


def _prometheus(place: Place, retention: Retention) -> list[str]:
    size = [f"--storage.tsdb.retention.size={retention.metrics_size}"] if retention.metrics_size else []
    return [
        f"--config.file={place.config}/prometheus.yml",
        f"--storage.tsdb.path={place.data}",
        f"--storage.tsdb.retention.time={retention.metrics}",
        *size,
        f"--web.listen-address={place.address}",
        f"--web.external-url={place.url}",
        "--rules.alert.resend-delay=15s",
        "--enable-feature=exemplar-storage",
    ]


def _alertmanager(place: Place, _retention: Retention) -> list[str]:
    return [
        f"--config.file={place.config}/alertmanager.yml",
        f"--storage.path={place.data}",
        f"--web.listen-address={place.address}",
        f"--web.external-url={place.url}",
        "--cluster.listen-address=",
        "--data.maintenance-interval=10s",
        "--enable-feature=receiver-name-in-metrics",
    ]


def _loki(place: Place, _retention: Retention) -> list[str]:
    return [f"-config.file={place.config}/loki.yml"]


def _promtail(place: Place, _retention: Retention) -> list[str]:
    return [f"-config.file={place.config}/promtail.yml"]


def _node_exporter(place: Place, _retention: Retention) -> list[str]:
    return [f"--web.listen-address={place.address}"]


def _blackbox(place: Place, _retention: Retention) -> list[str]:
    return [f"--config.file={place.config}/blackbox.yml", f"--web.listen-address={place.address}"]


ARGUMENTS: Mapping[str, Callable[[Place, Retention], list[str]]] = {
    "prometheus": _prometheus,
    "alertmanager": _alertmanager,
    "loki": _loki,
    "promtail": _promtail,
    "node-exporter": _node_exporter,
    "blackbox-exporter": _blackbox,
}


def _exporter(_root: Path, place: Place) -> dict[str, str]:
    return {"EXPORTER_LISTEN": place.address}


def _console(root: Path, place: Place) -> dict[str, str]:
    rendered = Path(place.config).parent / "grafana" / "dashboards"
    return {
        "CONSOLE_LISTEN": place.address,
        "CONSOLE_DATA": place.data,
        "CONSOLE_CONFIG": place.config,
        "CONSOLE_SECRETS": place.secrets,
        "CONSOLE_RUNBOOKS": str(root / "docs" / "runbooks"),
        "CONSOLE_DASHBOARDS": os.pathsep.join((str(rendered), str(root / "grafana" / "dashboards" / "custom"))),
    }


def _containers(_root: Path, place: Place) -> dict[str, str]:
    # Natively the parts' logs are files: nobody needs the Docker API.
    return {"CONTAINERS_LISTEN": place.address, "CONTAINERS_API_LISTEN": ""}


VARIABLES: Mapping[str, Callable[[Path, Place], dict[str, str]]] = {
    "exporter": _exporter,
    "console": _console,
    "containers": _containers,
}


def _files_of(part: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files whose change the part does not notice by itself."""
    folder = CONFIG_FOLDERS.get(part)
    if folder is None:
        return {}
    mine = {path: content for path, content in files.items() if path.startswith(folder + "/")}
    if part in ("loki", "promtail"):  # they share a folder; Loki looks for changed rules by itself
        return {path: content for path, content in mine.items() if path == f"{folder}/{part}.yml"}
    return {path: content for path, content in mine.items() if not path.startswith(LOOKED_AT)}


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode() + files[path])
    return digest.hexdigest() if files else ""


def _own_code(root: Path) -> str:
    """Digest of the code of our own parts: a checkout that was pulled asks for their restart."""
    paths: Iterable[Path] = sorted((root / "exporter" / "watchstack").rglob("*"))
    kept = [path for path in paths if path.suffix in (".py", ".html", ".css", ".js", ".json") and path.is_file()]
    return _digest({path.relative_to(root).as_posix(): path.read_bytes() for path in kept})
