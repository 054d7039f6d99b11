"""A report for a period: availability, promises, alerts, peaks of resources, changes. One page for printing, and JSON.

Figures come from Prometheus, alerts from the inbox. What was not to be had is named on the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.alerts.episodes import since
from watchstack.console.alerts.statistics import MOST, durations, noisiest
from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import SEVERITIES
from watchstack.console.knowledge import insights
from watchstack.console.knowledge.common import Answers, Period, Wrong, answered, ask, percent, period, rounded, vectors
from watchstack.console.pages import frame
from watchstack.console.store import StoreError

USUAL = "7d"
P95 = insights.P95
STEPS = 500  # in which a period is looked at for the time away
SMALLEST_STEP = 15  # seconds
ROWS = 15  # alerts of the list of the noisiest
blueprint = Blueprint("report", __name__)


def queries(over: Period) -> dict[str, str]:
    """What is asked, by name; `before` of the period before.

    watched: seconds in which targets were looked at; away: those of them in which they did not answer. Means of the
    service's targets and its probe, to the step's precision.
    """
    step = max(SMALLEST_STEP, round(over.seconds / STEPS))
    p, back = f"[{over.promql}]", f"[{over.promql}] offset {over.promql}"
    promise = "sum by (service, slo) (sum_over_time(slo:{}:rate5m{}))"
    mean = "avg by (service) ({})".format
    return {
        "available": mean(answered(f"avg_over_time({{}}{p})")),
        "available_before": mean(answered(f"avg_over_time({{}}{back})")),
        "away": f"{step} * " + mean(answered(f"sum_over_time((1 - {{}})[{over.promql}:{step}s])")),
        "watched": f"{step} * " + mean(answered(f"count_over_time({{}}[{over.promql}:{step}s])")),
        "requests": f"sum by (service) (increase(http_requests_total{p}))",
        "failed": f'sum by (service) (increase(http_requests_total{{status=~"5.."}}{p}))',
        "p95": f"max by (service) (avg_over_time({P95}{p}))",
        "objective": "max by (service, slo) (slo:objective:ratio)",
        "reached": f"1 - {promise.format('errors', p)} / ({promise.format('requests', p)} > 0)",
        "budget": "min by (service, slo) (slo:error_budget_remaining:ratio)",
        "cpu": f'max by (instance) (max_over_time(system_cpu_usage_percent{{job="exporter"}}{p}))',
        "cpu_mean": f'avg by (instance) (avg_over_time(system_cpu_usage_percent{{job="exporter"}}{p}))',
        "memory": f'max by (instance) (max_over_time(system_memory_usage_percent{{job="exporter"}}{p}))',
        "memory_mean": f'avg by (instance) (avg_over_time(system_memory_usage_percent{{job="exporter"}}{p}))',
        "disk": f'max by (instance) (max_over_time(system_disk_usage_percent{{job="exporter"}}{p}))',
        "configurations": f"count(count by (sha256) (count_over_time(stack_config_info{p})))",
    }


def gather(own: Console, over: Period) -> dict[str, Any]:
    """The report as data."""
    answers = ask(vectors(own, queries(over), None if over.key else over.end, over.patience))
    judged = insights.gather(own, over)
    troubles = list(dict.fromkeys([*answers.troubles, *judged["missing"]]))
    try:
        alerts = _alerts(own, over)
    except StoreError as error:
        alerts = None
        troubles.append(f"the inbox cannot be read: {error}")
    return {
        "environment": own.config.current.environment,
        "period": over.as_json(),
        "health_score": judged["health_score"],
        "confidence": judged["confidence"],
        "findings": judged["findings"],
        "trends": judged["trends"],
        "services": _services(answers),
        "promises": _promises(answers),
        "alerts": alerts,
        "hosts": _hosts(answers),
        "configurations": rounded(answers.one("configurations")),
        "missing": troubles,
    }


def _services(answers: Answers) -> list[dict[str, Any]]:
    """Least available first."""
    before, single = answers.by("available_before", "service"), {}
    for name in ("requests", "failed", "p95", "away", "watched"):
        single[name] = answers.by(name, "service")
    none_failed = 0.0 if answers.knows("failed") else None  # a service without one failed request has no such series
    found = []
    for key, share in answers.by("available", "service").items():
        requests, failed = single["requests"].get(key), single["failed"].get(key, none_failed)
        then, away, watched = before.get(key), single["away"].get(key), single["watched"].get(key)
        found.append(
            {
                "service": key[0],
                "available_percent": rounded(100 * share, 6),
                "available_before_percent": None if then is None else rounded(100 * then, 6),
                "watched_seconds": None if watched is None else round(watched),
                "away_seconds": None if away is None else round(away),
                "requests": None if requests is None else round(requests),
                "failed_percent": rounded(percent(failed, requests)),
                "p95_seconds": rounded(single["p95"].get(key)),
            }
        )
    return sorted(found, key=lambda one: (one["available_percent"], one["service"]))


def _promises(answers: Answers) -> list[dict[str, Any]]:
    reached, left = answers.by("reached", "service", "slo"), answers.by("budget", "service", "slo")
    return [
        {
            "service": service,
            "slo": slo,
            "objective_percent": rounded(100 * objective, 6),
            "reached_percent": None if (service, slo) not in reached else rounded(100 * reached[service, slo], 6),
            "budget_left_percent": None if (service, slo) not in left else rounded(100 * left[service, slo]),
        }
        for (service, slo), objective in sorted(answers.by("objective", "service", "slo").items())
    ]


def _hosts(answers: Answers) -> list[dict[str, Any]]:
    names = ("cpu", "cpu_mean", "memory", "memory_mean", "disk")
    found = {name: answers.by(name, "instance") for name in names}
    hosts = sorted({key for values in found.values() for key in values})
    return [{"host": key[0], **{name: rounded(found[name].get(key)) for name in names}} for key in hosts]


def _alerts(own: Console, over: Period) -> dict[str, Any]:
    """Of those that began within the period, and the count of the period before. Raises StoreError."""
    kept = since(own.store, over.start - over.seconds, MOST)
    recent = [one for one in kept if over.start <= one.began < over.end]
    earlier = [one for one in kept if over.start - over.seconds <= one.began < over.start]
    return {
        "total": len(recent),
        "before": len(earlier),
        "firing": sum(one.ended is None or one.ended > over.end for one in kept if one.began < over.end),
        "severities": {tier: sum(one.tier == tier for one in recent) for tier in (*SEVERITIES, "other")},
        "resolve": durations(recent),
        "resolve_before": durations(earlier),
        "noisiest": noisiest(recent, earlier, over.end)[:ROWS],
        "complete": len(kept) < MOST and own.inbox.holds(over.start - over.seconds),
    }


def _asked(told: Mapping[str, str], own: Console) -> Period:
    return period({name: told.get(name, "") for name in ("period", "from", "to")}, own.clock.time(), USUAL)


@blueprint.get("/report")
def shown() -> ResponseReturnValue:
    """?from= and ?to= (RFC 3339, or Unix seconds), or ?period=."""
    own = console()
    try:
        over = _asked(request.args, own)
    except Wrong as error:
        return render_template("report.html", **frame(own), found=None, period=None, troubles=[str(error)]), 400
    found = gather(own, over)
    return render_template("report.html", **frame(own), found=found, period=over, troubles=found["missing"])


@blueprint.get("/api/report")
def as_json() -> ResponseReturnValue:
    own = console()
    try:
        return gather(own, _asked(request.args, own))
    except Wrong as error:
        return {"error": str(error)}, 400
