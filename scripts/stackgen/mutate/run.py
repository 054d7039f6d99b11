"""Mutants through promtool, many in one process: which of them do the tests beside the rule notice?"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from stackgen.diagnostic import Position
from stackgen.engines.docker_placement import COMPOSE
from stackgen.model import Model
from stackgen.mutate.mutants import Mutant, mutants
from stackgen.render import rules
from stackgen.render.common import Source

BATCH = 12  # test files in one run of promtool: its start costs less than one of them
WITHIN = 300  # seconds for one run
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Subject:
    """A rule that is mutated: where its source stands, its group's place in a rendered file, the tests beside it."""

    name: str
    where: Position
    file: str
    group: int
    rule: int
    body: Mapping[str, Any]
    tests: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    subject: Subject
    mutant: Mutant
    killed: bool


@dataclass(frozen=True)
class Outcome:
    verdicts: tuple[Verdict, ...]

    @property
    def killed(self) -> int:
        return sum(verdict.killed for verdict in self.verdicts)

    @property
    def share(self) -> float:
        """Killed of all, 1.0 when there were none."""
        return self.killed / len(self.verdicts) if self.verdicts else 1.0

    @property
    def survivors(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.killed]


class MutationError(Exception):
    """The rules fail their tests unchanged, or promtool cannot be run."""


class Rendered:
    """The rules and tests of a model as Prometheus and promtool get them. recorded: expressions by recorded name."""

    def __init__(self, model: Model) -> None:
        files = rules.render(Source(model, COMPOSE))
        self.rules = _parsed(files, rules.PROMETHEUS)
        self.tests = _parsed(files, rules.TESTS)
        self.recorded: dict[str, list[str]] = {}
        for body in self._bodies():
            if "record" in body:
                self.recorded.setdefault(body["record"], []).append(body["expr"])
        self.sources: dict[tuple[str, str], list[Position]] = {}
        for rule_file in model.rule_files:
            for rule in (rule for group in rule_file.groups for rule in group.rules):
                self.sources.setdefault((rule.kind, rule.name), []).append(rule.where)

    def subjects(self, only: Sequence[str] = ()) -> Iterator[Subject]:
        """Every rule that a person wrote. only: paths of source files, all when empty."""
        seen: dict[tuple[str, str], int] = {}
        for file, document in self.rules.items():
            tests = self.tests.get(file, {}).get("tests", [])
            for place, group in enumerate(document["groups"]):
                for number, body in enumerate(group["rules"]):
                    kind = "alert" if "alert" in body else "record"
                    key = (kind, body[kind])
                    positions = self.sources.get(key, [])
                    if not positions:
                        continue
                    where = positions[min(seen.get(key, 0), len(positions) - 1)]
                    seen[key] = seen.get(key, 0) + 1
                    if not only or where.file in only:
                        own = tuple(test for test in tests if test["name"].startswith(f"{body[kind]}: "))
                        yield Subject(body[kind], where, file, place, number, body, own)

    def reduced(self, subject: Subject, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The rule with another body, its namesakes, and the recording rules they read, in the order of the files."""
        namesakes = [rule for rule in self._bodies() if _name(rule) == subject.name]
        needed = {subject.name}.union(*(self._read(str(rule["expr"])) for rule in (body, *namesakes)))
        for file, document in self.rules.items():
            for place, group in enumerate(document["groups"]):
                here = (file, place) == (subject.file, subject.group)
                kept = [
                    body if here and number == subject.rule else rule
                    for number, rule in enumerate(group["rules"])
                    if rule.get("record") in needed or _name(rule) == subject.name
                ]
                if kept:
                    yield {**group, "name": f"{file} {group['name']}", "rules": kept}

    def _bodies(self) -> Iterator[Mapping[str, Any]]:
        for document in self.rules.values():
            for group in document["groups"]:
                yield from group["rules"]

    def _read(self, expr: str) -> set[str]:
        """Names of recorded series that an expression reads, and those that these read."""
        found: set[str] = set()
        waiting = [expr]
        while waiting:
            names = set(rules.NAME.findall(waiting.pop())) & self.recorded.keys() - found
            found |= names
            waiting += [expr for name in names for expr in self.recorded[name]]
        return found


def _name(body: Mapping[str, Any]) -> str:
    return str(body["alert"] if "alert" in body else body["record"])


def _parsed(files: Mapping[str, bytes], folder: str) -> dict[str, Any]:
    return {
        Path(path).name: yaml.load(content, _LOADER) for path, content in files.items() if path.startswith(f"{folder}/")
    }


def subjects(model: Model, only: Sequence[str] = ()) -> list[Subject]:
    """Every rule of the sources that is mutated."""
    return list(Rendered(model).subjects(only))


def mutate(model: Model, promtool: Path, *, only: Sequence[str] = (), every: int = 1, workers: int = 2) -> Outcome:
    """Runs the mutants of a model's rules. every: of each so many one is taken. Raises MutationError."""
    rendered = Rendered(model)
    pairs = [(subject, mutant) for subject in rendered.subjects(only) for mutant in mutants(subject.body)][::every]
    tested = {id(subject): subject for subject, _ in pairs if subject.tests}.values()
    unchanged = {f"unchanged{number}": (subject, subject.body) for number, subject in enumerate(tested)}
    changed = {f"mutant{number}": (one, mutant.body) for number, (one, mutant) in enumerate(pairs) if one.tests}
    with tempfile.TemporaryDirectory(prefix="stack-mutate-") as name:
        folder = Path(name)
        for trial, (subject, body) in {**unchanged, **changed}.items():
            _lay(folder / trial, rendered, subject, body)
        trials = [*unchanged, *changed]
        batches = [trials[start : start + BATCH] for start in range(0, len(trials), BATCH)]
        with ThreadPoolExecutor(workers) as pool:
            failed = dict(ChainMap(*pool.map(partial(_failing, folder, promtool), batches)))
        _judge(folder, failed, {trial: subject for trial, (subject, _) in unchanged.items()})
    return Outcome(tuple(Verdict(*pair, killed=f"mutant{number}" in failed) for number, pair in enumerate(pairs)))


def _judge(folder: Path, failed: Mapping[str, str], unchanged: Mapping[str, Subject]) -> None:
    """A failing test would kill every mutant: unchanged, the rules must pass; and a mutant must still be a rule."""
    for trial, said in failed.items():
        if trial in unchanged:
            subject = unchanged[trial]
            raise MutationError(f"{subject.where.file}:{subject.where.line} {subject.name} fails its tests:\n{said}")
        if said.startswith(str(folder)):
            raise MutationError(f"a mutant is no rule any more: {said}")


def _write(folder: Path, documents: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file, document in documents.items():
        (folder / file).write_text(json.dumps(document), encoding="utf-8")


def _lay(folder: Path, rendered: Rendered, subject: Subject, body: Mapping[str, Any]) -> None:
    """The mutant with the recording rules that it reads, and the tests beside the rule: nothing else is evaluated."""
    groups = list(rendered.reduced(subject, body))
    _write(folder, {"rules.yml": {"groups": groups}})
    tests = {**rendered.tests[subject.file], "rule_files": ["rules.yml"], "tests": list(subject.tests)}
    _write(folder, {"tests.yml": tests})


def _failing(folder: Path, promtool: Path, trials: Sequence[str]) -> dict[str, str]:
    """Which of the trials fail their tests, and what promtool says first."""
    paths = [folder / trial / "tests.yml" for trial in trials]
    failed = _run(promtool, paths, folder / f"{trials[0]}.xml")
    return {Path(file).parent.name: said for file, said in failed.items()}


def _run(promtool: Path, paths: Sequence[Path], report: Path) -> dict[str, str]:
    """Test files that fail, and the first thing promtool says of each."""
    command = [str(promtool), "test", "rules", f"--junit={report}", *map(str, paths)]
    try:
        subprocess.run(command, capture_output=True, timeout=WITHIN, check=False)
        suites = ElementTree.parse(report).getroot().findall("testsuite")
    except (OSError, subprocess.SubprocessError, ElementTree.ParseError) as error:
        raise MutationError(f"promtool cannot be run: {error}") from error
    if len(suites) != len(paths):
        raise MutationError(f"promtool reported {len(suites)} of {len(paths)} test files")
    return {
        suite.attrib["name"]: suite.findtext("testcase/failure") or "no reason given"
        for suite in suites
        if suite.attrib["failures"] != "0" or suite.attrib["errors"] != "0"
    }
