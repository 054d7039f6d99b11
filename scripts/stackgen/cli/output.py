"""How commands speak: words for people, JSON for programs, progress as a table on a terminal and as lines elsewhere."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stackgen.engines.base import PartStatus, State

COLOURS = {
    State.HEALTHY: "green",
    State.STARTING: "yellow",
    State.WAITING: "yellow",
    State.UNHEALTHY: "red",
    State.FAILED: "red",
    State.STOPPED: "dim",
}
TELL_AGAIN = 15.0  # seconds until a line whose numbers alone have changed is printed again, without a terminal


class Output:
    """json_: nothing but JSON goes to standard output, words go to standard error."""

    def __init__(self, *, json_: bool = False) -> None:
        self.json = json_
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self.console = self.errors if json_ else Console(highlight=False, soft_wrap=True)

    def say(self, text: str = "", style: str = "") -> None:
        """A line for people."""
        self.console.print(Text(text, style=style))

    def error(self, message: str, hint: str = "") -> None:
        """What went wrong and what to do, on standard error."""
        self.errors.print(Text("error: ", style="bold red") + Text(message))
        if hint:
            self.errors.print(Text("  fix: ", style="bold") + Text(hint))

    def document(self, content: Any) -> None:
        """A JSON document on standard output."""
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        sys.stdout.flush()  # a reader that has gone is noticed here, not when the interpreter ends

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Shows the states of parts as they change."""
        with Progress(self.console) as progress:
            yield progress


class Progress:
    """Called with the parts' states as often as one likes; shows what has changed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._shown: dict[str, tuple[State, str]] = {}
        self._told: dict[str, str] = {}
        self._at: dict[str, float] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, parts: Sequence[PartStatus]) -> None:
        if self._live is not None:
            self._live.update(table(parts, self._console.width))
            return
        now = time.monotonic()
        for part in parts:
            seen = (part.state, re.sub(r"\d+", "0", part.detail))
            old = self._shown.get(part.part)
            if old is not None and old[0] is part.state is State.STARTING:
                continue  # how it answers while it starts is of no interest unless it fails
            counts = part.state is State.WAITING and part.detail != self._told.get(part.part)  # only a number changed
            if seen == old and not (counts and now - self._at[part.part] >= TELL_AGAIN):
                continue
            self._shown[part.part], self._at[part.part], self._told[part.part] = seen, now, part.detail
            detail = "" if part.state is State.STARTING else part.detail
            words = f"{now - self._began:5.0f} s  {part.part:<18} {part.state:<10} {part.version:<9} {detail}"
            self._console.print(Text(words.rstrip()))


def table(parts: Sequence[PartStatus], width: int = 120) -> Table:
    """The parts as a table."""
    grid = Table(box=None, pad_edge=False, header_style="bold", width=min(width, 160))
    for title in ("part", "version", "state", "address", "since"):
        grid.add_column(title, no_wrap=True)
    grid.add_column("detail", overflow="fold")
    for part in parts:
        state = Text(str(part.state), style=COLOURS[part.state])
        grid.add_row(part.part, part.version, state, part.address, since(part.since), Text(part.detail))
    return grid


def since(seconds: float) -> str:
    """A moment as people read it: the time of today, else the date too."""
    if not seconds:
        return "-"
    moment = time.localtime(seconds)
    today = time.localtime()[:3] == moment[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", moment)


def plain(parts: Sequence[PartStatus]) -> str:
    """The table as aligned lines, for a pipe."""
    rows = [("PART", "VERSION", "STATE", "ADDRESS", "SINCE", "DETAIL")]
    rows += [(p.part, p.version, str(p.state), p.address, since(p.since), p.detail) for p in parts]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[5]]) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def as_data(parts: Sequence[PartStatus]) -> list[dict[str, Any]]:
    """The parts as JSON has them."""
    return [
        {
            "part": part.part,
            "version": part.version,
            "state": str(part.state),
            "address": part.address,
            "since": part.since,
            "detail": part.detail,
        }
        for part in parts
    ]
