"""`${threshold.NAME}` in rule files: put in the value, or point at the exact place of a name that does not exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from stackgen.model import problems
from stackgen.model.values import Sink
from stackgen.source.nodes import Scalar

REFERENCE = re.compile(r"\$\{threshold\.([A-Za-z_][A-Za-z0-9_]*)\}")
_LOOSE = re.compile(r"\$\{\s*(?:threshold|thresholds|Threshold)\b[^}\s]*\s*\}?")


def spell(value: float | str) -> str:
    """A number as PromQL reads it back exactly; a word as it is."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


@dataclass
class Thresholds:
    """The numbers that rules may take, and the names that were asked for."""

    numbers: Mapping[str, float | str]
    used: set[str] = field(default_factory=set)

    def names_in(self, text: str) -> list[str]:
        return list(dict.fromkeys(REFERENCE.findall(text))) if "${" in text else []

    def put_in(self, text: str, numbers: Mapping[str, float | str] | None = None) -> str:
        """The text with its numbers; names that do not exist stay as they are."""
        if "${" not in text:
            return text
        known = self.numbers if numbers is None else numbers
        return REFERENCE.sub(lambda match: spell(known[match[1]]) if match[1] in known else match[0], text)

    def check(self, scalar: Scalar, tell: Sink) -> None:
        """Tell what is wrong with the references in a value."""
        if "${" not in scalar.text:
            return
        for match in REFERENCE.finditer(scalar.text):
            self.used.add(match[1])
            if match[1] not in self.numbers:
                tell(problems.unknown_threshold(scalar.at(match.start(1), len(match[1])), match[1], self.numbers))
        for match in _LOOSE.finditer(scalar.text):
            if not REFERENCE.match(scalar.text, match.start()):
                tell(problems.threshold_syntax(scalar.at(match.start(), len(match[0])), match[0]))
