"""Which parts a changed generated file concerns, and whether they read it again by a signal or by a restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# First path that fits, to the part; None: the part notices by itself, or nobody reads it while running.
READERS: tuple[tuple[str, str | None], ...] = (
    ("prometheus/tests/", None),
    ("prometheus/", "prometheus"),
    ("alertmanager/", "alertmanager"),
    ("loki/loki.yml", "loki"),
    ("loki/promtail.yml", "promtail"),
    ("loki/config.alloy", "alloy"),
    ("loki/rules/", None),
    ("console/rules.json", None),
    ("console/", "console"),
    ("blackbox/", "blackbox-exporter"),
    ("grafana/dashboards/", None),
    ("grafana/import/", None),
    ("grafana/", "grafana"),
)
RELOADED = frozenset({"prometheus", "alertmanager", "blackbox-exporter"})


@dataclass(frozen=True)
class Affected:
    """Parts by what happens to them. up: those that only `./stack up` starts."""

    reload: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    up: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Those that get new files and go on."""
        return (*self.reload, *self.restart, *self.start)

    def sentences(self, *, now: bool = False) -> list[str]:
        """What happens to them: `apply reloads …` beforehand, `reloading …` now."""
        said = [
            f"{doing if now else f'apply {does}'} {', '.join(parts)}"
            for doing, does, parts in (
                ("reloading", "reloads", self.reload),
                ("restarting", "restarts", self.restart),
                ("starting", "starts", self.start),
                ("ending", "ends", self.end),
            )
            if parts
        ]
        return said + [f"{part} does not run; ./stack up starts it" for part in self.up]


def affected(paths: Iterable[str], also: Iterable[str] = ()) -> Affected:
    """Parts to reload and parts to restart, each sorted. also: further parts that must read their files again."""
    parts = set(also)
    for path in paths:
        part = next((part for prefix, part in READERS if path.startswith(prefix)), None)
        if part is not None:
            parts.add(part)
    return Affected(tuple(sorted(parts & RELOADED)), tuple(sorted(parts - RELOADED)))
