"""A drill's result as lines for people, as JSON and as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackgen.drill.outcome import Outcome, Result, State

HEAD = ("alert", "severity", "receivers", "seconds", "expected", "ended after", "how it went")
COLOURS = {"  failed": "red", "FAILED": "red", "not drilled": "yellow"}
MARKS = {
    State.DRILLED: "ok",
    State.FIRING_ONLY: "firing only",
    State.FAILED: "FAILED",
    State.NOT_DRILLED: "not drilled",
}


def lines(result: Result) -> Iterator[str]:
    """The table, what went wrong, and the sum."""
    rows = [HEAD, *(_row(one) for one in result.outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    for one in result.outcomes:
        for problem in one.problems if one.state in (State.FAILED, State.NOT_DRILLED) else ():
            yield f"{MARKS[one.state]} {one.alert}: {problem}"
    for note in result.notes:
        yield f"note: {note}"
    yield summary(result)


def summary(result: Result) -> str:
    """How many of which, in one line."""
    firing_only = result.count(State.FIRING_ONLY)
    words = [
        f"{result.count(State.DRILLED) + firing_only} of {len(result.outcomes)} alerts arrived in {result.took:.0f} s"
    ]
    if firing_only:
        words.append(f"{firing_only} of them firing only")
    if late := sum(one.late for one in result.outcomes):
        words.append(f"{late} late")
    if failed := len(result.failed):
        words.append(f"{failed} failed")
    if missed := result.count(State.NOT_DRILLED):
        words.append(f"{missed} not drilled")
    return ", ".join(words)


def colour(line: str) -> str:
    """The colour of a line, "" for none."""
    return next((colour for word, colour in COLOURS.items() if word in line), "")


def as_data(result: Result) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "alerts": [
            {
                "alert": one.alert,
                "severity": one.severity,
                "state": str(one.state),
                "test": one.test,
                "receivers": list(one.receivers),
                "seconds": one.seconds,
                "expected": one.expected,
                "late": one.late,
                "resolved": one.resolved,
                "recovery": one.recovery,
                "rewritten": list(one.changes),
                "backfilled": one.backfilled,
                "problems": one.problems,
            }
            for one in result.outcomes
        ],
        "notes": list(result.notes),
        "seconds": round(result.took, 1),
        "failed": len(result.failed),
    }


def _row(one: Outcome) -> tuple[str, ...]:
    return (*_cells(one), f"{MARKS[one.state]}{', late' if one.late else ''}")


def _cells(one: Outcome) -> tuple[str, ...]:
    """What a row begins with, in the terminal and on the page."""
    return (
        one.alert,
        one.severity or "-",
        ", ".join(one.receivers) or "-",
        _seconds(one.seconds),
        _seconds(one.expected),
        _seconds(one.resolved),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def page(result: Result) -> str:
    """docs/drill.md."""
    rows = [_page_row(one) for one in result.outcomes]
    return "\n".join((*INTRODUCTION, "", summary(result) + ".", "", *PAGE_HEAD, *rows, *_notes(result), ""))


def _page_row(one: Outcome) -> str:
    how = one.recovery or ("; ".join(one.problems) if one.problems else "-")
    changed = ", ".join(f"`{change}`" for change in one.changes) + (", history as blocks" if one.backfilled else "")
    cells = (
        *_cells(one),
        f"{MARKS[one.state]}: {how}" if one.state is not State.DRILLED else how,
        changed or "-",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _notes(result: Result) -> list[str]:
    return ["", "Not as rendered:", *(f"- {note}" for note in result.notes)] if result.notes else []


PAGE_HEAD = (
    "| Alert | Severity | Receivers | Seconds | Expected | Ended after | It was ended by | Rewritten |",
    "|---|---|---|---|---|---|---|---|",
)
INTRODUCTION = """\
# The drill: every alert, proven to arrive

Written by `./stack drill --write docs/drill.md`; the figures are those of that run. `./stack drill` runs all
alerts, `./stack drill HostHighMemoryUsage` one; `--json` tells programs; exit code 1 when an alert did not
arrive, arrived elsewhere, did not end, or came with another text.

## What happens
A Prometheus and an Alertmanager of the drill's own run on free ports in a temporary folder, with the rendered
rules, routes, receivers and message templates. Nothing that runs is touched and nobody is told. For each alert
the series of its own firing test (the one that looks soonest) are scraped as they would be from a target; `up`
comes from a target that answers, or answers with status 500. The notification must come out at exactly the
receivers that `stack.yml` means, in the words of its templates: no hole, no template error, no other label. Then
the fault ends, by the series of a quiet test or by the series' end, and the recovery must be told to the same
receivers.

- **Time** runs 60 times faster: a minute is a second, the 15 s between two scrapes and evaluations are a quarter
  of one. Values come with their moments and rules look two seconds back, so that what a busy machine scrapes late
  does not waver. A parser rewrites `for`, `keep_firing_for`, ranges, steps and offsets; `time()` and `timestamp()`
  tell the test's time; `rate`, `irate`, `deriv` and the horizon of `predict_linear` are put right. That the
  rewritten rules still mean the same, promtool says: all tests of all alerts pass on them
  (`tests/tools/test_drill_rewriting.py`). The rules as they are have their tests in `prometheus/tests`.
- **Alerts do not disturb each other**: every selector asks for the drilled alert's own series. Inhibition is off,
  it has tests of its own; time windows of routes are open; repeats do not happen.
- **Receivers** keep their kind and texts, their endpoints lead to the drill (HTTP and SMTP on loopback); secrets
  are made up, a password for SMTP is not asked for. A second webhook of each receiver tells which alerts reached
  it.
- **Long tests** (over 30 minutes) have their beginning written as blocks. An alert that looks back over an hour
  and does not end in the ten minutes after its fault is *firing only*, as is one that reads no series.
- **Not drilled** are alerts without a firing test, with native histograms in it, of Loki's ruler, and
  escalation's second alerts. A gap (`_`, `stale` too) and the end of a series are seen five minutes of the test's
  time later, as in promtool. PromQL inside a text (`query`) sees the series of all alerts.

*Seconds* are real ones, from the first evaluation that sees the fault to the last receiver told; *expected* is
the sum of `for`, a scrape, an evaluation and `group_wait`, all 60 times shorter, and 2 s for the machine. *Ended
after* counts from the beginning of the first recovery that was tried; the one that did it is named.
""".splitlines()
