"""The dumper: whatever goes in comes out of a YAML reader unchanged, and the bytes are the ones people like to read."""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from stackgen.render.alloy_dump import Block, Reference, to_alloy
from stackgen.render.dump import RESERVED, to_json, to_yaml


def back(data: Any) -> Any:
    return yaml.safe_load(to_yaml(data, "x"))


ALPHABET = " abz019_-.,:;#'\"\\/|>&*!%@`?={}[]()<>~$^+\n\t\u00e4\u65e5\U0001f6a8\u00a0\x7f\x85\u2028\ufeff\x07"


def test_every_text_comes_back() -> None:
    choose = random.Random(7)
    for _ in range(1500):
        text = "".join(choose.choice(ALPHABET) for _ in range(choose.randint(0, 14)))
        data = {"key": text, "list": [text, [text]], "short": [text, text], "deep": {"a": {text or "k": text}}}
        assert back(data) == data, repr(text)


def test_texts_that_look_like_something_else_come_back_as_texts() -> None:
    texts = [*RESERVED, "1", "1.5", "1e3", "0x1F", "0o7", "017", "1_000", "1:30", "2026-01-01", ".inf", ".nan", "~", ""]
    assert back({"a": texts, "b": dict.fromkeys(texts, 1)}) == {"a": texts, "b": dict.fromkeys(texts, 1)}


def test_every_shape_comes_back() -> None:
    choose = random.Random(11)

    def make(depth: int) -> Any:
        kind = choose.choice(["map", "list", "text", "number", "none", "bool"] if depth else ["text", "number"])
        if kind == "map":
            return {f"k{number}": make(depth - 1) for number in range(choose.randint(0, 4))}
        if kind == "list":
            return [make(depth - 1) for _ in range(choose.randint(0, 4))]
        if kind == "number":
            return choose.choice([0, -7, 1.5, 1e-7, 12345678901234567890, 3.0])
        return {"text": "a\nb" if choose.random() < 0.3 else "text: #", "none": None, "bool": True}[kind]

    for _ in range(1500):
        data = {"top": make(5)}
        assert back(data) == data


def test_numbers_and_dates() -> None:
    found = back({"a": math.inf, "b": -math.inf, "c": math.nan, "d": 1e-05, "e": 1e22, "f": date(2026, 1, 2)})
    assert (found["a"], found["b"], found["d"], found["e"]) == (math.inf, -math.inf, 1e-05, 1e22)
    assert math.isnan(found["c"])
    assert found["f"] == date(2026, 1, 2)


def test_any_mapping_and_sequence_will_do() -> None:
    data = {"a": MappingProxyType({"x": (1, 2)}), "b": OrderedDict(y=()), "c": MappingProxyType({})}
    assert back(data) == {"a": {"x": [1, 2]}, "b": {"y": []}, "c": {}}


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(TypeError, match="no YAML for object"):
        to_yaml({"a": object()}, "x")


def test_the_bytes() -> None:
    """Long expressions stay on one line, short lists too, texts of several lines are blocks."""
    data = {
        "expr": 'sum by (job) (rate(requests_total{code=~"5.."}[5m])) / ' * 4 + "1 > 0.5",
        "for": "5m",
        "labels": {"severity": "warning"},
        "text": "one\n  two # 2\n\nthree\n",
        "list": ["a", "b"],
        "objects": [{"name": "x", "values": [1, 2]}, {"name": "z"}],
        "empty": [{}, []],
    }
    assert to_yaml(data, "made from x").decode() == (
        "# made from x\n"
        f"expr: {data['expr']}\n"
        "for: 5m\n"
        "labels:\n"
        "  severity: warning\n"
        "text: |\n"
        "  one\n"
        "    two # 2\n"
        "\n"
        "  three\n"
        "list: [a, b]\n"
        "objects:\n"
        "  - name: x\n"
        "    values: [1, 2]\n"
        "  - name: z\n"
        "empty:\n"
        "  - {}\n"
        "  - []\n"
    )
    assert to_json({"a": ["\u00e4"]}).decode() == '{\n  "a": [\n    "\u00e4"\n  ]\n}\n'


def test_alloy_syntax() -> None:
    blocks = [
        Block("logging", attributes={"level": "info"}),
        Block("loki.write", "x", {"labels": {"a": "b", "c-d": 1, "true": None}, "on": True},
              (Block("endpoint", attributes={"url": 'http://"x"/\n', "to": [Reference("a.b.c"), 2]}), Block("empty"))),
    ]  # fmt: skip
    assert to_alloy(blocks, "made from x").decode() == (
        "// made from x\n"
        "\n"
        "logging {\n"
        '\tlevel = "info"\n'
        "}\n"
        "\n"
        'loki.write "x" {\n'
        "\tlabels = {\n"
        '\t\ta = "b",\n'
        '\t\t"c-d" = 1,\n'
        '\t\t"true" = null,\n'
        "\t}\n"
        "\ton     = true\n"
        "\n"
        "\tendpoint {\n"
        '\t\turl = "http://\\"x\\"/\\n"\n'
        "\t\tto  = [a.b.c, 2]\n"
        "\t}\n"
        "\n"
        "\tempty {}\n"
        "}\n"
    )
    with pytest.raises(TypeError, match="no Alloy value for object"):
        to_alloy([Block("a", attributes={"b": object()})], "x")
