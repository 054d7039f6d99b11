"""The handlers of the health endpoints, by the names that routes.py uses. The bodies are made in answers.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from watchstack.catalogue import Preset
from watchstack.clocks import SYSTEM, Clocks
from watchstack.endpoints import Answer, Handler, Request, json_answer, text
from watchstack.health import answers
from watchstack.health.check import Check
from watchstack.health.runner import Outcome
from watchstack.host import HostSampler
from watchstack.settings import Settings

if TYPE_CHECKING:
    from watchstack.health.health import Health

_JSON, _PROMETHEUS = "json", "prometheus"
_KINDS = {
    "application/json": _JSON,
    "application/*": _JSON,
    "text/plain": _PROMETHEUS,
    "text/*": _PROMETHEUS,
    "application/openmetrics-text": _PROMETHEUS,
}


class HealthAnswers:
    """Answers from the outcomes that `health` has. metrics: the handler of Prometheus's formats, None for none."""

    def __init__(
        self,
        health: Health,
        settings: Settings,
        sampler: HostSampler,
        metrics: Handler | None,
        *,
        clocks: Clocks = SYSTEM,
    ) -> None:
        self._health = health
        self._settings = settings
        self._sampler = sampler
        self._prometheus = metrics
        self._clocks = clocks

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "live": lambda request: self._answer([]),
            "basic": lambda request: self._answer(self._outcomes("basic")),
            "standard": self._standard,
            "health_metrics": self._metrics,
            "detailed": self._detailed,
            "database": lambda request: self._one("database"),
            "redis": lambda request: self._one("redis"),
            "external": self._external,
            "ready": self._ready,
            "startup": self._startup,
            "monitoring_health": self._monitoring,
            "comprehensive": self._comprehensive,
            "simple": self._simple,
            "check": lambda request: self._named(request, now=False),
            "run": lambda request: self._named(request, now=True),
        }

    def comprehensive(self) -> answers.Body:
        """A-36, which A-38 holds too."""
        return answers.comprehensive(self._outcomes("api"), self._clocks.wall())

    def top(self, outcomes: Iterable[Outcome]) -> answers.Body:
        """The keys that most answers begin with."""
        return {
            "status": answers.three(answers.overall(outcomes)),
            "timestamp": answers.timestamp(self._clocks.wall()),
            "version": self._settings.app_version,
        }

    def _outcomes(self, endpoint: str, checks: Iterable[Check] | None = None, *, now: bool = False) -> list[Outcome]:
        return self._health.outcomes(endpoint, self._health.checks if checks is None else checks, now=now)

    def _answer(self, outcomes: list[Outcome], **more: object) -> Answer:
        """The common keys, and the code of Y-10."""
        code = 503 if answers.overall(outcomes).failed else 200
        return json_answer({**self.top(outcomes), **more}, code)

    def _standard(self, request: Request) -> Answer:
        found = self._outcomes("standard")
        return self._answer(found, checks=answers.standard_checks(found))

    def _metrics(self, request: Request) -> Answer:
        """X-01: JSON or Prometheus's formats."""
        wanted = request.parameter("format")
        if wanted not in (None, _JSON, _PROMETHEUS):
            return text("format is json or prometheus\n", 400)
        iot = self._settings.preset is Preset.IOT
        kind = wanted or _accepted(request.header("accept")) or (_PROMETHEUS if iot else _JSON)
        if kind == _PROMETHEUS:
            prometheus = self._prometheus
            return prometheus(request) if prometheus is not None else text("metrics are switched off\n", 404)
        began = self._clocks.ticks()
        found = self._outcomes("metrics")
        figures = answers.resource_metrics(self._sampler.latest, found)
        took = round((self._clocks.ticks() - began) * 1000, 3)
        return self._answer(found, response_time_ms=took, checks=answers.timed_checks(found), metrics=figures)

    def _detailed(self, request: Request) -> Answer:
        found, sample = self._outcomes("detailed"), self._sampler.latest
        figures = answers.resource_metrics(sample, found)
        more = answers.sections(sample, found)
        return self._answer(found, checks=answers.full_checks(found), metrics=figures, **more)

    def _monitoring(self, request: Request) -> Answer:
        found = self._outcomes("monitoring")
        figures = answers.resource_metrics(self._sampler.latest, found)
        checks = answers.named_checks(found)
        return self._answer(found, environment=self._settings.environment, checks=checks, metrics=figures)

    def _one(self, name: str) -> Answer:
        if name not in self._health.checks:
            return _unknown(name)
        found = self._outcomes(name, [self._health.checks[name]])[0]
        body = {"version": self._settings.app_version, **answers.one_check(found)}
        return json_answer(body, 503 if found.result.status.failed else 200)

    def _named(self, request: Request, *, now: bool) -> Answer:
        name = request.named["check_name"]
        if name not in self._health.checks:
            return _unknown(name)
        found = self._outcomes("run" if now else "check", [self._health.checks[name]], now=now)[0]
        return json_answer(answers.check_result(found), 503 if found.result.status.failed else 200)

    def _external(self, request: Request) -> Answer:
        found = self._outcomes("external", [check for check in self._health.checks if check.external])
        return self._answer(found, checks=answers.full_checks(found))

    def _ready(self, request: Request) -> Answer:
        found = self._outcomes("ready", [check for check in self._health.checks if check.critical])
        return self._answer(found, checks=answers.timed_checks(found))

    def _startup(self, request: Request) -> Answer:
        """Asks anew each time: a probe that has succeeded once is not asked again."""
        found = self._outcomes("startup", self._health.startup, now=True)
        return self._answer(found, checks=answers.timed_checks(found))

    def _comprehensive(self, request: Request) -> Answer:
        body = self.comprehensive()
        failed = body["status"] == "critical" and not self._settings.health_always_200
        if request.parameter("code") == "200":  # for a page, whose browser takes a 503 for a fault of the page
            failed = False
        return json_answer(body, 503 if failed else 200)

    def _simple(self, request: Request) -> Answer:
        """C-62: asks the database at once."""
        found = self._outcomes("simple", [one for one in self._health.checks if one.name == "database"], now=True)
        failed = any(outcome.result.status.failed for outcome in found)
        return json_answer({"status": "unhealthy" if failed else "healthy"}, 503 if failed else 200)


def _unknown(name: str) -> Answer:
    return json_answer({"error": f"there is no health check named {name}"}, 404)


def _accepted(header: str | None) -> str | None:
    """What an Accept header likes best of JSON and Prometheus's formats; None where it names neither."""
    best: tuple[float, str | None] = (0.0, None)
    for part in (header or "").lower().split(","):
        name, *parameters = [word.strip() for word in part.split(";")]
        try:
            weight = float(next((word[2:] for word in parameters if word.startswith("q=")), "1"))
        except ValueError:
            continue
        if name in _KINDS and weight > best[0]:
            best = (weight, _KINDS[name])
    return best[1]
