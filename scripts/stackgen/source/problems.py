"""What can be wrong with a file before anyone asks what it means: one function an id, which puts it into words."""

from __future__ import annotations

from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, problem


@problem("unreadable-file")
def unreadable_file(where: Position, why: str, hint: str) -> Words:
    return Words(where, f"cannot read this file: {why}", hint)


@problem("encoding")
def encoding(where: Position, what: str, hint: str = "save the file as UTF-8") -> Words:
    return Words(where, what, hint)


@problem("empty-file")
def empty_file(where: Position, hint: str, severity: Severity) -> Words:
    return Words(where, "there is nothing in this file", hint, severity=severity)


@problem("yaml-syntax")
def yaml_syntax(where: Position, message: str, hint: str, related: Position | None = None) -> Words:
    return Words(where, message, hint, related)


@problem("tab-indentation")
def tab_indentation(where: Position) -> Words:
    return Words(where, "a tab stands where YAML wants spaces", "replace the tab with spaces")


@problem("several-documents")
def several_documents(where: Position) -> Words:
    return Words(
        where,
        "a second YAML document begins here, and nothing would read it",
        "make it a file of its own, or remove the '---'",
    )


@problem("too-large")
def too_large(where: Position, what: str, hint: str) -> Words:
    return Words(where, what, hint)


@problem("duplicate-key")
def duplicate_key(where: Position, key: str, first: Position) -> Words:
    return Words(
        where,
        f"'{key}' stands here a second time, the first is in line {first.line}",
        "keep one of the two",
        related=first,
    )


@problem("ambiguous-scalar")
def ambiguous_scalar(where: Position, text: str, doubt: str, fix: str) -> Words:
    return Words(where, f"'{text}' is {doubt}", fix)


@problem("key-type")
def key_type(where: Position) -> Words:
    return Words(where, "a list or a mapping stands where a key belongs", "write a plain word before the colon")


@problem("unknown-alias")
def unknown_alias(where: Position, name: str, hint: str) -> Words:
    return Words(where, f"*{name} refers to an anchor that is not defined above it", hint)


@problem("merge-key")
def merge_key(where: Position) -> Words:
    return Words(where, "'<<' can take in mappings only", "write <<: *name, where &name marks a mapping")


@problem("yaml-tag")
def yaml_tag(where: Position, tag: str) -> Words:
    return Words(where, f"the tag {tag} has no meaning here", "remove the tag; quote the value if it is meant as text")
