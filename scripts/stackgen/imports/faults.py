"""What keeps a file from being taken, in words. No reading and no mending lives here."""

from __future__ import annotations


class ImportFault(Exception):
    """reasons: all that is wrong, each a sentence. line, column: where in the file, 0 for the file as a whole."""

    def __init__(self, *reasons: str, hint: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        self.hint = hint
        self.line = line
        self.column = column
