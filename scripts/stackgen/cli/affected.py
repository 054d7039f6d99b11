"""Which parts a changed generated file concerns, and whether they read it again by a signal or by a restart."""

from __future__ import annotations

from collections.abc import Iterable

# First path that fits, to the part; None: the part notices by itself, or nobody reads it while running.
READERS: tuple[tuple[str, str | None], ...] = (
    ("prometheus/tests/", None),
    ("prometheus/", "prometheus"),
    ("alertmanager/", "alertmanager"),
    ("loki/loki.yml", "loki"),
    ("loki/promtail.yml", "promtail"),
    ("loki/config.alloy", "alloy"),
    ("loki/rules/", None),
    ("console/", "console"),
    ("blackbox/", "blackbox-exporter"),
    ("grafana/dashboards/", None),
    ("grafana/", "grafana"),
)
RELOADED = frozenset({"prometheus", "alertmanager", "blackbox-exporter"})


def affected(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Parts to reload and parts to restart, each sorted."""
    parts = set()
    for path in paths:
        part = next((part for prefix, part in READERS if path.startswith(prefix)), None)
        if part is not None:
            parts.add(part)
    return sorted(parts & RELOADED), sorted(parts - RELOADED)
