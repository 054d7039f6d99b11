"""Whether a text that arrived is what its template says. Go's templates are read, not run: what they leave open may be
anything but nothing.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

BROKEN = ("<no value>", "<error expanding template", "%!", "{{", "}}", "<nil>", "map[")
_ACTION = re.compile(
    r"""\{\{(-(?=\s))?\s*(/\*.*?\*/|(?:"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])*'|(?!-?\}\}).)*?)\s*((?<=\s)-)?\}\}""",
    re.DOTALL,
)
_LABEL = re.compile(r"(?:\$labels|\.Labels|\$\.Labels)\.([a-zA-Z_][a-zA-Z0-9_]*)")
_VALUE = re.compile(r"(?:\$value|\.Value)(?:\s*\|\s*printf\s+\"%\.(\d+)f\")?|printf\s+\"%\.(\d+)f\"\s+\$value")
_SILENT = re.compile(r"\$\w+\s*:?=|define\b|template\b|break\b|continue\b|/\*")
_OPENS = re.compile(r"(?:if|with|range|define|block)\b")


@dataclass
class _Block:
    """What an `if`, `with` or `range` holds: its branches as patterns. kind: "" for the whole text."""

    kind: str
    branches: list[str] = field(default_factory=lambda: [""])
    otherwise: bool = False

    def pattern(self) -> str:
        choice = "|".join(f"(?:{branch})" for branch in self.branches)
        if self.kind == "range":
            return f"(?:{choice})*"
        return f"(?:{choice})" if self.otherwise else f"(?:{choice}|)"


def pattern(template: str, labels: Mapping[str, str]) -> tuple[str, list[str]]:
    """A regular expression for what the template may give for an alert with these labels, and the names of labels that
    it prints outright and the alert does not have."""
    blocks = [_Block("")]
    missing: list[str] = []
    for text, action in _pieces(template):
        blocks[-1].branches[-1] += re.escape(text)
        if action is None:
            continue
        if _OPENS.match(action):
            blocks.append(_Block(action.split()[0]))
        elif action.startswith("else"):
            blocks[-1].branches.append("")
            blocks[-1].otherwise = action == "else"
        elif action == "end" and len(blocks) > 1:
            closed = blocks.pop()
            blocks[-1].branches[-1] += "" if closed.kind == "define" else closed.pattern()
        else:
            blocks[-1].branches[-1] += _printed(action, labels, missing, certain=len(blocks) == 1)
    return "".join(block.branches[-1] for block in blocks), missing


def _pieces(template: str) -> Iterator[tuple[str, str | None]]:
    """Each action with the text before it; the last text comes with None."""
    begun, trims = 0, False
    for match in _ACTION.finditer(template):
        text = template[begun : match.start()]
        text = text.lstrip() if trims else text
        yield text.rstrip() if match[1] else text, match[2].strip()
        begun, trims = match.end(), bool(match[3])
    rest = template[begun:]
    yield rest.lstrip() if trims else rest, None


def _printed(action: str, labels: Mapping[str, str], missing: list[str], *, certain: bool) -> str:
    """What an action prints. certain: it prints in any case."""
    if _SILENT.match(action):
        return "(?:.|\n)*?" if action.startswith("template") else ""
    if label := _LABEL.fullmatch(action):
        value = labels.get(label[1], "")
        if not value and certain:
            missing.append(label[1])
        return re.escape(value)
    if number := _VALUE.fullmatch(action):
        digits = number[1] or number[2]
        if digits is None:
            return r"[-+]?(?:[\d.]+(?:e[-+]?\d+)?|Inf)"
        fraction = "" if digits == "0" else f"[.][0-9]{{{digits}}}"
        return f"[-+]?(?:[0-9]+{fraction}|Inf)"
    if action.startswith("$external"):
        return "(?:.|\n)*?"
    return "(?:.|\n)+?"


def faults(what: str, text: str | None, template: str, labels: Mapping[str, str]) -> list[str]:
    """What is wrong with a text, in words. what: how it is called, "summary". labels: the alert's."""
    if text is None:
        return [f"{what} did not come"]
    found = [f"{what} has '{mark}' in it: {text!r}" for mark in BROKEN if mark in text]
    wanted, missing = pattern(template, labels)
    found += [f"{what} uses the label '{name}', which the alert does not have: {text!r}" for name in missing]
    if not found and not re.fullmatch(wanted, text):
        found.append(f"{what} is {text!r}, which is not what its template says: {template!r}")
    return found


def plain(text: str) -> str:
    """A message without what its receiver's markup adds, and in one line."""
    return re.sub(r"\s+", " ", re.sub(r"[\\*_~`\u200b-\u200f\u2060]", "", html.unescape(html.unescape(text)))).strip()
