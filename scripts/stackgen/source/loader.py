"""From the bytes of a YAML file to a tree with positions. Every fault is a finding; what keys mean is not known here.

The tree is built from PyYAML's events, not by its recursive composer: nesting and aliases stay bounded whatever the
file holds, and duplicate keys are still to be seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from stackgen.diagnostic import Diagnostic, Position
from stackgen.source import problems, scalars
from stackgen.source.nodes import Document, Entry, Items, Mapping, Node, Scalar, Text, children
from stackgen.source.syntax import reword, template

MAX_DEPTH = 50
MAX_NODES = 2_000_000  # with every alias written out
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_TEXT_TAGS = ("tag:yaml.org,2002:str", "!")
_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))


def parse(path: str, text: str, *, foreign: bool = False) -> tuple[Document, list[Diagnostic]]:
    """The tree of a text, and what is wrong with it. foreign: scalars are left as Prometheus reads them, as text."""
    source = Text(path, text.removeprefix("\ufeff"), foreign)
    builder = _Builder(source)
    loader = None
    try:
        loader = _LOADER(source.text)
        while not builder.done:
            builder.take(loader.get_event())
    except yaml.MarkedYAMLError as error:
        builder.findings.append(reword(source, error))
        return Document(source, None), builder.findings
    except yaml.reader.ReaderError as error:
        builder.findings.append(_character(source, error))
        return Document(source, None), builder.findings
    finally:
        if loader is not None:
            loader.dispose()
    root = builder.root
    if root is not None and builder.aliases and not builder.stop and _size(root) > MAX_NODES:
        builder.findings.append(
            problems.too_large(
                root.where,
                f"with its aliases written out this file holds over {MAX_NODES:,} values",
                "use fewer aliases",
            )
        )
        builder.stop = True
    if builder.stop:
        root = None
    return Document(source, None if isinstance(root, Scalar) and root.empty else root), builder.findings


def _character(source: Text, error: yaml.reader.ReaderError) -> Diagnostic:
    """The reader refuses a character: find it again, as it does not say where on the line."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(source.text)
    index = found.start() if found else 0
    ends = [match.end() for match in scalars.LINE_END.finditer(source.text, 0, index)]
    where = Position(source.path, len(ends) + 1, index - (ends[-1] if ends else 0) + 1)
    return problems.encoding(
        where, f"the control character U+{ord(source.text[index]):04X} may not stand in YAML", "remove it"
    )


def _size(root: Node) -> int:
    """Values in the tree, aliased ones counted as often as they are used; each node is looked at once."""
    sizes: dict[int, int] = {}
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if id(node) in sizes:
            continue
        if done or isinstance(node, Scalar):
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children(node))
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in children(node))
    return sizes[id(root)]


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    node: Items | Mapping
    anchor: str | None
    key: Scalar | None = None
    skip: bool = False  # the key was no scalar: its value has no place
    merges: list[tuple[Scalar, Node]] = field(default_factory=list)


class _Builder:
    """Takes events, makes nodes. stop: reading on makes no sense."""

    def __init__(self, source: Text) -> None:
        self.source = source
        self.findings: list[Diagnostic] = []
        self.root: Node | None = None
        self.stop = False
        self.done = False
        self.aliases = 0
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0
        self._takers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar_event,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
            yaml.DocumentEndEvent: self._nothing,
            yaml.StreamStartEvent: self._nothing,
            yaml.StreamEndEvent: self._end,
        }

    def take(self, event: Any) -> None:
        self._takers[type(event)](event)

    def _scalar_event(self, event: Any) -> None:
        node = self._scalar(event)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._place(node)

    def _end(self, _: Any) -> None:
        self.done = True

    def _nothing(self, _: Any) -> None:
        """Events that carry no news."""

    def _document(self, event: Any) -> None:
        self._documents += 1
        self._anchors = {}
        if self._documents > 1 and self.root is not None and not (isinstance(self.root, Scalar) and self.root.empty):
            mark = event.start_mark
            self._second = Position(self.source.path, mark.line + 1, mark.column + 1, 3)
        else:
            self.root = None

    def _scalar(self, event: Any) -> Scalar:
        mark, end = event.start_mark, event.end_mark
        line, column, start = mark.line, mark.column, mark.index
        style = event.style or ""
        if event.anchor or event.tag:
            line, column, start = self._behind_properties(event)
        length = end.column - column
        if end.line != line:
            length = 1 if style in ("|", ">") else len(self.source.lines[line].rstrip()) - column
        scalar = Scalar(self.source, line, column, length, event.value, style, start, end.index)
        scalar.tagged = event.tag in _TEXT_TAGS
        if not style and event.value[:1] in scalars.DOUBTFUL and not self.source.foreign and not scalar.tagged:
            self._judge(scalar)
        return scalar

    def _judge(self, scalar: Scalar) -> None:
        """Scalars that mean different things to different readers."""
        surprise = scalars.surprise(scalar.text)
        if surprise:
            doubt, fix = surprise
            frame = self._frames[-1] if self._frames else None
            if frame and isinstance(frame.node, Mapping) and frame.key is None and not frame.skip:
                fix = f"quote it: '{scalar.text}'"
            self.findings.append(problems.ambiguous_scalar(scalar.where, scalar.text, doubt, fix))

    def _behind_properties(self, event: Any) -> tuple[int, int, int]:
        """Line, column and index of the value itself, as PyYAML's mark stands at its `&anchor` or `!tag`."""
        if event.tag is not None and event.tag not in _TAGS and event.tag != "!":
            self.findings.append(problems.yaml_tag(self._mark(event, 1), event.tag))
        mark = event.start_mark
        found = _PROPERTIES.match(self.source.text, mark.index)
        start = found.end() if found else mark.index
        ends = [match.end() for match in scalars.LINE_END.finditer(self.source.text, mark.index, start)]
        return mark.line + len(ends), start - ends[-1] if ends else mark.column + start - mark.index, start

    def _mark(self, event: Any, length: int) -> Position:
        return Position(self.source.path, event.start_mark.line + 1, event.start_mark.column + 1, length)

    def _open(self, event: Any) -> None:
        line, column = event.start_mark.line, event.start_mark.column
        if event.anchor or event.tag:
            line, column, _ = self._behind_properties(event)
        collection = Mapping if type(event) is yaml.MappingStartEvent else Items
        node = collection(self.source, line, column, 1)
        self._frames.append(_Frame(node, event.anchor))
        if len(self._frames) > MAX_DEPTH:
            self.findings.append(
                problems.too_large(node.where, f"more than {MAX_DEPTH} levels inside one another", "check the brackets")
            )
            self._halt()

    def _halt(self) -> None:
        """Give the file up: reading on makes no sense."""
        self.stop = self.done = True

    def _close(self, _: Any) -> None:
        frame = self._frames.pop()
        if isinstance(frame.node, Mapping):
            for key, value in frame.merges:
                self._merge(frame.node, key, value)
        if frame.anchor:
            self._anchors[frame.anchor] = frame.node
        self._place(frame.node)

    def _alias(self, event: Any) -> None:
        self.aliases += 1
        node = self._anchors.get(event.anchor)
        if node is None:
            inside = any(frame.anchor == event.anchor for frame in self._frames)
            hint = (
                "it cannot contain itself"
                if inside
                else f"mark the value that is meant with &{event.anchor}, or quote the text"
            )
            self.findings.append(problems.unknown_alias(self._mark(event, len(event.anchor) + 1), event.anchor, hint))
            node = self._stand_in(event)
        self._place(node)

    def _stand_in(self, event: Any) -> Scalar:
        """What stands for an alias that could not be resolved: text, so that no further finding follows from it."""
        mark, end = event.start_mark, event.end_mark
        length = len(event.anchor) + 1
        return Scalar(self.source, mark.line, mark.column, length, event.anchor, "", mark.index, end.index, tagged=True)

    def _place(self, node: Node) -> None:
        """Put a finished node where it belongs: below its parent, as a key, or as the root."""
        if not self._frames:
            self._finish(node)
            return
        frame = self._frames[-1]
        if isinstance(frame.node, Items):
            frame.node.items.append(node)
        elif frame.skip:
            frame.skip = False
        elif frame.key is None:
            if not isinstance(node, Scalar):
                self._odd_key(frame, node)
                return
            frame.key = node
        else:
            self._pair(frame, frame.key, node)
            frame.key = None

    def _odd_key(self, frame: _Frame, node: Node) -> None:
        """A list or a mapping as a key; `key: {{ … }}` is the usual reason."""
        line = self.source.lines[node.line]
        if line.startswith("{{", frame.node.column) and frame.node.line == node.line:
            self.findings.append(template(frame.node.where, line))
            self._halt()
            return
        self.findings.append(problems.key_type(node.where))
        frame.skip = True

    def _finish(self, node: Node) -> None:
        if self._documents > 1 and self.root is not None:
            if not (isinstance(node, Scalar) and node.empty):
                self.findings.append(problems.several_documents(self._second))
                self._halt()
            return
        self.root = node

    def _pair(self, frame: _Frame, key: Scalar, value: Node) -> None:
        mapping = frame.node
        assert isinstance(mapping, Mapping)
        if key.text == "<<" and not key.style:
            frame.merges.append((key, value))
            return
        earlier = mapping.entries.get(key.text)
        if earlier is not None:
            self.findings.append(problems.duplicate_key(key.where, key.text, earlier.key.where))
            return
        if not mapping.entries and (key.line, key.column) == (mapping.line, mapping.column):
            mapping.length = key.length
        mapping.entries[key.text] = Entry(key, value)

    def _merge(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        """`<<: *base` or `<<: [*a, *b]`: what the mapping has itself wins, then the earlier."""
        for base in value.items if isinstance(value, Items) else [value]:
            if not isinstance(base, Mapping):
                self.findings.append(problems.merge_key(key.where))
                continue
            for name, entry in base.entries.items():
                mapping.entries.setdefault(name, entry)
