"""A generated tree as the parts read it: rules by group, the configurations as plain data. Nothing is compared here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

PROMETHEUS = "prometheus/prometheus.yml"
ALERTMANAGER = "alertmanager/alertmanager.yml"
RULES = {"prometheus/rules/": "prometheus", "loki/rules/": "loki"}
INFO = "stack_config_info"  # changes with everything else; says nothing of its own


@dataclass(frozen=True)
class Written:
    """One rule as the part reads it. engine: who evaluates it. group: name of its group. body: all its keys."""

    engine: str
    group: str
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return "alert" if "alert" in self.body else "record"

    @property
    def name(self) -> str:
        return str(self.body.get(self.kind, ""))

    @property
    def expr(self) -> str:
        return " ".join(str(self.body.get("expr", "")).split())

    @property
    def labels(self) -> dict[str, str]:
        return {str(key): str(value) for key, value in (self.body.get("labels") or {}).items()}

    @property
    def texts(self) -> dict[str, str]:
        return {str(key): str(value) for key, value in (self.body.get("annotations") or {}).items()}


class Tree:
    """One generated tree. A file that cannot be read counts as an empty one: somebody has changed it by hand."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def data(self, path: str) -> Any:
        """A YAML or JSON file as plain data, {} when it is not there."""
        content = self.files.get(path, b"")
        try:
            return (json.loads(content) if path.endswith(".json") else yaml.load(content, yaml.CSafeLoader)) or {}
        except (ValueError, yaml.YAMLError):
            return {}

    def groups(self, *, only: frozenset[str] | None = None) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every rule group with the engine that evaluates it. only: paths to look at."""
        for path in sorted(self.files):
            engine = next((name for folder, name in RULES.items() if path.startswith(folder)), "")
            if engine and (only is None or path in only):
                content = self.data(path)
                found = content.get("groups") if isinstance(content, Mapping) else None
                yield from ((engine, group) for group in found or () if isinstance(group, Mapping))

    def rules(self, *, only: frozenset[str] | None = None) -> list[Written]:
        """Every rule but the one that tells which configuration is live."""
        return [
            Written(engine, str(group.get("name", "")), body)
            for engine, group in self.groups(only=only)
            for body in group.get("rules") or ()
            if isinstance(body, Mapping) and body.get("record") != INFO
        ]

    @cached_property
    def every_alert(self) -> list[Written]:
        return [rule for rule in self.rules() if rule.kind == "alert"]

    @cached_property
    def prometheus(self) -> Mapping[str, Any]:
        content = self.data(PROMETHEUS)
        return content if isinstance(content, Mapping) else {}

    @cached_property
    def alertmanager(self) -> Mapping[str, Any]:
        content = self.data(ALERTMANAGER)
        return content if isinstance(content, Mapping) else {}


def differing(old: Tree, new: Tree) -> frozenset[str]:
    """Paths whose bytes are not the same, those that only one tree has included."""
    return frozenset(path for path in {*old.files, *new.files} if old.files.get(path) != new.files.get(path))
