"""What the health endpoints answer, in the words of each system's documents. Which paths there are: health.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from watchstack.health.check import Status, worst
from watchstack.health.runner import Outcome
from watchstack.host import Sample

Body = dict[str, Any]
SECTIONS = ("postgresql", "database", "timescaledb", "hypertables", "continuous_aggregates")


def timestamp(at: float) -> str:
    """Unix time as ISO 8601 in UTC with Z (X-33)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def overall(outcomes: Iterable[Outcome]) -> Status:
    """The worst status; a check that is not critical makes the whole degraded at most (X-30)."""
    return worst(_weighed(outcome) for outcome in outcomes)


def three(status: Status) -> str:
    """A status in the words that know no `critical` (X-09)."""
    return "unhealthy" if status is Status.CRITICAL else str(status)


def critical(status: Status) -> str:
    """A status in the words of `/api/health`, where `unhealthy` is said by the simple check alone (C-61)."""
    return str(Status.CRITICAL if status.failed else status)


def standard_checks(outcomes: Iterable[Outcome]) -> Body:
    """`checks` of A-02: whole milliseconds, and those of other services' APIs below `external_apis`."""
    return _grouped(outcomes, lambda one: {"response_time": round(one.response_time_ms)})


def timed_checks(outcomes: Iterable[Outcome]) -> Body:
    """`checks` of A-04."""
    return _grouped(outcomes, lambda one: {"response_time_ms": float(one.response_time_ms)})


def full_checks(outcomes: Iterable[Outcome]) -> Body:
    """`checks` of the detailed answers."""
    return _grouped(outcomes, _full)


def one_check(outcome: Outcome) -> Body:
    """The answer about one check alone."""
    return {"status": three(outcome.result.status), "name": outcome.check.name, **_full(outcome)}


def comprehensive(outcomes: list[Outcome], at: float) -> Body:
    """A-36 with the further keys of X-02: `status` and `checks`."""
    services = {one.check.name: {"status": critical(_weighed(one)), **_full(one)} for one in outcomes}
    status = critical(overall(outcomes))
    return {
        "overall_status": status,
        "status": status,
        "timestamp": timestamp(at),
        "services": services,
        "checks": {name: {"name": name, **service} for name, service in services.items()},
        "summary": _summary(outcomes),
    }


def named_checks(outcomes: Iterable[Outcome]) -> Body:
    """`checks` of A-12: every entry at the same depth and with its `name` (X-05)."""
    return {
        one.check.name: {"status": three(one.result.status), "name": one.check.name, **_full(one)} for one in outcomes
    }


def check_result(outcome: Outcome) -> Body:
    """A-23, in both spellings (X-28): the fields of G-11, and those of the result type that is told in services."""
    result, check = outcome.result, outcome.check
    return {
        "name": check.name,
        "service": check.name,
        "status": critical(result.status),
        "message": result.message,
        "details": dict(result.details),
        "timestamp": timestamp(outcome.at),
        "duration_ms": round(outcome.seconds * 1000, 2),
        "response_time_ms": outcome.response_time_ms,
        "description": check.description,
        "critical": check.critical,
    }


def sections(sample: Sample | None, outcomes: Iterable[Outcome]) -> Body:
    """What the detailed answer tells beside checks and metrics (X-03); what is not there is left out."""
    found: Body = {}
    for outcome in outcomes:
        found |= {name: outcome.result.sections[name] for name in SECTIONS if name in outcome.result.sections}
    return found | ({} if sample is None else {"system": system_metrics(sample)})


def system_metrics(sample: Sample, disk: str = "/") -> Body:
    """The host's newest sample, with one of its disks."""
    figures: Body = {
        "memory_total_bytes": sample.memory_total,
        "memory_available_bytes": sample.memory_available,
        "memory_used_bytes": sample.memory_used,
        "memory_percent": sample.memory_percent,
        "cpu_percent": sample.cpu_percent,
    }
    found = sample.disks.get(disk)
    if found is not None:
        figures |= {"disk_used_bytes": found.used, "disk_total_bytes": found.total, "disk_percent": found.percent}
    return figures


def resource_metrics(sample: Sample | None, outcomes: Iterable[Outcome]) -> Body:
    """`metrics` of A-05: the host's newest sample, and the figures that the checks of the stores brought."""
    figures: Body = {} if sample is None else {"system_metrics": system_metrics(sample)}
    for outcome in outcomes:
        if outcome.result.figures:
            figures[f"{outcome.check.name}_metrics"] = dict(outcome.result.figures)
    return figures


def _weighed(outcome: Outcome) -> Status:
    status = outcome.result.status
    return Status.DEGRADED if status.failed and not outcome.check.critical else status


def _full(outcome: Outcome) -> Body:
    result = outcome.result
    return {
        "response_time_ms": outcome.response_time_ms,
        "message": result.message,
        "details": dict(result.details),
        "timestamp": timestamp(outcome.at),
    }


def _grouped(outcomes: Iterable[Outcome], more: Any) -> Body:
    """Each check with its `name` (X-05)."""
    checks: Body = {}
    external: Body = {}
    for outcome in outcomes:
        name = outcome.check.name
        told: Mapping[str, Any] = {"status": three(outcome.result.status), **more(outcome), "name": name}
        (external if outcome.check.external else checks)[name] = told
    return {**checks, "external_apis": external} if external else checks


def _summary(outcomes: Iterable[Outcome]) -> Body:
    """C-59 and C-60; warnings are told beside critical issues too (Y-07)."""
    issues, warnings, healthy = [], [], []
    for outcome in outcomes:
        name, result = outcome.check.name, outcome.result
        status = _weighed(outcome)
        text = result.message if result.escaped else f"{name}: {result.message}"
        if status.failed:
            issues.append(text)
        elif status is Status.DEGRADED:
            warnings.append(text)
        else:
            healthy.append(name)
    return {"critical_issues": issues, "warnings": warnings, "healthy_services": healthy}
