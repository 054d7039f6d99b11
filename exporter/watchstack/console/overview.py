"""The first page: is anything wrong, since when, whose. The same as JSON, and the small charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, jsonify, render_template
from flask.typing import ResponseReturnValue

from watchstack.console.alerts.active import ACKNOWLEDGED, Active, Standing, gather
from watchstack.console.clock import iso
from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import FIRING, SEVERITIES, Entry
from watchstack.console.knowledge.services import state_of
from watchstack.console.pages import frame, strip
from watchstack.console.peers.ask import SHORT, Peer, PeerError, Told, together
from watchstack.console.peers.series import Sample, instant, ranged
from watchstack.console.store import StoreError

ALERTS_SHOWN = 8
ENTRIES_SHOWN = 6
CHART_SECONDS = 3600.0
LITTLE_BUDGET = 0.25  # of an error budget: less is a warning
HOST = 'job="exporter"'  # whose numbers of the machine are the host's
TARGETS = 'count by (service) (up{job!="probe"})'
ANSWERING = 'sum by (service) (up{job!="probe"})'
COLOURS = {"down": "bad", "unhealthy": "bad", "degraded": "fair", "up": "good"}
blueprint = Blueprint("overview", __name__)


@dataclass(frozen=True)
class Number:
    """A key number. value: PromQL for one sample; chart: PromQL for its course, one series a value of the label `by`.

    unit: as charts know it. orange, red: from where on the number is a warning and worse; None where there is no limit.
    page: where more of it stands.
    """

    key: str
    words: str
    unit: str
    value: str
    chart: str
    by: str = ""
    orange: float | None = None
    red: float | None = None
    page: str = ""

    def state(self, value: float | None) -> str:
        if value is None:
            return "unknown"
        if self.red is not None and value >= self.red:
            return "bad"
        return "fair" if self.orange is not None and value >= self.orange else "good"


_LATENCY = 'service:http_request_duration_seconds:statistic5m{statistic="p95"}'
NUMBERS = (
    Number("requests", "Requests", "reqps", "sum(service:http_requests:rate5m)",
           "sum by (service) (service:http_requests:rate5m)", "service", page="/services"),
    Number("errors", "Errors", "percent",
           "100 * sum(service:http_errors:rate5m) / (sum(service:http_requests:rate5m) > 0)",
           "avg by (service) (service:http_errors:percent5m)", "service", 1, 5, "/services"),
    Number("latency", "Latency, p95", "s", f"max({_LATENCY})", f"max by (service) ({_LATENCY})", "service",
           page="/services"),
    Number("cpu", "CPU", "percent", f"max(system_cpu_usage_percent{{{HOST}}})",
           f"max by (instance) (system_cpu_usage_percent{{{HOST}}})", "instance", 80, 90, "/resources"),
    Number("memory", "Memory", "percent", f"max(system_memory_usage_percent{{{HOST}}})",
           f"max by (instance) (system_memory_usage_percent{{{HOST}}})", "instance", 80, 90, "/resources"),
    Number("disk", "Disk", "percent", f"max(system_disk_usage_percent{{{HOST}}})",
           f"max by (mount_point) (system_disk_usage_percent{{{HOST}}})", "mount_point", 85, 95, "/resources"),
)  # fmt: skip
BY_KEY = {number.key: number for number in NUMBERS}
SERVICE_FIGURES = {
    "requests": "sum by (service) (service:http_requests:rate5m)",
    "errors": "max by (service) (service:http_errors:percent5m)",
    "latency": f"max by (service) ({_LATENCY})",
    "checks": "min by (service) (service:health_check_status:min)",
    "probe": 'min by (service) (probe_success{job="probe"})',
}
BUDGET = "min by (service, slo) (slo:error_budget_remaining:ratio)"
WORDS = {"good": "all is well", "fair": "something needs a look", "bad": "something is wrong", "unknown": "not known"}


@blueprint.get("/")
def shown() -> ResponseReturnValue:
    own = console()
    standing, told = _asked(own)
    found = document(own, standing, told)
    return render_template(
        "overview.html",
        **frame(own),
        overview=found,
        alerts=loud(standing)[:ALERTS_SHOWN],
        quiet=[one for one in standing.alerts if one.state not in (FIRING, "pending")],
        entries=_entries(own),
        numbers=NUMBERS,
    )


@blueprint.get("/api/overview")
def listing() -> ResponseReturnValue:
    own = console()
    standing, told = _asked(own)
    found = document(own, standing, told)
    return jsonify(
        found
        | {
            "alerts": [one.as_json() for one in loud(standing)[:ALERTS_SHOWN]],
            "entries": [entry.as_json() for entry in _entries(own)],
        }
    )


@blueprint.get("/api/overview/charts/<key>")
def chart(key: str) -> ResponseReturnValue:
    """The course of one number over the last hour, as charts take it."""
    number = BY_KEY.get(key)
    if number is None:
        abort(404)
    own = console()
    now = float(int(own.clock.time()))  # as Prometheus tells times: else the last point falls behind the end
    try:
        series = ranged(Peer.of(own, "Prometheus", SHORT), number.chart, now - CHART_SECONDS, now, number.by)
    except PeerError as error:
        return jsonify(error=str(error)), 503
    limits = ((number.orange, "orange"), (number.red, "red"))
    thresholds = [{"value": value, "colour": colour} for value, colour in limits if value is not None]
    return jsonify(
        unit=number.unit, series=series, thresholds=thresholds, low=0, **{"from": now - CHART_SECONDS, "to": now}
    )


def document(own: Console, standing: Standing, told: dict[str, Told]) -> dict[str, Any]:
    """All of the page but the alerts and entries themselves, as plain data."""
    firing = [one for one in standing.alerts if one.state == FIRING]
    counts = {name: standing.count(name) for name in (*SEVERITIES, "other")}
    services = _services(told, firing)
    parts = strip(own)
    troubles = dict.fromkeys([*standing.troubles, *(one.trouble for one in told.values() if one.trouble)])
    state = verdict(own, counts, services, parts, bool(troubles))
    grave = [one for one in firing if one.entry.tier in SEVERITIES[:2]] or firing
    return {
        "state": state,
        "words": WORDS[state],
        "since": iso(min(one.entry.starts_at for one in grave)) if grave else None,
        "since_seconds": own.clock.time() - min(one.entry.starts_at for one in grave) if grave else None,
        "whose": sorted({one.entry.labels.get("team", "") for one in grave} - {""}),
        "firing": counts,
        "acknowledged": sum(one.state == ACKNOWLEDGED for one in standing.alerts),
        "pending": sum(one.state == "pending" for one in standing.alerts),
        "parts": parts,
        "services": services,
        "numbers": [_number(number, told[number.key]) for number in NUMBERS],
        "budgets": _budgets(told["budgets"]),
        "troubles": list(troubles),
        "source": standing.source,
        "timestamp": iso(own.clock.time()),
    }


def loud(standing: Standing) -> list[Active]:
    """What fires or is about to and nobody has taken up, worst first."""
    return [one for one in standing.alerts if one.state in (FIRING, "pending")]


def verdict(
    own: Console, counts: dict[str, int], services: list[dict[str, Any]], parts: list[dict[str, str]], blind: bool
) -> str:
    """One of WORDS. blind: something could not be asked, so that "all is well" cannot be said."""
    down = any(service["state"] == "bad" for service in services)
    if counts["critical"] or counts["error"] or down or own.problems() or any(part["state"] == "bad" for part in parts):
        return "bad"
    if any(counts.values()) or any(service["state"] == "fair" for service in services):
        return "fair"
    return "unknown" if blind else "good"


def _asked(own: Console) -> tuple[Standing, dict[str, Told]]:
    """Everything at the same time: the alerts, and one question to Prometheus for each figure."""

    def ask(query: str) -> Callable[[], list[Sample]]:
        return lambda: instant(Peer.of(own, "Prometheus", SHORT), query)

    questions: dict[str, Callable[[], Any]] = {number.key: ask(number.value) for number in NUMBERS}
    questions |= {f"service {name}": ask(query) for name, query in SERVICE_FIGURES.items()}
    questions |= {
        "targets": ask(TARGETS),
        "answering": ask(ANSWERING),
        "budgets": ask(BUDGET),
        "standing": lambda: gather(own),
    }
    told = together(questions)
    standing = told.pop("standing").value
    return standing, told


def _number(number: Number, told: Told) -> dict[str, Any]:
    value = told.value[0].value if told.value else None
    return {
        "key": number.key,
        "words": number.words,
        "unit": number.unit,
        "value": value,
        "text": spoken(value, number.unit),
        "state": number.state(value),
        "page": number.page,
    }


def _services(told: dict[str, Told], firing: list[Active]) -> list[dict[str, Any]]:
    """Each service with its health, worst first. Whatever is not known of it is None."""
    targets, answering = _by_service(told["targets"]), _by_service(told["answering"])
    figures = {name: _by_service(told[f"service {name}"]) for name in SERVICE_FIGURES}
    names = {name for name in (*targets, *figures["probe"]) if name}
    rows = []
    for name in sorted(names):
        own_alerts = [one for one in firing if one.entry.labels.get("service") == name]
        values = {key: figures[key].get(name) for key in SERVICE_FIGURES}
        up, of = answering.get(name, 0), targets.get(name, 0)
        probe = None if values["probe"] is None else values["probe"] > 0
        word = state_of(up, of, probe, values["checks"] == 0, (one.entry.severity for one in own_alerts))
        rows.append({
            "service": name, "state": COLOURS[word], "words": "healthy" if word == "up" else word,
            "up": up == of if of else None,
            "alerts": len(own_alerts), "requests_per_second": values["requests"], "error_percent": values["errors"],
            "latency_p95_seconds": values["latency"],
            "texts": {"requests": spoken(values["requests"], "reqps"), "errors": spoken(values["errors"], "percent"),
                      "latency": spoken(values["latency"], "s")},
        })  # fmt: skip
    return sorted(rows, key=lambda row: (["bad", "fair", "good"].index(row["state"]), row["service"]))


def _by_service(told: Told) -> dict[str, float]:
    return {one.labels.get("service", ""): one.value for one in told.value or ()}


def _budgets(told: Told) -> list[dict[str, Any]]:
    """What is left of each error budget, the emptiest first; remaining is a ratio, under 0 when it is overspent."""
    rows = [
        {
            "service": one.labels.get("service", ""),
            "slo": one.labels.get("slo", ""),
            "remaining": one.value,
            "text": f"{100 * one.value:.0f} % left" if one.value >= 0 else f"overspent by {-100 * one.value:.0f} %",
            "state": "bad" if one.value <= 0 else "fair" if one.value < LITTLE_BUDGET else "good",
        }
        for one in told.value or ()
    ]
    return sorted(rows, key=lambda row: (float(str(row["remaining"])), str(row["service"])))


def spoken(value: float | None, unit: str) -> str:
    """A number as people read it: "12.3 %", "40 ms", "1.2 k/s"; "–" for none."""
    if value is None:
        return "–"
    if unit == "percent":
        return f"{value:.1f} %" if abs(value) < 10 else f"{value:.0f} %"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
    if unit == "reqps":
        return f"{value / 1000:.1f} k/s" if value >= 1000 else f"{value:.2f}/s" if value < 10 else f"{value:.0f}/s"
    return f"{value:g}"


def _entries(own: Console) -> list[Entry]:
    try:
        return own.inbox.newest(limit=ENTRIES_SHOWN)
    except StoreError:  # the problem stands above every page
        return []
