"""Templates in labels and annotations: what Prometheus would find only when the alert fires."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stackgen.checks.subject import Subject
from stackgen.diagnostic import Severity
from stackgen.findings import Words, check
from stackgen.model.problems import nearest
from stackgen.source.nodes import Scalar

# What Go's templates and Prometheus bring; found by asking the pinned promtool for each name.
_FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        "and or not len index slice print printf println html js urlquery call eq ne lt le gt ge break continue nil "
        "true false query first label value strvalue args reReplaceAll safeHtml match title toUpper toLower "
        "graphLink tableLink sortByLabel stripPort stripDomain humanize humanize1024 humanizeDuration "
        "humanizePercentage humanizeTimestamp toTime toDuration now pathPrefix externalURL parseDuration "
        "urlQueryEscape if else end range with define block template",
    )
)
_DOCUMENT = "prometheus.io/docs/prometheus/latest/configuration/template_reference"
_NAME = re.compile(r"(?<![\w.$])[A-Za-z_]\w*")
_KNOWN = ("labels", "value", "externalLabels", "externalURL")
_OPENING = ("if", "range", "with", "define", "block")
_INSIDE = re.compile(r"""}}|"(?:[^"\\]|\\.)*"|`[^`]*`|"|`""", re.DOTALL)
_WORD = re.compile(r"\s*-?\s*(\w+)?")
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_DECLARED = re.compile(r"\$([A-Za-z_]\w*)\s*(?:,\s*\$([A-Za-z_]\w*)\s*)?:?=")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')


class Action(NamedTuple):
    """What stands between `{{` at offset and `}}`."""

    offset: int
    body: str


class Fault(NamedTuple):
    """A place in a template and what is wrong there."""

    offset: int
    length: int
    message: str
    hint: str


def actions(text: str) -> tuple[list[Action], list[Fault]]:
    """Every `{{ … }}` of a template, and the ends that are missing."""
    found: list[Action] = []
    index = 0
    while (start := text.find("{{", index)) >= 0:
        stray = text.find("}}", index, start)
        if stray >= 0:
            return found, [Fault(stray, 2, "this '}}' closes nothing", "add '{{' before it, or remove it")]
        if text.startswith("{{/*", start) or text.startswith("{{- /*", start):
            end = text.find("*/", start)
            index = text.find("}}", end) + 2 if end >= 0 else -1
            if index < 2:
                return found, [Fault(start, 2, "the comment that opens here is never closed", "add '*/}}'")]
            continue
        index = start + 2
        while (match := _INSIDE.search(text, index)) and match[0] != "}}":
            if len(match[0]) == 1:
                return found, [Fault(match.start(), 1, "the quote that opens here is never closed", f"add {match[0]}")]
            index = match.end()
        if match is None:
            return found, [Fault(start, 2, "the '{{' that opens here is never closed", "add '}}'")]
        found.append(Action(start, text[start + 2 : match.start()]))
        index = match.end()
    stray = text.find("}}", index)
    if stray >= 0:
        return found, [Fault(stray, 2, "this '}}' closes nothing", "add '{{' before it, or remove it")]
    return found, _blocks(found)


def _blocks(found: list[Action]) -> list[Fault]:
    """`if`, `range` and `with` want an `end`."""
    opened: list[tuple[str, Action]] = []
    for action in found:
        match = _WORD.match(action.body)
        word = match[1] if match and match[1] else ""
        if not action.body.strip(" -"):
            return [
                Fault(
                    action.offset,
                    2,
                    "there is nothing between '{{' and '}}'",
                    "write {{ $value }} or {{ $labels.NAME }}",
                )
            ]
        if word in _OPENING:
            opened.append((word, action))
        elif word in ("end", "else") and not opened:
            return [Fault(action.offset, 2, f"this '{word}' belongs to no if, range or with", "remove it")]
        elif word == "end":
            opened.pop()
    return [Fault(action.offset, 2, f"this '{word}' has no end", "add {{ end }}") for word, action in opened[:1]]


def _templates(subject: Subject) -> Iterator[tuple[bool, Scalar]]:
    for read in subject.rules:
        if read.rule.kind == "alert":
            for key in ("labels", "annotations"):
                for scalar in read.texts(key):
                    if "{{" in scalar.text or "}}" in scalar.text:
                        yield read.custom, scalar


@check("template-syntax")
def template_syntax(subject: Subject) -> Iterator[Words]:
    for custom, scalar in _templates(subject):
        for fault in actions(scalar.text)[1]:
            harmless = custom and "closes nothing" in fault.message  # plain text to Prometheus
            severity = Severity.WARNING if harmless else None
            yield Words(scalar.at(fault.offset, fault.length), fault.message, fault.hint, severity=severity)


@check("template-variable")
def template_variable(subject: Subject) -> Iterator[Words]:
    for _, scalar in _templates(subject):
        if not any(match[1] not in _KNOWN for match in _VARIABLE.finditer(scalar.text)):
            continue
        found, faults = actions(scalar.text)
        if faults:
            continue
        declared = {name for action in found for match in _DECLARED.finditer(action.body) for name in match.groups()}
        for action in found:
            body = _STRING.sub(lambda match: " " * len(match[0]), action.body)
            for match in _VARIABLE.finditer(body):
                if match[1] not in _KNOWN and match[1] not in declared:
                    names = [f"${name}" for name in _KNOWN]
                    where = scalar.at(action.offset + 2 + match.start(), len(match[0]))
                    yield Words(where, f"Prometheus gives templates no {match[0]}", nearest(match[0], names))


@check("template-function")
def template_function(subject: Subject) -> Iterator[Words]:
    for _, scalar in _templates(subject):
        found, faults = actions(scalar.text)
        for action in found if not faults else ():
            body = _STRING.sub(lambda match: " " * len(match[0]), action.body)
            for match in _NAME.finditer(body):
                if match[0] not in _FUNCTIONS:
                    where = scalar.at(action.offset + 2 + match.start(), len(match[0]))
                    near = nearest(match[0], _FUNCTIONS) or f"{_DOCUMENT} lists them"
                    yield Words(where, f"Prometheus's templates know no function '{match[0]}'", near)
