"""How the stack and what it watches did over a period: a score with its reasons, alerts, advice, trends.

The same shape as an application's own insights (A-21): `health_score`, `alerts`, `recommendations`. The score is 100
less the points of every finding, 0 at least, and None while no figures are known: log lines alone say too little. What
is not known is never made up: it lowers `confidence` and is named. The rules: findings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.clock import span
from watchstack.console.context import Console, console
from watchstack.console.knowledge.common import Answers, Away, Period, Wrong, answered, ask, period, vectors
from watchstack.console.knowledge.findings import MOST, Known, all_of, error_lines
from watchstack.console.knowledge.written import sources_of
from watchstack.console.pages import frame
from watchstack.console.peers.ask import Peer
from watchstack.console.peers.series import API, number
from watchstack.insights import trend

USUAL = "24h"
P95 = 'service:http_request_duration_seconds:statistic5m{statistic="p95"}'  # seconds, by service
BAD, GOOD = 50, 80  # scores under 80 are treated as a problem (G-16)
POINTS = 120  # of the series whose rise is judged
LOGS = 21600.0  # seconds of logs that are counted at most
LOGGED = '{job=~".+"}'
_GRAVE = '"(?i)error|err|critical|fatal"'
FAILING = f'{{job=~".+"}} | detected_level=~{_GRAVE} or level=~{_GRAVE}'
Curves = dict[tuple[str, str, str], list[tuple[float, float | None]]]
# What is known about: words, and the question whose answer shows it.
AREAS: Mapping[str, tuple[str, str]] = {
    "targets": ("targets and services", "availability"),
    "requests": ("requests of services", "requests"),
    "hosts": ("hosts", "memory"),
    "containers": ("containers", "containers"),
    "checks": ("health checks", "checked"),
    "rules": ("alert rules", "rules"),
    "notifications": ("notifications", "untold"),
    "logs": ("logs", "failing"),
    "before": ("the period before", "before_targets"),
}  # fmt: skip
NO_SCORE = ("logs", "before")  # areas that alone say nothing of how it is now
# Name of a trend: its words, unit, query now and query before (they differ by the offset alone).
TRENDS: Mapping[str, tuple[str, str, str]] = {
    "requests_per_second": ("Requests a second", "number", "sum(avg_over_time(service:http_requests:rate5m{p}))"),
    "error_percent": ("Failed requests", "percent",
                      "100 * sum(sum_over_time(service:http_errors:rate5m{p}))"
                      " / (sum(sum_over_time(service:http_requests:rate5m{p})) > 0)"),
    "p95_seconds": ("Slowest service, p95", "seconds",
                    'max(avg_over_time(service:http_request_duration_seconds:statistic5m{{statistic="p95"}}{p}))'),
    "availability_percent": ("Targets that answer", "percent", "100 * avg(avg_over_time(up{p}))"),
    "cpu_percent": ("CPU", "percent", 'avg(avg_over_time(system_cpu_usage_percent{{job="exporter"}}{p}))'),
    "memory_percent": ("Memory", "percent", 'avg(avg_over_time(system_memory_usage_percent{{job="exporter"}}{p}))'),
    "disk_percent": ("Fullest disk", "percent", 'max(avg_over_time(system_disk_usage_percent{{job="exporter"}}{p}))'),
    "series": ("Series", "number", "sum(avg_over_time(prometheus_tsdb_head_series{p}))"),
    "alerts_begun": ("Alerts that began", "number", "sum(sum_over_time(alert:fired:count1m{p}))"),
}  # fmt: skip
blueprint = Blueprint("insights", __name__)


def queries(over: Period) -> dict[str, str]:
    """What is asked, by name."""
    p = f"[{over.promql}]"
    began = 'ALERTS_FOR_STATE{alertname!="Watchdog",escalated=""}'
    return {
        "down": "count by (service, job) (up == 0)",
        "availability": f"avg by (service) ({answered(f'avg_over_time({{}}{p})')})",
        "requests": f"count(count_over_time(service:http_requests:rate5m{p}))",
        "errors": f"sum by (service) (sum_over_time(service:http_errors:rate5m{p}))"
        f" / (sum by (service) (sum_over_time(service:http_requests:rate5m{p})) > 0)",
        "p95": f"max by (service) (avg_over_time({P95}{p}))",
        "cpu": 'avg by (instance) (system_cpu_usage_percent{job="exporter"})',
        "memory": 'avg by (instance) (system_memory_usage_percent{job="exporter"})',
        "disk": 'max by (instance, mount_point) (system_disk_usage_percent{job="exporter"})',
        "checked": 'count(health_check_status{service!=""})',
        "checks": 'min by (service, component) (health_check_status{service!=""}) == 0',
        "firing": 'count by (alertname, severity) (ALERTS{alertstate="firing",escalated=""})',
        "noise": f"topk({MOST * 2}, sum by (alertname) (changes({began}{p})))",
        "budgets": "min by (service, slo) (slo:error_budget_remaining:ratio)",
        "pool": f"max by (service) (max_over_time(service:db_connection_pool_used:percent{p}))",
        "queries": f"max by (service) (avg_over_time(service:db_query_duration_seconds:p95_5m{p}))",
        "cache": f'sum by (service) (increase(cache_requests_total{{result="hit"}}{p}))'
        f" / (sum by (service) (increase(cache_requests_total{p})) > 100)",
        "containers": "count(container_state)",
        "killed": f"sum by (name) (increase(container_oom_events_total{p})) >= 1",
        "restarts": f"sum by (name) (increase(container_restarts_total{p})) >= 1",
        "rules": "count(prometheus_rule_group_rules)",
        "rule_failures": f"sum(increase(prometheus_rule_evaluation_failures_total{p}))",
        "missed": f"sum(increase(prometheus_rule_group_iterations_missed_total{p}))",
        "untold": f"sum(increase(alertmanager_notifications_failed_total{p}))",
        "unsent": f"sum(increase(prometheus_notifications_dropped_total{p}))",
        "certificates": "min by (instance) (probe_ssl_earliest_cert_expiry) - time()",
        "before_targets": f"count(count_over_time(up{p} offset {over.promql}))",
    }


def gather(own: Console, over: Period) -> dict[str, Any]:
    """The insights as data; see the module."""
    asked = queries(over)
    for name, (_, _, query) in TRENDS.items():
        asked[f"now {name}"] = query.format(p=f"[{over.promql}]")
        asked[f"then {name}"] = query.format(p=f"[{over.promql}] offset {over.promql}")
    questions = vectors(own, asked, None if over.key else over.end, over.patience)
    answers = ask({**questions, **_rising(own, over), **_failing(own, over)})
    if "loki" not in own.config.current.peers:
        answers.found["failing"] = []
    thresholds = sources_of(own).current().thresholds
    known = Known(answers, thresholds, over.words, span(_logged(over)), own.watchdog.alarm, _rises(answers))
    return judged(known, over)


def judged(known: Known, over: Period) -> dict[str, Any]:
    """The answer; pure."""
    answers = known.answers
    areas = {name: _area(answers, question) for name, (_, question) in AREAS.items()}
    have = sum(state == "known" for state in areas.values())
    found = all_of(known)
    score = max(0, 100 - sum(one.points for one in found))
    return {
        "health_score": score if any(areas[name] == "known" for name in AREAS if name not in NO_SCORE) else None,
        "confidence": round(have / len(areas), 2),
        "alerts": [{"message": one.message, "severity": one.severity} for one in found],
        "recommendations": [{"message": one.message, "action": one.action, "link": one.link} for one in found],
        "reasons": [{"message": one.message, "points": -one.points} for one in found if one.points],
        "findings": [one.as_json() for one in found],
        "trends": _trends(answers, over),
        "areas": {name: {"words": AREAS[name][0], "state": state} for name, state in areas.items()},
        "period": over.as_json(),
        "missing": answers.troubles,
    }


def _area(answers: Answers, question: str) -> str:
    """known, `no data` where the answer was empty, missing where there was none."""
    if not answers.knows(question):
        return "missing"
    return "known" if answers.found[question] else "no data"


def _trends(answers: Answers, over: Period) -> dict[str, Any]:
    """Only those of which both sides are known."""
    found = {}
    for name, (words, unit, _) in TRENDS.items():
        now, before = answers.one(f"now {name}"), answers.one(f"then {name}")
        if now is not None and before is not None:
            found[name] = {"words": words, "unit": unit, **trend(before, now)}
    if lines := error_lines(answers):
        words = "Log lines of errors" + (f", {span(_logged(over))}" if _logged(over) < over.seconds else "")
        found["error_lines"] = {"words": words, "unit": "number", **trend(*lines)}
    return found


def _rising(own: Console, over: Period) -> dict[str, Callable[[], Any]]:
    """Series of what can fill, thinned. A period that was just chosen ends now, by Prometheus's own clock too."""
    away = Away(own, "Prometheus", over.patience)
    step = max(15, round(over.seconds / POINTS))
    when = [("start", f"{over.start:.0f}"), ("end", f"{over.end:.0f}"), ("step", str(step))]
    asked = {
        "memory": 'system_memory_usage_percent{job="exporter"}',
        "disk": 'system_disk_usage_percent{job="exporter"}',
    }

    def put(name: str) -> Callable[[Peer], Any]:
        return lambda peer: _curves(name, peer.get(f"{API}/query_range", [("query", asked[name]), *when]))

    return {f"rising {name}": away.question(put(name)) for name in asked}


def _curves(name: str, told: Any) -> Curves:
    return {
        (name, str(row["metric"].get("instance", "")), str(row["metric"].get("mount_point", ""))): [
            (float(at), number(value)) for at, value in row["values"]
        ]
        for row in told["data"]["result"]
    }


def _rises(answers: Answers) -> Curves:
    found: Curves = {}
    for name in ("memory", "disk"):
        found |= answers.found.get(f"rising {name}", {})
    return found


def _logged(over: Period) -> float:
    """Seconds of logs that are counted."""
    return min(over.seconds, LOGS)


def _failing(own: Console, over: Period) -> dict[str, Callable[[], Any]]:
    """Log lines that tell of errors, of a few hours at most, and as many before."""
    if "loki" not in own.config.current.peers:
        return {}
    seconds = round(_logged(over))
    away = Away(own, "Loki", over.patience)

    def counted(chosen: str, back: int) -> Callable[[], Any]:
        query = f"sum(count_over_time({chosen} [{seconds}s]{f' offset {back}s' if back else ''}))"
        when = [("query", query), ("time", str(int(over.end * 1e9)))]
        return away.question(lambda peer: _counts(peer.get("/loki/api/v1/query", when)))

    before = {"failed": counted(FAILING, seconds), "logged before": counted(LOGGED, seconds)}
    return {"failing": counted(FAILING, 0), **before}


def _counts(told: Any) -> list[float]:
    """One number; none as 0: no line is an answer."""
    rows = told["data"]["result"]
    return [float(rows[0]["value"][1]) if rows else 0.0]


def _period(own: Console) -> Period:
    return period({name: request.args.get(name, "") for name in ("period", "from", "to")}, own.clock.time(), USUAL)


@blueprint.get("/insights")
def shown() -> ResponseReturnValue:
    """?period= one of PERIODS, or ?from= and ?to=."""
    own = console()
    try:
        over = _period(own)
    except Wrong as error:
        return render_template("insights.html", **frame(own), found=None, period=None, troubles=[str(error)]), 400
    found = gather(own, over)
    return render_template(
        "insights.html", **frame(own), found=found, period=over, troubles=found["missing"], bad=BAD, good=GOOD
    )


@blueprint.get("/api/insights")
def as_json() -> ResponseReturnValue:
    own = console()
    try:
        return gather(own, _period(own))
    except Wrong as error:
        return {"error": str(error)}, 400
