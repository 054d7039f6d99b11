"""The page about stack.yml and the shipped stack.yml against the model: keys, defaults, examples."""

from __future__ import annotations

import re
from pathlib import Path

from stackgen.load import load, read_sources
from stackgen.model.defaults import THRESHOLDS
from stackgen.model.keys import STACK_KEYS
from stackgen.model.stack import Stack
from stackgen.model.thresholds import spell as spell_threshold
from stackgen.model.values import seconds
from support import ROOT


def test_documented_keys_are_the_keys() -> None:
    text = (ROOT / "docs/stack-yml.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z_\[\]*.]+)` \|", text, re.MULTILINE)
    known = [f"{place}.{key}" if place else key for place, keys in STACK_KEYS.items() for key in keys]
    assert len(documented) == len(set(documented))
    missing = set(known) - set(documented) - {"retention", "intervals", "watchdog"}
    assert missing == set()
    assert set(documented) == set(known)


def test_documented_defaults_are_the_defaults() -> None:
    text = (ROOT / "docs/stack-yml.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `([a-z_.]+)` \| [^|]+ \| `([^`|]+)`[^|]*\|", text, re.MULTILINE))
    stack = Stack()
    for place, part in (("retention", stack.retention), ("intervals", stack.intervals), ("watchdog", stack.watchdog)):
        for key in STACK_KEYS[place]:
            value = getattr(part, key)
            if value is not None:
                assert seconds(table[f"{place}.{key}"]) == (seconds(value) if isinstance(value, str) else value)
    for name, number in THRESHOLDS.items():
        assert table[f"thresholds.{name}"] == spell_threshold(number)
    assert (table["environment"], table["address"], table["collector"]) == (
        stack.environment,
        stack.address,
        stack.collector,
    )


def test_the_shipped_stack_is_valid() -> None:
    sources = read_sources(ROOT)
    assert sources.broken == frozenset()
    stack = load(ROOT)[0].stack
    assert stack == Stack(thresholds=stack.thresholds)
    assert dict(stack.thresholds) == dict(THRESHOLDS)


def test_the_examples_of_the_shipped_stack_are_valid(tmp_path: Path) -> None:
    """With the comment signs of its examples removed, stack.yml is still valid."""
    text = (ROOT / "stack.yml").read_text(encoding="utf-8")
    text = re.sub(r"^(services|teams|receivers|overrides): (\[\]|\{\})$", r"\1:", text, flags=re.MULTILINE)
    text = re.sub(r"^# (?=default_team:)", "", text, flags=re.MULTILINE)
    text = re.sub(r"^#(?=  )", "", text, flags=re.MULTILINE)
    (tmp_path / "stack.yml").write_text(text, encoding="utf-8")
    (tmp_path / "rules").symlink_to(ROOT / "rules")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    found, findings = load(tmp_path)
    assert [service.name for service in found.stack.services] == ["shop"]
    assert len(found.stack.overrides) == 2
    assert {one.check for one in findings if one.where.file == "stack.yml"} <= {"secret-missing", "loopback-address"}
