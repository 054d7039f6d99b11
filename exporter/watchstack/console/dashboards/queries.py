"""From a panel, a time range and values of variables to the questions that are asked; and the options of a variable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from watchstack.console.dashboards.answers import ROWS, SERIES, Answer, Question
from watchstack.console.dashboards.asking import Asker
from watchstack.console.dashboards.declared import Variable
from watchstack.console.dashboards.model import Dashboard, Panel, Target
from watchstack.console.dashboards.times import Span, step_of
from watchstack.console.dashboards.variables import BadValue, Value, chosen, interpolate
from watchstack.console.peers.ask import PeerError

OPTIONS = 500  # of a variable


def questions(panel: Panel, span: Span, values: Mapping[str, Value]) -> dict[str, Question | BadValue]:
    """By the target's refId; BadValue where the value of a variable may not stand in it."""
    found: dict[str, Question | BadValue] = {}
    for target in panel.targets:
        if target.expr:
            try:
                found[target.ref] = _question(panel, target, span, values)
            except BadValue as error:
                found[target.ref] = error
    return found


def _question(panel: Panel, target: Target, span: Span, values: Mapping[str, Value]) -> Question:
    step = step_of(span.seconds, max(target.step, span.scrape), panel.points or 1000)
    expr = interpolate(target.expr, values, built_in(span, step))
    start, end = span.aligned(step)
    if panel.kind == "logs":
        return Question(target.source, expr, int(span.start), int(span.end) + 1, lines=True)
    most = ROWS if panel.kind == "table" else SERIES
    if target.instant or panel.kind == "table":
        return Question(target.source, expr, span.moment, span.moment, most=most)
    return Question(target.source, expr, start, end, step, most)


def built_in(span: Span, step: int) -> dict[str, str]:
    """Grafana's own variables."""
    seconds = max(1, round(span.seconds))
    return {
        "__interval": f"{step}s",
        "__interval_ms": str(step * 1000),
        "__rate_interval": f"{max(step + span.scrape, 4 * span.scrape)}s",
        "__range": f"{seconds}s",
        "__range_s": str(seconds),
        "__range_ms": str(seconds * 1000),
        "__from": str(int(span.start * 1000)),
        "__to": str(int(span.end * 1000)),
        "__auto": f"{step}s",
    }


def values_of(
    dashboard: Dashboard, told: Mapping[str, Sequence[str]], span: Span, asker: Asker
) -> dict[str, Value | PeerError]:
    """Of every variable, in their order, since one may use those before it. told: what the request says, by name.
    Options are asked for only where nothing is chosen and the file has no words for all of them; PeerError where they
    are not to be had."""
    found: dict[str, Value | PeerError] = {}
    for variable in dashboard.variables:
        value: Value | PeerError = chosen(variable, told.get(variable.name, ()), variable.options)
        if isinstance(value, Value) and not value.every and not value.chosen:
            known = {name: one for name, one in found.items() if isinstance(one, Value)}
            options = option_values(variable, span, asker, known)
            if isinstance(options, PeerError):
                value = options
            else:
                value = chosen(variable, told.get(variable.name, ()), options)
        found[variable.name] = value
    return found


def option_values(
    variable: Variable, span: Span, asker: Asker, values: Mapping[str, Value]
) -> tuple[str, ...] | PeerError:
    """What the variable can be, sorted as the file says. values: of those before it."""
    if variable.options or not variable.values_of:
        return variable.options
    start, end = span.aligned(60)
    try:
        metric = interpolate(variable.metric, values, built_in(span, 60))
    except BadValue as error:
        return PeerError(str(error))
    asked = Question("prometheus", metric, start, end + 60, most=OPTIONS, values_of=variable.values_of)
    (answer,) = asker.ask([asked]).values()
    if isinstance(answer, PeerError):
        return answer
    return tuple(sorted(answer.values, reverse=variable.sort in (2, 4, 6)))


def everything(
    panels: Iterable[Panel], span: Span, values: Mapping[str, Value], asker: Asker
) -> list[tuple[Panel, dict[str, tuple[Question, Answer | PeerError] | BadValue]]]:
    """Every panel with the answers to its questions, all asked at once."""
    wanted = [(panel, questions(panel, span, values)) for panel in panels]
    asked = asker.ask(one for _, own in wanted for one in own.values() if isinstance(one, Question))
    return [
        (panel, {ref: (one, asked[one]) if isinstance(one, Question) else one for ref, one in own.items()})
        for panel, own in wanted
    ]
