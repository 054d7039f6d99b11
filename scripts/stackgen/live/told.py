"""What came out, for people: a table of dashboards, then every finding; and as plain data for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackgen.live.outcome import Outcome, Result, Verdict, counts
from stackgen.render.dashboards.panels import EMPTY_IS_FINE
from stackgen.report import visible

COLUMNS = {Verdict.OK: "ok", Verdict.DECLARED: "declared", Verdict.EMPTY: "empty", Verdict.ERROR: "error"}
WIDEST = 300  # characters of an expression
MOST_NOTE = 400  # characters of a note


def lines(outcome: Outcome) -> Iterator[str]:
    """The table, the findings, the notes, and a closing sentence."""
    yield from table(outcome)
    for one in outcome.told:
        yield ""
        yield from finding(one)
    if outcome.notes:
        yield ""
    for note in outcome.notes:
        yield visible(f"note: {_cut(note, MOST_NOTE)}")
    yield ""
    yield closing(outcome)


def table(outcome: Outcome) -> Iterator[str]:
    """One line a dashboard: how many of its queries gave data, were empty as declared, were empty, failed."""
    rows = [(board.file, counts(outcome.of(board))) for board in outcome.boards]
    rows.append(("all", counts(outcome.results)))
    width = max(len(file) for file, _ in rows)
    yield f"{'DASHBOARD':<{width}}  " + "  ".join(f"{word.upper():>8}" for word in COLUMNS.values())
    for file, found in rows:
        yield f"{file:<{width}}  " + "  ".join(f"{found[verdict]:>8}" for verdict in COLUMNS)


def finding(result: Result) -> Iterator[str]:
    """File, panel, query, then its expression, then what is wrong and how to mend it."""
    query = f", query {result.ref}" if result.ref else ""
    yield visible(f"{result.file}: {result.place}{query}: {result.verdict}")
    if result.expr:
        yield visible(f"    {_cut(' '.join(result.expr.split()), WIDEST)}")
    if result.why:
        yield visible(f"    {result.why}")
    for name, nearest in result.missing:
        yield visible(f"    no series has {name}" + (f"; did you mean {nearest}?" if nearest else ""))
    if result.verdict is Verdict.EMPTY and not result.missing:
        yield f'    mend the query, or write "{EMPTY_IS_FINE}" and the reason into the description'


def _cut(text: str, most: int) -> str:
    return f"{text[:most]}…" if len(text) > most else text


def closing(outcome: Outcome) -> str:
    found = counts(outcome.results)
    total = sum(found.values())
    good = found[Verdict.OK] + found[Verdict.DECLARED]
    return (
        f"{good} of {total} queries of {len(outcome.boards)} dashboards give data or are empty as declared; "
        f"{outcome.rules_asked} rules looked at; asked through {outcome.through} in {outcome.seconds:.1f} s"
    )


def document(outcome: Outcome) -> dict[str, Any]:
    """For programs."""
    return {
        "through": outcome.through,
        "seconds": round(outcome.seconds, 1),
        "dashboards": [
            {
                "file": board.file,
                "uid": board.uid,
                "title": board.title,
                **{word: counts(outcome.of(board))[verdict] for verdict, word in COLUMNS.items()},
            }
            for board in outcome.boards
        ],
        "findings": [one.as_data() for one in outcome.wrong],
        "rules": outcome.rules_asked,
        "notes": list(outcome.notes),
    }
