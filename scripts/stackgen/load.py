"""From a checkout to its model: the one door that commands use. Reading, typing and checking live in their rooms."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from stackgen.checks import CHECKS, Subject
from stackgen.checks.promtool import Judge
from stackgen.diagnostic import Diagnostic, Position, Severity, SourceError
from stackgen.model import Model
from stackgen.model.read_rules import RuleReader, is_foreign
from stackgen.model.read_stack import read_stack
from stackgen.model.thresholds import Thresholds
from stackgen.source import Document, File, Text, parse, problems, read, redact, rule_paths
from stackgen.source.files import STACK, stray_paths

_SHOWN = 1024 * 1024  # bytes of an undecodable file that excerpts are taken from
_MISSING_STACK = "write one, or take the one that came with the project: git checkout stack.yml"


@dataclass(frozen=True)
class Sources:
    """Every source file, read once. documents: by path; a file that could not be read or parsed has an empty one."""

    files: tuple[File, ...]
    documents: dict[str, Document]
    findings: tuple[Diagnostic, ...]

    @property
    def digest(self) -> str:
        """sha256 hex over paths and bytes."""
        total = hashlib.sha256()
        for file in self.files:
            total.update(f"{file.path}\0{len(file.content)}\0".encode())
            total.update(file.content)
        return total.hexdigest()

    @property
    def broken(self) -> frozenset[str]:
        """Files with errors of their own: what they say is not known, so that others cannot be held against it."""
        return _erring(self.findings)


def _erring(findings: Iterable[Diagnostic]) -> frozenset[str]:
    return frozenset(found.where.file for found in findings if found.severity is Severity.ERROR)


def read_sources(root: Path) -> Sources:
    """stack.yml and rules/**/*.yml as trees, with what is wrong with them as YAML."""
    files: list[File] = []
    documents: dict[str, Document] = {}
    findings: list[Diagnostic] = []
    for path in (STACK, *rule_paths(root)):
        file, faults = read(root, path, _MISSING_STACK if path == STACK else "")
        files.append(file)
        findings += faults
        if file.text is None:
            shown = "" if b"\0" in file.content else file.content[:_SHOWN].decode("utf-8-sig", "replace")
            documents[path] = Document(Text(path, shown), None)
            continue
        documents[path], faults = parse(path, file.text, foreign=file.custom)
        if path != STACK and not file.custom and is_foreign(documents[path].root):
            documents[path], faults = parse(path, file.text, foreign=True)
        findings += faults
        if documents[path].root is None and not faults:
            findings.append(_empty(file))
    return Sources(tuple(files), documents, tuple(findings))


def _empty(file: File) -> Diagnostic:
    where = Position(file.path, 1, 1)
    if file.path == STACK:
        return problems.empty_file(where, "write at least environment: and a name for it", Severity.ERROR)
    return problems.empty_file(where, "write groups:, or remove the file", Severity.WARNING)


def load(root: Path, judge: Judge | None = None) -> tuple[Model, list[Diagnostic]]:
    """The model and its warnings. Raises SourceError with every finding of the run when one of them is an error.

    judge: promtool, for expressions that the parser here does not understand; without it they are warnings.
    """
    with _no_collector():
        model, findings = _load(root, judge)
    if any(found.severity is Severity.ERROR for found in findings):
        raise SourceError(findings)
    return model, findings


@contextmanager
def _no_collector() -> Iterator[None]:
    """Trees have no cycles and live until the end: the collector would walk them over and over for nothing."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(root: Path, judge: Judge | None) -> tuple[Model, list[Diagnostic]]:
    sources = read_sources(root)
    findings = list(sources.findings)
    stack_document = sources.documents[STACK]
    stack = read_stack(stack_document.root, findings.append)
    thresholds = Thresholds(stack.thresholds)
    reader = RuleReader(thresholds, stack.overrides, findings.append, stack.services)
    documents = [sources.documents[file.path] for file in sources.files if file.path != STACK]
    rule_files = tuple(reader.read(document, custom=document.source.foreign) for document in documents)
    model = Model(stack, rule_files, sources.digest)
    subject = Subject(
        root=root,
        model=model,
        document=stack_document,
        rules=tuple(reader.rules),
        groups=tuple(reader.groups),
        used_thresholds=frozenset(thresholds.used),
        broken=sources.broken,
        faulty=_erring(findings),
        judge=judge,
        strays=tuple(stray_paths(root)),
    )
    for check in CHECKS:
        findings += check(subject)
    return model, _ordered(findings, sources)


def _ordered(findings: Iterable[Diagnostic], sources: Sources) -> list[Diagnostic]:
    """Each finding once, in reading order, stack.yml first, with the lines that it points at and no secret in it."""

    def place(found: Diagnostic) -> tuple[bool, Position, str]:
        return found.where.file != STACK, found.where, found.check

    return [_with_lines(found, sources) for found in sorted(dict.fromkeys(findings), key=place)]


def _with_lines(found: Diagnostic, sources: Sources) -> Diagnostic:
    related = _line(found.related, sources) if found.related else ""
    message, hint = redact.line(found.message), redact.line(found.hint)
    return replace(found, message=message, hint=hint, excerpt=_line(found.where, sources), related_excerpt=related)


def _line(where: Position, sources: Sources) -> str:
    document = sources.documents.get(where.file)
    if document is None or where.line > len(document.source.lines):
        return ""
    return redact.line(document.source.lines[where.line - 1])
