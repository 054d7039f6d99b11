"""Events that the charts of a dashboard show as lines: Grafana's annotations, such as alerts and deployments."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from watchstack.console.dashboards.answers import Answer, Question, Series
from watchstack.console.dashboards.asking import Asker
from watchstack.console.dashboards.events import Kind
from watchstack.console.dashboards.queries import built_in
from watchstack.console.dashboards.times import Span, step_of
from watchstack.console.dashboards.variables import BadValue, Value, interpolate
from watchstack.console.peers.ask import PeerError

MARKS = 100  # of one kind, the newest
_LABEL = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_TAG = re.compile(r"<[^<>]{0,500}>")


def marks(known: Sequence[Kind], span: Span, values: Mapping[str, Value], asker: Asker) -> list[dict[str, Any]]:
    """Each kind with its events: `start`, `end` (Unix seconds, the same for a moment), `title`, `text`, `tags`."""
    asked: dict[int, Question] = {}
    problems: dict[int, str] = {}
    for number, kind in enumerate(known):
        step = step_of(span.seconds, max(kind.step, span.scrape))
        start, end = span.aligned(step)
        try:
            expr = interpolate(kind.expr, values, built_in(span, step))
            asked[number] = Question("prometheus", expr, start, end, step)
        except BadValue as error:
            problems[number] = str(error)
    answers = asker.ask(asked.values())
    found = []
    for number, kind in enumerate(known):
        answer = answers[asked[number]] if number in asked else PeerError(problems[number])
        told: dict[str, Any] = {"name": kind.name, "colour": kind.colour, "on": kind.on, "marks": []}
        if isinstance(answer, Answer):
            events = [event for one in answer.series for event in _events(kind, asked[number], one)]
            inside = [event for event in events if span.start <= event["end"] and event["start"] <= span.end]
            told["marks"] = sorted(inside, key=lambda event: -event["start"])[:MARKS]
        else:
            told["problem"] = str(answer)
        found.append(told)
    return found


def _events(kind: Kind, question: Question, series: Series) -> Iterator[dict[str, Any]]:
    words = {
        "title": _filled(kind.title, series.labels),
        "text": _filled(_TAG.sub("", kind.text), series.labels),
        "tags": [series.labels[tag] for tag in kind.tags if series.labels.get(tag)],
    }
    if kind.at_value:
        for moment in sorted({value for value in series.values if math.isfinite(value)}):
            yield {"start": moment / 1000, "end": moment / 1000, **words}
        return
    began: int | None = None
    for place, value in enumerate([*series.values, math.nan]):
        there = not math.isnan(value) and value != 0
        if there and began is None:
            began = place
        elif not there and began is not None:
            start, end = (question.start + number * question.step for number in (began, place - 1))
            yield {"start": start, "end": end, **words}
            began = None


def _filled(template: str, labels: Mapping[str, str]) -> str:
    return _LABEL.sub(lambda match: labels.get(match[1], ""), template).strip()[:300]
