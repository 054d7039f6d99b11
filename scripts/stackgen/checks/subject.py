"""What a check looks at: the model, and where in the files its pieces stand. The checks are in the neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stackgen.checks.promql import Parsed, parse
from stackgen.checks.promtool import Judge
from stackgen.checks.shape import Shape, scan
from stackgen.diagnostic import Position
from stackgen.model import Model, Service, Stack
from stackgen.model.read_rules import ReadRule
from stackgen.source.files import STACK
from stackgen.source.nodes import Document, Items, Scalar, find


@dataclass(frozen=True)
class Subject:
    """rules: every rule as written, those that overrides switch off too. groups: file, name and place of each group.

    broken: files whose own errors hide what they say. faulty: files in which reading found any error.
    strays: files in rules/ that nobody reads.
    judge: promtool for expressions that the parser does not understand, None for doing without.
    """

    root: Path
    model: Model
    document: Document
    rules: tuple[ReadRule, ...]
    groups: tuple[tuple[str, str, Scalar], ...]
    used_thresholds: frozenset[str]
    broken: frozenset[str]
    faulty: frozenset[str] = frozenset()
    strays: tuple[str, ...] = ()
    judge: Judge | None = None

    @property
    def stack(self) -> Stack:
        return self.model.stack

    @property
    def stack_known(self) -> bool:
        """False when stack.yml could not be read: names that it may define cannot be called unknown."""
        return self.document.root is not None

    @property
    def rules_known(self) -> bool:
        """False when a rule file could not be read: what it may define cannot be called missing."""
        return not any(path != STACK for path in self.broken)

    def value(self, *path: str | int) -> Position:
        """Where the value at a path in stack.yml stands, the top of the file when it is not written."""
        return self.document.value(path) or Position(STACK, 1, 1)

    def key(self, *path: str | int) -> Position:
        """Where the key at a path in stack.yml stands."""
        return self.document.key(path) or Position(STACK, 1, 1)

    @cached_property
    def expressions(self) -> list[tuple[ReadRule, Scalar, Shape]]:
        """Every expression with its outer shape."""
        found = ((read, read.scalar("expr")) for read in self.rules)
        return [(read, node, scan(node.text)) for read, node in found if node is not None]

    @cached_property
    def parsed(self) -> list[tuple[ReadRule, Scalar, Parsed]]:
        """Prometheus's expressions as trees; those whose outer shape has a fault are left out."""
        numbers = tuple(self.stack.thresholds.items())
        return [
            (read, node, parse(node.text, numbers if "${" in node.text else ()))
            for read, node, shape in self.expressions
            if read.engine == "prometheus" and not shape.faults and shape.bare.strip()
        ]

    @cached_property
    def _group_options(self) -> Mapping[Position, Mapping[str, Any]]:
        groups = (group for file in self.model.rule_files for group in file.groups)
        return {rule.where: group.options for group in groups for rule in group.rules}

    def group_options(self, read: ReadRule) -> Mapping[str, Any]:
        """What the rule's group says beside its name: interval, labels …; nothing for a rule that is switched off."""
        return self._group_options.get(read.rule.where, {})

    @cached_property
    def recorded(self) -> frozenset[str]:
        """Names of the series that recording rules write."""
        return frozenset(read.rule.name for read in self.rules if read.rule.kind == "record")

    def written(self, *path: str | int) -> bool:
        return find(self.document.root, path) is not None

    def words(self, *path: str | int) -> Iterator[Scalar]:
        """The scalars of a list at a path in stack.yml."""
        node = find(self.document.root, path)
        if isinstance(node, Items):
            yield from (item for item in node.items if isinstance(item, Scalar))

    def services(self) -> Iterator[tuple[int, Service]]:
        """Each service with its index in the file."""
        node = find(self.document.root, ["services"])
        items = node.items if isinstance(node, Items) else []
        places = {(find(item, ["name"]) or item).where: index for index, item in enumerate(items)}
        for service in self.stack.services:
            yield places[service.where], service
