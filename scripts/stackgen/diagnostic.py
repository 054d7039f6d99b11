"""What a check found, as data. Formatting for people, JSON and GitHub lives in `stackgen.report`; no printing here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs. Errors stop rendering; warnings are shown and let it go on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Position:
    """A place in a source file.

    file: path relative to the root of the checkout, POSIX separators.
    line, column: 1-based; the column counts characters, not bytes.
    length: characters that the caret underlines, at least 1.
    """

    file: str
    line: int
    column: int
    length: int = 1


@dataclass(frozen=True)
class Diagnostic:
    """One finding: `stack.yml:13:20 error unknown-receiver: message`, then excerpt, caret and hint.

    check: id of the check, kebab-case, one heading in docs/checks.md.
    hint: the fix in words, without a full stop; empty when the message says it all.
    related: a second place that belongs to the finding (the first of two duplicate keys).
    excerpt, related_excerpt: the lines that both point at, as they were when they were read, secrets masked; empty
    where the one who made the finding has no line at hand.
    """

    check: str
    severity: Severity
    where: Position
    message: str
    hint: str = ""
    related: Position | None = None
    excerpt: str = ""
    related_excerpt: str = ""


class SourceError(Exception):
    """The sources hold at least one error; `diagnostics` has all findings of the run, warnings too."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__(f"{len(diagnostics)} findings")
        self.diagnostics = diagnostics
