"""What figures of a period mean: findings with points, words, what to do and where. Pure: asks nobody.

Each rule is a function over the answers to the questions of insights.py. Thresholds of hosts are those of stack.yml,
the others stand here with their source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlencode

from watchstack import insights
from watchstack.console.clock import span
from watchstack.console.knowledge.common import Answers, percent_words, seconds_words
from watchstack.insights import ERROR_SHARES, POOR_CACHE, SLOW_QUERY, slope

SLOW = 1.0  # seconds of the 95th percentile
AVAILABLE = 99.0  # percent of the period that a service's targets answer
POOL = 80.0  # percent of a connection pool (D rows of the sources)
LOW_BUDGET = 0.25  # share of an error budget
CERTIFICATE = 14 * 86400.0  # seconds
NOISY = 10  # beginnings of one alert within the period
RESTARTS = 3
MANY_LINES, JUMP = 20, 3  # log lines of errors: fewer say nothing; times as many as before are told
HORIZON = 7 * 86400.0  # seconds ahead within which a rise is told that reaches a critical threshold
MOST = 5  # findings of one kind, the worst first; the rest is told as a number
SEVERITY_POINTS = {"critical": 15, "error": 10, "warning": 5}


@dataclass(frozen=True)
class Finding(insights.Finding):
    """With a link: a page of the console where one goes on."""

    link: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Known:
    """What the rules judge. thresholds: of hosts, percent. period: its words. silent: the watchdog's alarm is on.

    logged: words of the time whose log lines are counted: the end of the period, or all of it.
    rises: (resource, host, what fills) to its points over the period, Unix seconds and percent.
    """

    answers: Answers
    thresholds: Mapping[str, float]
    period: str
    logged: str
    silent: bool = False
    rises: Mapping[tuple[str, str, str], list[tuple[float, float | None]]] | None = None


def all_of(known: Known) -> list[Finding]:
    """Worst first."""
    found: list[Finding] = []
    for rule in RULES:
        found += _bounded(list(rule(known)))
    return sorted(found, key=lambda one: (-one.points, one.message))


def _bounded(found: list[Finding]) -> list[Finding]:
    """The worst few of one kind; a hundred services that are down are one trouble, told as one."""
    found.sort(key=lambda one: (-one.points, one.message))
    if len(found) <= MOST:
        return found
    rest = found[MOST:]
    words = f"and {len(rest)} more like “{found[MOST - 1].message}”"
    return [*found[:MOST], Finding(0, rest[0].severity, words, rest[0].action, rest[0].link.partition("?")[0])]


def _silence(known: Known) -> Iterator[Finding]:
    if known.silent:
        yield Finding(30, "critical", "Alerting is silent: the watchdog is not heard",
                      "See whether Prometheus and Alertmanager run, and whether Alertmanager reaches this console",
                      "/runbooks/watchdog")  # fmt: skip


def _down(known: Known) -> Iterator[Finding]:
    for (service, job), value in sorted(known.answers.by("down", "service", "job").items()):
        several = f"{value:.0f} targets" if value > 1 else "a target"
        yield Finding(
            20,
            "critical",
            f"{service or job}: {several} of the job {job} do{'es' if value == 1 else ''} not answer",
            "The target's error says why, and what to do",
            f"/targets?health=down&{_of(job)}",
        )


def _of(job: str) -> str:
    return urlencode({"text": job})


def _availability(known: Known) -> Iterator[Finding]:
    down = {service for service, _ in known.answers.by("down", "service", "job")}
    for (service,), value in known.answers.by("availability", "service").items():
        if 100 * value < AVAILABLE and service not in down:
            words = f"{service} answered {percent_words(100 * value)} of the time, less than {AVAILABLE:g} %"
            yield Finding(5, "warning", words, "Look when it was away, and what was deployed or restarted then",
                          _service("/alerts", service))  # fmt: skip


def _service(page: str, service: str) -> str:
    return f"{page}?{urlencode({'service': service})}"


def _errors(known: Known) -> Iterator[Finding]:
    for (service,), share in known.answers.by("errors", "service").items():
        for above, points, severity in ERROR_SHARES:
            if share > above:
                words = f"{percent_words(100 * share)} of the requests of {service} failed, more than {100 * above:g} %"
                yield Finding(points, severity, words, "Look for the exceptions behind the 5xx answers in its logs",
                              _service("/logs", service))  # fmt: skip
                break


def _latency(known: Known) -> Iterator[Finding]:
    for (service,), value in known.answers.by("p95", "service").items():
        if value > SLOW:
            words = f"5 % of the requests of {service} took longer than {seconds_words(value)}; {SLOW:g} s is slow"
            board = f"/dashboards/watchstack-service?{urlencode({'var-service': service})}"
            yield Finding(10, "warning", words, "Find the slow route on its dashboard", board)


def _hosts(known: Known) -> Iterator[Finding]:
    actions = {
        "cpu": ("CPU", "Add cores or spread the load"),
        "memory": ("Memory", "Look for a leak, or give the host more memory"),
        "disk": ("Disk", "Delete or move old data, or enlarge the disk"),
    }
    for what, (word, action) in actions.items():
        for (instance, mount), value in known.answers.by(what, "instance", "mount_point").items():
            warning, critical = known.thresholds[f"{what}_warning"], known.thresholds[f"{what}_critical"]
            if value < warning:
                continue
            limit = critical if value >= critical else warning
            words = f"{word}{f' {mount}' if mount else ''} of {instance} is at {percent_words(value)}; the threshold is"
            points, severity = (20, "critical") if value >= critical else (10, "warning")
            yield Finding(points, severity, f"{words} {limit:g} %", action, "/resources")


def _rises(known: Known) -> Iterator[Finding]:
    for (what, instance, mount), points in (known.rises or {}).items():
        rise, critical = slope(points), known.thresholds[f"{what}_critical"]
        last = next((value for _, value in reversed(points) if value is not None), None)
        if rise is None or rise <= 0 or last is None or last >= critical:
            continue
        left = (critical - last) / rise
        if left < HORIZON:
            words = f"{what.capitalize()}{f' {mount}' if mount else ''} of {instance} rises and reaches {critical:g} %"
            action = "Find what grows before it is full: old data, logs, a leak"
            yield Finding(5, "warning", f"{words} in about {span(left)}", action, "/resources?period=7d")


def _checks(known: Known) -> Iterator[Finding]:
    for service, component in known.answers.by("checks", "service", "component"):
        words = f"Health check {component} of {service} fails"
        yield Finding(10, "error", words, f"See what {component} needs; the service's own health page has the details",
                      _text("/services", service))  # fmt: skip


def _text(page: str, text: str) -> str:
    return f"{page}?{urlencode({'text': text})}"


def _alerts(known: Known) -> Iterator[Finding]:
    for (name, severity), value in known.answers.by("firing", "alertname", "severity").items():
        if severity in SEVERITY_POINTS:
            words = f"{name} fires" + (f" {value:.0f} times" if value > 1 else "")
            yield Finding(SEVERITY_POINTS[severity], severity, words, "Follow its runbook, or acknowledge it",
                          _text("/rules", name))  # fmt: skip


def _noise(known: Known) -> Iterator[Finding]:
    for (name,), value in known.answers.by("noise", "alertname").items():
        if value >= NOISY:
            words = f"{name} began {value:.0f} times within {known.period}"
            action = "Give it a longer `for` or another threshold under `overrides:`, or mend what makes it come and go"
            yield Finding(3, "warning", words, action, _text("/rules", name))


def _promises(known: Known) -> Iterator[Finding]:
    for (service, slo), left in known.answers.by("budgets", "service", "slo").items():
        if left < LOW_BUDGET:
            spent = left <= 0
            words = f"The error budget of {service} for {slo} is spent" if spent else (
                f"{percent_words(100 * left)} of the error budget of {service} for {slo} is left")  # fmt: skip
            yield Finding(15 if spent else 5, "error" if spent else "warning", words,
                          "Put off risky changes, and mend what fails most", "/dashboards/watchstack-slo")  # fmt: skip


def _stores(known: Known) -> Iterator[Finding]:
    for (service,), value in known.answers.by("pool", "service").items():
        if value > POOL:
            yield Finding(
                5,
                "warning",
                f"The connection pool of {service} was {percent_words(value)} in use",
                "Look for connections that are not given back, or enlarge the pool",
                _text("/services", service),
            )
    for (service,), value in known.answers.by("queries", "service").items():
        if value > SLOW_QUERY:
            yield Finding(10, "warning", f"5 % of the database queries of {service} took longer than "
                          f"{seconds_words(value)}", "Find the operation in db_query_duration_seconds; add an index",
                          f"/dashboards/watchstack-service?{urlencode({'var-service': service})}")  # fmt: skip
    for (service,), value in known.answers.by("cache", "service").items():
        if value < POOR_CACHE:
            yield Finding(
                5,
                "info",
                f"Only {percent_words(100 * value)} of the cache look-ups of {service} hit",
                "Keep entries longer, or cache what is asked for more often",
                _text("/services", service),
            )


def _containers(known: Known) -> Iterator[Finding]:
    for (name,), value in known.answers.by("killed", "name").items():
        yield Finding(10, "error", f"{name} ran out of memory {value:.0f} times within {known.period}",
                      "Give it a larger limit, or find what takes the memory", "/resources")  # fmt: skip
    for (name,), value in known.answers.by("restarts", "name").items():
        if value >= RESTARTS:
            yield Finding(5, "warning", f"{name} was restarted {value:.0f} times within {known.period}",
                          "Its logs before each start say why", f"/logs?{urlencode({'service': name})}")  # fmt: skip


def _itself(known: Known) -> Iterator[Finding]:
    kinds = (
        ("rule_failures", 10, "error", "rule evaluations failed", "Each says why", "/rules?state=broken"),
        ("missed", 5, "warning", "rounds of rules were left out", "Make the slowest group cheaper", "/resources"),
        ("untold", 10, "error", "notifications failed", "Test the receiver: ./stack notify-test RECEIVER", "/alerts"),
        ("unsent", 10, "error", "alerts did not get from Prometheus to Alertmanager",
         "See whether Alertmanager runs", "/targets?" + _of("alertmanager")),
    )  # fmt: skip
    for name, points, severity, words, action, link in kinds:
        value = known.answers.one(name)
        if value is not None and value >= 1:
            yield Finding(points, severity, f"{value:.0f} {words} within {known.period}", action, link)


def _certificates(known: Known) -> Iterator[Finding]:
    for (instance,), left in known.answers.by("certificates", "instance").items():
        if left < CERTIFICATE:
            words = f"The certificate of {instance} " + (f"ends in {span(left)}" if left > 0 else "has ended")
            yield Finding(5 if left > 0 else 15, "warning" if left > 0 else "critical", words, "Renew it",
                          f"/targets?text={quote(instance)}")  # fmt: skip


def error_lines(answers: Answers) -> tuple[float, float] | None:
    """Log lines that tell of errors, before and now; None unless both are known, and the time before was logged."""
    logged, before, now = (answers.found.get(name) for name in ("logged before", "failed", "failing"))
    return (sum(before), sum(now)) if logged and sum(logged) and before and now else None


def _lines(known: Known) -> Iterator[Finding]:
    before, now = error_lines(known.answers) or (0.0, 0.0)  # none now is no finding
    if now >= MANY_LINES and now > JUMP * before:
        words = f"{now:.0f} log lines within {known.logged} tell of errors, {before:.0f} did in the time before"
        yield Finding(5, "warning", words, "See which patterns are new", "/logs?level=error&view=patterns")


RULES = (
    _silence, _down, _availability, _errors, _latency, _hosts, _rises, _checks, _alerts, _noise, _promises, _stores,
    _containers, _itself, _certificates, _lines,
)  # fmt: skip
