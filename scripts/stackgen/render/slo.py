"""prometheus/rules/stack-slo.yml: what the promises of services (`slo` in stack.yml) come to, and tests that prove it.

Recorded for each promise: failed and all requests a second, the objective, the error ratio at which each of the four
burn-rate alerts fires, the budget that is left. The alerts themselves are alike for all services: rules/slo.yml.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from stackgen.model import Service
from stackgen.model.slo import Slo
from stackgen.model.thresholds import spell
from stackgen.model.values import spell as lasting
from stackgen.render.common import STACK, Source
from stackgen.render.dump import header, to_yaml
from stackgen.render.rules import TEST_INTERVAL

RULES = "prometheus/rules/stack-slo.yml"
TESTS = "prometheus/tests/stack-slo.yml"
SHIPPED = ("slo.yml", "recording-services.yml")  # what turns the recorded series into alerts
BY = "service, preset, team, environment"
BUCKET = "service:http_request_duration_seconds_bucket:rate5m"

# Share of the budget gone, within how many seconds: Google's SRE workbook, chapter 5, "Alerting on SLOs".
BURNS = (("1h", 3600.0, 0.02), ("6h", 21600.0, 0.05), ("1d", 86400.0, 0.10), ("3d", 259200.0, 0.10))
MINUTE = 1_000_000  # requests in the tests, so that a share of them is a whole number


def render(source: Source) -> dict[str, bytes]:
    """Both files by their paths, nothing without a promise."""
    groups = []
    tests: list[dict[str, Any]] = []
    for service in source.stack.services:
        promises = list(_promises(service))
        if promises:
            rules = [rule for promise in promises for rule in _rules(service, *promise)]
            groups.append({"name": f"slo-{service.name}", "rules": rules})
            tests += (test for promise in promises for test in _tests(service, *promise))
    if not groups:
        return {}
    files = {RULES: to_yaml({"groups": groups}, header(RULES, STACK))}
    if {f"rules/{name}" for name in SHIPPED} <= {rule_file.path for rule_file in source.model.rule_files}:
        needed = [f"../rules/{name}" for name in (PurePosixPath(RULES).name, *SHIPPED)]
        content = {"rule_files": needed, "evaluation_interval": TEST_INTERVAL, "tests": tests}
        files[TESTS] = to_yaml(content, header(TESTS, STACK))
    return files


def _promises(service: Service) -> Iterator[tuple[str, float, Slo]]:
    """Kind, percent of good requests, and the whole."""
    if service.slo and service.slo.availability is not None:
        yield "availability", service.slo.availability, service.slo
    if service.slo and service.slo.latency is not None:
        yield "latency", service.slo.latency.share, service.slo


def limits(percent: float, over: float) -> dict[str, float]:
    """The error ratio over which each window burns too fast: 14.4, 6, 3 and 1 times the budget over 30 days. Never less
    than the budget, with which it lasts: of 7 days, 10 % within 3 days are a fourth of what the promise allows."""
    budget = 1 - percent / 100
    return {window: round(max(share * over / seconds, 1.0) * budget, 12) for window, seconds, share in BURNS}


def _rules(service: Service, kind: str, percent: float, slo: Slo) -> Iterator[dict[str, Any]]:
    labels = {"service": service.name, "slo": kind}
    mine = f'service="{service.name}"'
    bad, every = f"service:http_errors:rate5m{{{mine}}}", f"service:http_requests:rate5m{{{mine}}}"
    if kind == "latency" and slo.latency:
        every = f'sum by ({BY}) ({BUCKET}{{{mine}, le="+Inf"}})'
        bad = f'{every} - sum by ({BY}) ({BUCKET}{{{mine}, le=~"{_bound(slo.latency.under)}"}})'
    yield {"record": "slo:errors:rate5m", "expr": bad, "labels": labels}
    yield {"record": "slo:requests:rate5m", "expr": every, "labels": labels}
    objective = round(percent / 100, 12)
    yield {"record": "slo:objective:ratio", "expr": f"vector({spell(objective)})", "labels": labels}
    yield {"record": "slo:period:seconds", "expr": f"vector({spell(slo.over)})", "labels": labels}
    for window, limit in limits(percent, slo.over).items():
        expr = f"vector({spell(limit)})"
        yield {"record": "slo:error_limit:ratio", "expr": expr, "labels": {**labels, "window": window}}
    chosen = f'{mine}, slo="{kind}"'
    span = lasting(slo.over)
    yield {
        "record": "slo:error_budget_remaining:ratio",
        "expr": (
            f"1 - sum_over_time(slo:errors:rate5m{{{chosen}}}[{span}])"
            f" / (sum_over_time(slo:requests:rate5m{{{chosen}}}[{span}]) > 0) / {spell(round(1 - objective, 12))}"
        ),
        "labels": labels,
    }


def _bound(seconds: float) -> str:
    """A bucket's `le` in a regular expression: Python's clients write 1.0, others 1."""
    return f"{int(seconds)}(\\\\.0)?" if seconds == int(seconds) else spell(seconds).replace(".", "\\\\.")


def _tests(service: Service, kind: str, percent: float, slo: Slo) -> Iterator[dict[str, Any]]:
    """The fast burn, from requests to the alert: it fires just over its limit, and is quiet just under it."""
    limit = limits(percent, slo.over)["1h"]
    for words, share, fires in (("fires just over", limit * 1.02, 1), ("quiet just under", limit * 0.98, 0)):
        failed = round(MINUTE * share)
        if 0 < failed < MINUTE:
            burning = f'ALERTS{{alertname="SloBurnFast",alertstate="firing",service="{service.name}",slo="{kind}"'
            found = [{"labels": "{}", "value": fires}] if fires else []
            yield {
                "name": f"SloBurnFast: {service.name}, {kind}: {words} the limit",
                "interval": "1m",
                "input_series": list(_series(service, kind, failed, slo)),
                "promql_expr_test": [
                    {"expr": f'count({burning},severity="critical"}})', "eval_time": "30m", "exp_samples": found}
                ],
            }


def _series(service: Service, kind: str, failed: int, slo: Slo) -> Iterator[dict[str, str]]:
    labels = f'service="{service.name}", preset="{service.preset or ""}", team="t", environment="e"'
    if kind == "availability":
        for state, count in (("200", MINUTE - failed), ("500", failed)):
            yield {"series": f'http_requests_total{{{labels}, status="{state}"}}', "values": f"0+{count}x40"}
    elif slo.latency:
        for bound, count in ((str(slo.latency.under), MINUTE - failed), ("+Inf", MINUTE)):
            name = f'http_request_duration_seconds_bucket{{{labels}, le="{bound}"}}'
            yield {"series": name, "values": f"0+{count}x40"}
