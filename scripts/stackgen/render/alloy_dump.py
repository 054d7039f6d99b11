"""Alloy's configuration syntax from plain data: blocks, attributes, values. What they mean is not known here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
KEYWORDS = frozenset({"true", "false", "null"})


@dataclass(frozen=True)
class Reference:
    """The export of a component, written as it is."""

    name: str


@dataclass(frozen=True)
class Block:
    """`name "label" { attributes, then inner blocks }`."""

    name: str
    label: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()


def to_alloy(blocks: Sequence[Block], first_line: str) -> bytes:
    """A configuration after the comment `first_line`."""
    lines = [f"// {first_line}"]
    for block in blocks:
        lines += ["", *_block(block, "")]
    return ("\n".join(lines) + "\n").encode()


def _block(block: Block, pad: str) -> Iterator[str]:
    label = f" {json.dumps(block.label)}" if block.label else ""
    if not block.attributes and not block.blocks:
        yield f"{pad}{block.name}{label} {{}}"
        return
    yield f"{pad}{block.name}{label} {{"
    inner = pad + "\t"
    width = max((len(name) for name in block.attributes), default=0)
    for name, value in block.attributes.items():
        yield f"{inner}{name.ljust(width)} = {_value(value, inner)}"
    for number, inside in enumerate(block.blocks):
        if number or block.attributes:
            yield ""
        yield from _block(inside, inner)
    yield f"{pad}}}"


def _value(value: Any, pad: str) -> str:
    if isinstance(value, Reference):
        return value.name
    if isinstance(value, Mapping):
        inner = pad + "\t"
        entries = "".join(f"{inner}{_key(key)} = {_value(item, inner)},\n" for key, item in value.items())
        return f"{{\n{entries}{pad}}}" if entries else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_value(item, pad) for item in value)}]"
    if isinstance(value, bool | int | float | str) or value is None:
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"no Alloy value for {type(value).__name__}")


def _key(key: str) -> str:
    return key if IDENTIFIER.fullmatch(key) and key not in KEYWORDS else json.dumps(key, ensure_ascii=False)
