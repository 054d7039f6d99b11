"""What may not work in a dashboard that was taken: metrics that nobody exports, queries that are no PromQL, panels that
are drawn by Grafana alone. None of it keeps the dashboard out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stackgen.checks.known import known
from stackgen.checks.promql import parse
from stackgen.imports.reading import every_panel
from stackgen.live.boards import Board, Opened
from stackgen.live.missing import named, nearest
from stackgen.live.options import opened_alone
from stackgen.model.slo import RECORDED
from stackgen.render.grafana import PROMETHEUS_UID

DRAWN = {"stat", "timeseries", "gauge", "bargauge", "table", "logs", "text", "row"}  # by the console too


def doubts(file: str, model: Mapping[str, Any], recorded: Collection[str]) -> Iterator[str]:
    """Sentences. recorded: names of the recording rules that there are."""
    board = Board(file, model)
    names = {*known(), *recorded, *RECORDED}
    for question in Opened(board, opened_alone(board)).questions():
        if question.datasource != PROMETHEUS_UID or not question.expr:
            continue
        where = f'panel "{question.place}", query {question.ref}'
        parsed = parse(question.expr)
        if parsed.root is None:
            yield f"{where}: this does not look like PromQL: {' '.join(question.expr.split())[:120]}"
        for name in named(question.expr):
            if name not in names:
                close = nearest(name, names)
                meant = f"; did you mean {close}?" if close else ""
                yield f"{where}: no program of the stack exports {name}{meant}"
    others = sorted({str(panel.get("type")) for panel in every_panel(model)} - DRAWN)
    if others:
        yield f"the console does not draw panels of type {', '.join(others)}; Grafana does"
