"""What can go wrong with a part's program, as one exception. No part is found or built here."""

from __future__ import annotations

from pathlib import Path


class PartError(Exception):
    """A part's program is not to be had: what happened, what to do, and the log that tells more.

    last: the last lines of the log, for a terminal.
    """

    def __init__(self, part: str, message: str, hint: str = "", log: Path | None = None, last: str = "") -> None:
        super().__init__(message)
        self.part = part
        self.message = message
        self.hint = hint
        self.log = log
        self.last = last

    def __str__(self) -> str:
        lines = [f"{self.part}: {self.message}"]
        if self.last:
            lines += ["  | " + line for line in self.last.splitlines()]
        if self.log is not None:
            lines.append(f"  log: {self.log}")
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)
