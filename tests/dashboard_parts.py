"""A real Prometheus that has an hour of numbers for whatever the committed dashboards ask, backfilled as blocks."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from console_parts import part_running
from stackgen.checks.promql import parse
from stackgen.checks.tree import Selector, walk
from support import ROOT, choose_ports

DASHBOARDS = ROOT / "grafana" / "dashboards"
HOUR, EVERY = 3600, 30  # seconds
# Labels that the dashboards group by, over those that a selector asks for. Two series differ in the last ones.
USUAL = {
    "job": "exporter",
    "instance": "host-1:9101",
    "service": "shop",
    "team": "web",
    "environment": "production",
    "method": "GET",
    "status": "200",
    "mount_point": "/",
    "device": "sda",
    "alertname": "HighMemoryUsage",
    "alertstate": "firing",
    "severity": "warning",
    "subject": "memory",
    "version": "7",
}
TWO: tuple[dict[str, str], ...] = (
    {"endpoint": "/pay", "path": "/pay", "component": "database", "compose_service": "till", "container": "till-1"},
    {"endpoint": "/items", "path": "/items", "component": "cache", "compose_service": "shop", "container": "shop-1"},
)
BUCKETS = ("0.1", "0.5", "1", "+Inf")
Sample = tuple[str, Mapping[str, str], float, float]  # name, labels, Unix seconds, value


def asked() -> list[Selector]:
    """Every selector of every Prometheus query of the committed dashboards and their events."""
    found = []
    for path in sorted(DASHBOARDS.glob("*.json")):
        dashboard = json.loads(path.read_text())
        targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
        for target in (*targets, *dashboard["annotations"].get("list", [])):
            if target["datasource"]["type"] == "prometheus":
                root = parse(target["expr"].replace("$service", "shop")).root
                assert root is not None, target["expr"]
                found += [node for node in walk(root) if isinstance(node, Selector)]
    return found


def series_of(selectors: Iterable[Selector]) -> list[tuple[str, dict[str, str]]]:
    """Name and labels of series that the selectors find."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], tuple[str, dict[str, str]]] = {}
    for selector in selectors:
        own = {matcher.label: matcher.value for matcher in selector.matchers if str(matcher.op) in ("=", "==")}
        for more in TWO[:1] if ":" in selector.name else TWO:  # a rule records one for each service
            for le in BUCKETS if "_bucket" in selector.name else ("",):
                labels = {**USUAL, **more, **own, **({"le": le} if le else {})}
                kept = {name: value for name, value in labels.items() if value and name != "__name__"}
                found.setdefault((selector.name, frozenset(kept.items())), (selector.name, kept))
    return list(found.values())


def numbers(series: Iterable[tuple[str, dict[str, str]]], now: float) -> Iterator[Sample]:
    """What the series were: counters that rise, times that lie a minute back, everything else a wave."""
    for number, (name, labels) in enumerate(series):
        for moment in range(int(now) - HOUR, int(now), EVERY):
            wave = 0.5 + 0.4 * math.sin(moment / 300 + number)
            if name in ("up", "ALERTS"):
                value = 1.0
            elif "timestamp_seconds" in name or "start_time" in name:
                value = now - 1800.0
            elif name.endswith(("_total", "_sum", "_count")) or ("_bucket" in name and ":" not in name):
                value = (moment - now + 2 * HOUR) * (1 + number % 3)
            elif "percent" in name:
                value = 100 * wave
            elif "bytes" in name:
                value = 4e9 * wave
            else:
                value = wave
            if labels.get("le") == "+Inf":
                value *= 2
            yield name, labels, moment, value


def backfill(promtool: Path, folder: Path, samples: Iterable[Sample]) -> None:
    """Blocks of these samples in `folder`. Samples of a name must come together."""
    text = folder.parent / f"{folder.name}.om"
    with text.open("w") as stream:
        for name, labels, moment, value in sorted(samples, key=lambda sample: sample[0]):
            inner = ",".join(f"{label}={json.dumps(one)}" for label, one in labels.items())
            stream.write(f"{name}{{{inner}}} {value:.6g} {moment:.0f}\n")
        stream.write("# EOF\n")
    command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    text.unlink()


@contextmanager
def run_prometheus(program: Callable[..., Path], folder: Path, samples: Iterable[Sample]) -> Iterator[str]:
    """The address of a Prometheus that scrapes nothing and has the samples. folder: made for it."""
    (port,) = choose_ports(1)
    folder.mkdir()
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 15s}\n")
    backfill(program("promtool"), folder / "data", samples)
    command = [str(program("prometheus")), f"--config.file={folder}/prometheus.yml",
               f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]  # fmt: skip
    with part_running(command, f"http://127.0.0.1:{port}/-/ready", folder):
        yield f"http://127.0.0.1:{port}"
