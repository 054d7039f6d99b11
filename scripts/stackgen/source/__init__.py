"""From files to plain data with positions."""

from stackgen.source import problems, redact
from stackgen.source.files import File, read, rule_paths
from stackgen.source.loader import parse
from stackgen.source.nodes import Document, Entry, Items, Mapping, Node, Scalar, Text

__all__ = [
    "Document",
    "Entry",
    "File",
    "Items",
    "Mapping",
    "Node",
    "Scalar",
    "Text",
    "parse",
    "problems",
    "read",
    "redact",
    "rule_paths",
]
