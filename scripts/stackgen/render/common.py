"""What several renderers need: durations as Prometheus writes them, which parts run, the labels of a target. Nothing is
rendered here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stackgen.model import Model, Rule, Service, Stack
from stackgen.placement import Placement

SOURCES = "stack.yml and rules/"
STACK = "stack.yml"
OWN_SERVICE = "watchstack"  # label `service` of the stack's own parts

# Parts that have metrics, in the order of prometheus.yml, and the profile each belongs to.
SCRAPED: Mapping[str, str] = {
    "prometheus": "",
    "alertmanager": "",
    "grafana": "",
    "loki": "",
    "promtail": "",
    "alloy": "",
    "node-exporter": "",
    "exporter": "",
    "console": "",
    "containers": "",
    "redis-exporter": "redis",
    "postgres-exporter": "postgres",
    "blackbox-exporter": "blackbox",
}
COLLECTORS = ("promtail", "alloy")


@dataclass(frozen=True)
class Source:
    """Everything that a renderer works from."""

    model: Model
    placement: Placement

    @property
    def stack(self) -> Stack:
        return self.model.stack

    @property
    def native(self) -> bool:
        return self.placement.engine == "native"

    @property
    def listen(self) -> str:
        """The address a part listens on: loopback natively, every address of its own container otherwise."""
        return "127.0.0.1" if self.native else "0.0.0.0"

    def runs(self, part: str) -> bool:
        """Whether the part is placed and neither its profile nor the choice of collector keeps it away."""
        if part not in self.placement.places:
            return False
        if part in COLLECTORS:
            return part == self.stack.collector
        profile = SCRAPED.get(part, "")
        return not profile or profile in self.stack.active_profiles

    def scraped_parts(self) -> tuple[str, ...]:
        return tuple(part for part in SCRAPED if self.runs(part))

    def own_labels(self) -> dict[str, str]:
        """Labels of the stack's own targets."""
        return {
            "service": OWN_SERVICE,
            "preset": "",
            "team": self.stack.default_team or "",
            "environment": self.stack.environment,
        }

    def service_labels(self, service: Service) -> dict[str, str]:
        """Labels of a service's targets: ours, then the user's own."""
        return {
            "service": service.name,
            "preset": service.preset or "",
            "team": service.team or self.stack.default_team or "",
            "environment": service.environment or self.stack.environment,
            **service.labels,
        }


def duration(seconds: float) -> str:
    """Seconds as a Prometheus duration: `90s`, `1m30s` is never needed; fractions become milliseconds."""
    milliseconds = round(seconds * 1000)
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % length == 0:
            return f"{milliseconds // length}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def links(source: Source, rule: Rule) -> dict[str, str]:
    """Where a notification leads to: pages of the console at the address of stack.yml, as annotations."""
    address = source.stack.address.rstrip("/")
    found = {}
    if rule.runbook:
        found["runbook_url"] = f"{address}/runbooks/{rule.runbook}"
    if rule.dashboard:
        found["dashboard_url"] = f"{address}/dashboards/{rule.dashboard}"
    return found
