"""Promises of services (`slo` in stack.yml): what was promised, what was kept, what is left, how fast it is used up.

Availability and latency stand apart. Every number comes from the series that render/slo.py and rules/slo.yml record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stackgen.model.slo import Slo
from stackgen.render.common import Source
from stackgen.render.dashboards.links import CHOSEN, frame, to_service, variable
from stackgen.render.dashboards.links import SLO_UID as UID
from stackgen.render.dashboards.panels import (
    EMPTY_IS_FINE,
    PROMETHEUS,
    PanelBuilder,
    Placed,
    Steps,
    ask,
    build,
    dial,
    listing,
    one_number,
    over_time,
    rows,
)
from stackgen.render.slo import BURNS

TITLE = "Promises and error budgets"
DAY = 86400.0  # seconds
SHORT = {"1h": "5m", "6h": "30m", "1d": "2h", "3d": "6h"}  # the second window of each alert in rules/slo.yml
ALERTS = {"1h": "SloBurnFast", "6h": "SloBurnSteady", "1d": "SloBurnSlow", "3d": "SloBurnCreeping"}
JOINED = "on (service, slo) group_left ()"
LEFT: Steps = ((None, "red"), (0, "orange"), (0.25, "green"))
RUNS_OUT: Steps = ((None, "red"), (DAY, "orange"), (7 * DAY, "green"))
NONE_AT_ALL = f"{EMPTY_IS_FINE} no service of stack.yml promises anything (`slo`)."


@dataclass(frozen=True)
class Kind:
    """One kind of promise. name: value of the label `slo`; good: which requests keep it."""

    name: str
    good: str

    @property
    def only(self) -> str:
        return f'{CHOSEN},slo="{self.name}"'

    @property
    def empty(self) -> str:
        return f"{EMPTY_IS_FINE} no service of stack.yml promises this (`slo.{self.name}`), or none had a request."

    def title(self, words: str) -> str:
        return f"{self.name.capitalize()}: {words}"


KINDS = (Kind("availability", "did not fail with a status of 500 or more"), Kind("latency", "were answered in time"))


def slo(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    chosen = variable("service", "Service", "slo:objective:ratio", NONE_AT_ALL)
    panels: list[tuple[PanelBuilder, int, int]] = [(promises(), 24, 6)]
    for kind in KINDS:
        panels += _of_kind(source, kind)
    return build(frame(source, TITLE, UID, variables=[chosen]), origin, panels)


def _of_kind(source: Source, kind: Kind) -> Placed:
    return [
        (objective(kind), 6, 5),
        (kept(kind), 6, 5),
        (left_now(kind), 6, 5),
        (runs_out(kind), 6, 5),
        (left(kind), 12, 8),
        (good(source, kind), 12, 8),
        *((burn(source, kind, window), 6, 8) for window, _, _ in BURNS),
    ]


def burn_rate(only: str, window: str) -> str:
    """How many times faster than the promise allows the budget is used up: 1 spends it exactly within the period."""
    return f"slo:error_ratio:rate{window}{{{only}}} / {JOINED} (1 - slo:objective:ratio{{{only}}})"


def share_kept(only: str) -> str:
    """Share of good requests over the period, from the budget that is left: no long window is read again."""
    return f"1 - (1 - slo:error_budget_remaining:ratio{{{only}}}) * {JOINED} (1 - slo:objective:ratio{{{only}}})"


def seconds_left(only: str) -> str:
    """Seconds until the budget is spent when errors go on as in the last hour; nothing while there are none."""
    budget = f"clamp_min(slo:error_budget_remaining:ratio{{{only}}}, 0)"
    return f"{budget} * {JOINED} slo:period:seconds{{{only}}} / ({burn_rate(only, '1h')} > 0)"


def promises() -> PanelBuilder:
    by, only = "by (service, slo)", CHOSEN
    columns = (
        f"100 * max {by} (slo:objective:ratio{{{only}}})",
        f"max {by} (slo:period:seconds{{{only}}}) / {DAY:.0f}",
        f"100 * min {by} ({share_kept(only)})",
        f"100 * min {by} (slo:error_budget_remaining:ratio{{{only}}})",
        f"max {by} ({burn_rate(only, '1h')})",
        f"min {by} ({seconds_left(only)}) / {DAY:.0f}",
    )
    said = ("promised, %", "over, days", "kept, %", "budget left, %", "burn rate, 1 h", "spent in, days")
    names = {f"Value #{ref}": words for ref, words in zip("ABCDEF", said, strict=True)}
    panel = (
        listing({"service": "service", "slo": "kind", **names})
        .decimals(3)
        .title("Promises")
        .description(
            "Every promise: its objective, what was kept over its period, how much of its error budget is left (under "
            "0 the promise is broken), how many times too fast the budget was used up within the last hour (1: it "
            "lasts exactly its period), and in how many days it is spent when that goes on (nothing while no "
            f"request fails). Look first at what is lowest in budget and highest in burn rate. {NONE_AT_ALL}"
        )
        .datasource(PROMETHEUS)
    )
    for ref, expr in zip("ABCDEF", columns, strict=True):
        panel.with_target(rows(expr, ref))
    return panel


def objective(kind: Kind) -> PanelBuilder:
    return ask(
        one_number("percentunit", [(None, "blue")]),
        kind.title("promised"),
        f"Share of the requests that are to be good: those that {kind.good}. It stands in stack.yml. {kind.empty}",
        (f"max by (service) (slo:objective:ratio{{{kind.only}}})", "{{service}}"),
        instant=True,
    )


def kept(kind: Kind) -> PanelBuilder:
    return ask(
        one_number("percentunit", [(None, "blue")]).decimals(3),
        kind.title("kept"),
        f"Share of the requests of the whole period, as far as it is stored, that {kind.good}. Normal is at least what "
        f"was promised; below it the budget is spent. {kind.empty}",
        (f"min by (service) ({share_kept(kind.only)})", "{{service}}"),
        instant=True,
    )


def left_now(kind: Kind) -> PanelBuilder:
    return ask(
        dial("percentunit", LEFT).data_links([to_service()]),
        kind.title("budget left"),
        "Share of the requests that may still fail before the promise is broken. Below a quarter: no risky "
        f"deployments. Below nothing the alert SloBudgetSpent fires. {kind.empty}",
        (f"min by (service) (slo:error_budget_remaining:ratio{{{kind.only}}})", "{{service}}"),
        instant=True,
    )


def runs_out(kind: Kind) -> PanelBuilder:
    return ask(
        one_number("s", RUNS_OUT),
        kind.title("spent in"),
        "Time until the budget is spent when errors go on as in the last hour; what leaves the period meanwhile is not "
        f"counted. Under a day: treat it as an outage; under a week: mend it this week. {EMPTY_IS_FINE} nobody "
        "promises this, or no request failed within the hour.",
        (f"min by (service) ({seconds_left(kind.only)})", "{{service}}"),
        instant=True,
    )


def left(kind: Kind) -> PanelBuilder:
    return ask(
        over_time("percentunit", LEFT).max(1).data_links([to_service()]),
        kind.title("budget over time"),
        "What was left of the error budget at each moment. A slow descent is what a budget is for; a step is an outage "
        f"or a bad deployment: look at the marks at its time. {kind.empty}",
        (f"min by (service) (slo:error_budget_remaining:ratio{{{kind.only}}})", "{{service}}"),
    )


def good(source: Source, kind: Kind) -> PanelBuilder:
    return ask(
        over_time("percentunit", _objectives(source, kind)).max(1).data_links([to_service()]),
        kind.title("good requests"),
        f"Share of the requests that {kind.good}, over 5 minutes. The lines are what was promised; a short dip below "
        f"costs budget, staying below breaks the promise. {kind.empty}",
        (f"min by (service) (1 - slo:error_ratio:rate5m{{{kind.only}}})", "{{service}}"),
    )


def burn(source: Source, kind: Kind, window: str) -> PanelBuilder:
    short = SHORT[window]
    limit = f'slo:error_limit:ratio{{{kind.only},window="{window}"}}'  # as a series it stays in the picture
    return ask(
        over_time("suffix:x", _burns(source, kind, window)).min(0).fill_opacity(0),
        kind.title(f"burn rate {window}"),
        f"How many times faster than its period allows the error budget was used up, over {window} and {short}. Normal "
        f"is below 1. The alert {ALERTS[window]} fires while both are over the line. {kind.empty}",
        (f"max by (service) ({burn_rate(kind.only, window)})", f"{{{{service}}}} {window}"),
        (f"max by (service) ({burn_rate(kind.only, short)})", f"{{{{service}}}} {short}"),
        (f"max ({limit} / on (service, slo) (1 - slo:objective:ratio{{{kind.only}}}))", "limit"),
    )


def _promised(source: Source, kind: Kind) -> Iterator[tuple[float, Slo]]:
    """Percent of good requests and the promise, of every service that makes one of this kind."""
    for service in source.stack.services:
        if service.slo and kind.name == "availability" and service.slo.availability is not None:
            yield service.slo.availability, service.slo
        if service.slo and kind.name == "latency" and service.slo.latency is not None:
            yield service.slo.latency.share, service.slo


def _objectives(source: Source, kind: Kind) -> Steps:
    """A line at each objective."""
    found = sorted({round(percent / 100, 12) for percent, _ in _promised(source, kind)})
    return [(None, "orange"), *((value, "green") for value in found)] if found else [(None, "green")]


def _burns(source: Source, kind: Kind, window: str) -> Steps:
    """A line at each burn rate at which the window's alert fires: it hangs on the period alone."""
    ((seconds, share),) = ((seconds, share) for name, seconds, share in BURNS if name == window)
    periods = {promise.over for _, promise in _promised(source, kind)} or {Slo().over}
    return [(None, "green"), *((round(share * over / seconds, 6), "red") for over in sorted(periods))]
