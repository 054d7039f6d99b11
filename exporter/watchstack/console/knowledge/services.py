"""Every service with how it does: targets, health checks, requests, errors, latency, version, promises.

The figures are those of recording rules; where there is none for a service, the page leaves the place empty. What
single targets say: targets.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue

from watchstack.console.context import Console, console
from watchstack.console.inbox.entries import SEVERITIES
from watchstack.console.knowledge.common import LONGEST, Answers, ask, rounded, vectors
from watchstack.console.knowledge.written import Sources, sources_of
from watchstack.console.pages import frame
from watchstack.console.peers.series import Sample

STATES = ("down", "unhealthy", "degraded", "up", "absent")  # absent: in stack.yml, Prometheus has no target of it
GRAVE = SEVERITIES[:2]
PROBE = "probe"  # the job whose targets are blackbox_exporter's: what they find of a service is probe_success
SHOWN = 200
MOST_CHECKS = 50  # of one service that a page shows
OWN = "watchstack"  # the label `service` of the stack's own parts
QUERIES: Mapping[str, str] = {
    "up": 'up{service!=""}',
    "requests": "sum by (service) (service:http_requests:rate5m)",
    "errors": "max by (service) (service:http_errors:percent5m)",
    "p95": 'max by (service) (service:http_request_duration_seconds:statistic5m{statistic="p95"})',
    "checks": 'min by (service, component) (health_check_status{service!=""})',
    "took": "max by (service, component) (service:health_check_duration_seconds:avg5m)",
    "versions": 'group by (service, version, job) ({__name__=~"application_info|[a-z]+_build_info", version!="",'
    ' service!=""})',
    "probes": 'min by (service) (probe_success{service!=""})',
    "alerts": 'count by (service, severity) (ALERTS{alertstate="firing", service!="", escalated=""})',
    "budgets": "min by (service, slo) (slo:error_budget_remaining:ratio)",
}
DETAILS: Mapping[str, str] = {"checks": "component", "took": "component", "alerts": "severity", "budgets": "slo"}
blueprint = Blueprint("services", __name__)


@dataclass(frozen=True)
class Check:
    """A health check. healthy: also when degraded; seconds: how long it takes on average, None where unknown."""

    name: str
    healthy: bool
    seconds: float | None = None


@dataclass(frozen=True)
class Service:
    """state: one of STATES; why: in words, empty when all is well. requests: a second; errors: percent; p95: seconds.

    budgets: share of the error budget that is left, by promise. alerts: firing ones by severity. probe: None without.
    """

    name: str
    state: str
    why: tuple[str, ...] = ()
    team: str = ""
    preset: str = ""
    environment: str = ""
    targets: int = 0
    targets_up: int = 0
    requests: float | None = None
    errors: float | None = None
    p95: float | None = None
    probe: bool | None = None
    versions: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    alerts: Mapping[str, int] = field(default_factory=dict)
    budgets: Mapping[str, float] = field(default_factory=dict)

    @property
    def links(self) -> dict[str, str]:
        """Pages of this console about it."""
        asked = urlencode({"service": self.name})
        board = "/dashboards/watchstack-itself" if self.name == OWN else "/dashboards/watchstack-service?"
        return {
            "dashboard": board if self.name == OWN else board + urlencode({"var-service": self.name}),
            "logs": f"/logs?{asked}",
            "alerts": f"/alerts?{asked}",
            "targets": f"/targets?{asked}",
        }

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "links": self.links}


@dataclass(frozen=True)
class Services:
    """Worst first."""

    services: tuple[Service, ...] = ()
    troubles: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        return {state: sum(one.state == state for one in self.services) for state in STATES}


def gather(own: Console) -> Services:
    return judged(ask(vectors(own, QUERIES)), sources_of(own).current())


def judged(answers: Answers, sources: Sources) -> Services:
    """Every service that Prometheus knows or stack.yml names."""
    targets: dict[str, list[Sample]] = defaultdict(list)
    for sample in answers.samples("up"):
        targets[sample.labels.get("service", "")].append(sample)
    details = {question: _of_each(answers, question, label) for question, label in DETAILS.items()}
    versions = _versions(answers)
    found = [
        _service(name, ups, answers, {what: of_each[name] for what, of_each in details.items()}, versions[name])
        for name, ups in targets.items()
    ]
    if answers.knows("up"):
        words = ("stack.yml has it, and Prometheus no target of it: ./stack apply",)
        found += [Service(one, "absent", words) for one in sources.services if one not in targets]
    found.sort(key=lambda one: (STATES.index("down" if one.state == "absent" else one.state), one.name))
    return Services(tuple(found), tuple(answers.troubles))


def _of_each(answers: Answers, name: str, label: str) -> dict[str, dict[str, float]]:
    """The values of a question by service, then by another label of theirs."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for (service, told), value in sorted(answers.by(name, "service", label).items()):
        found[service][told] = value
    return found


def _service(
    name: str,
    targets: list[Sample],
    answers: Answers,
    details: Mapping[str, Mapping[str, float]],
    versions: set[str],
) -> Service:
    """targets: its samples of `up`; details: what the questions of DETAILS gave of it."""
    own = [one for one in targets if one.labels.get("job") != PROBE]
    took, up = details["took"], sum(one.value > 0 for one in own)
    checks = tuple(Check(one, value > 0, rounded(took.get(one))) for one, value in details["checks"].items())
    alerts = {severity: int(value) for severity, value in details["alerts"].items()}
    probed = answers.by("probes", "service").get((name,))
    probe = None if probed is None else probed > 0
    failing = [one.name for one in checks if not one.healthy]
    first = max((one.labels for one in targets), key=len)
    single = {key: rounded(answers.by(key, "service").get((name,))) for key in ("requests", "errors", "p95")}
    return Service(
        name=name,
        state=state_of(up, len(own), probe, bool(failing), alerts),
        why=_why(up, len(own), probe, failing, alerts),
        team=first.get("team", ""),
        preset=first.get("preset", ""),
        environment=first.get("environment", ""),
        targets=len(own),
        targets_up=up,
        requests=single["requests"],
        errors=single["errors"],
        p95=single["p95"],
        probe=probe,
        versions=tuple(sorted(versions)),
        checks=checks,
        alerts=alerts,
        budgets=details["budgets"],
    )


def state_of(up: float, targets: float, probe: bool | None, failing: bool, severities: Iterable[str]) -> str:
    """The one word for a service on every page.

    down: no target answers, or its probe fails (None: it has none). unhealthy: a health check fails, or an alert of
    the two grave severities fires. degraded: a target does not answer, or a lesser alert fires. up: also while
    something is only told (`info`).
    """
    fire = set(severities)
    if probe is False or (targets and not up):
        return "down"
    if failing or not fire.isdisjoint(GRAVE):
        return "unhealthy"
    return "degraded" if up < targets or fire - {"info"} else "up"


def _versions(answers: Answers) -> dict[str, set[str]]:
    """By service: of the application; of each part where it is the stack itself."""
    found: dict[str, set[str]] = defaultdict(set)
    for service, job, version in answers.by("versions", "service", "job", "version"):
        found[service].add(f"{job} {version}" if service == OWN else version)
    return found


def _why(
    up: int, targets: int, probe: bool | None, failing: Sequence[str], alerts: Mapping[str, int]
) -> tuple[str, ...]:
    why = []
    if targets and not up:
        why.append("no target answers" if targets > 1 else "its target does not answer")
    elif up < targets:
        why.append(f"{targets - up} of {targets} targets do not answer")
    if probe is False:
        why.append("its probe fails")
    if failing:
        why.append(f"health checks fail: {', '.join(failing[:5])}")
    for kind, many in (
        ("grave", sum(alerts.get(one, 0) for one in GRAVE)),
        ("lesser", sum(many for one, many in alerts.items() if one not in (*GRAVE, "info"))),
    ):
        if many:
            why.append(f"{many} {kind} alert{'s fire' if many > 1 else ' fires'}")
    return tuple(why)


def _asked() -> dict[str, str]:
    told = {name: request.args.get(name, "")[:LONGEST].strip() for name in ("state", "text")}
    if told["state"] not in ("", *STATES):
        abort(404)
    return told


def _chosen(found: Services, asked: Mapping[str, str]) -> list[Service]:
    return [
        one
        for one in found.services
        if asked["state"] in ("", one.state) and asked["text"].lower() in f"{one.name} {one.team} {one.preset}".lower()
    ]


@blueprint.get("/services")
def shown() -> ResponseReturnValue:
    """?state= one of STATES, ?text=."""
    own, asked = console(), _asked()
    everything = gather(own)
    found = _chosen(everything, asked)
    return render_template(
        "services.html",
        **frame(own),
        asked=asked,
        services=everything,
        found=found[:SHOWN],
        count=len(found),
        most=MOST_CHECKS,
        troubles=everything.troubles,
    )


@blueprint.get("/api/services")
def as_json() -> ResponseReturnValue:
    everything = gather(console())
    found = [one.as_json() for one in _chosen(everything, _asked())]
    return {"services": found, "counts": everything.counts(), "missing": everything.troubles}
