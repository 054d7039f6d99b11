"""What can be wrong with a value: one function an id, which puts the finding into words. What belongs where is the
readers' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from stackgen.diagnostic import Position
from stackgen.findings import Words, problem


def nearest(word: str, known: Iterable[str]) -> str:
    """ "did you mean 'x'?" for the name that comes nearest, else the names there are, when they are few."""
    names = list(known)
    close = get_close_matches(word, names, n=1, cutoff=0.65)
    close = close or get_close_matches(word.lower().replace("-", "_"), names, n=1, cutoff=0.65)
    close = close or [name for name in names if len(word) > 2 and (word.startswith(name) or name.startswith(word))]
    if close:
        return f"did you mean '{close[0]}'?"
    if not names:
        return ""
    return listed(names) if len(names) <= 15 else ""


def listed(names: Iterable[str]) -> str:
    """The names there are, as a hint."""
    names = list(names)
    return f"known: {', '.join(names)}" if len(names) > 1 else f"only '{names[0]}' is known"


@problem("unknown-key")
def unknown_key(where: Position, key: str, owner: str, known: Iterable[str]) -> Words:
    return Words(where, f"{owner} has no key '{key}'", nearest(key, known))


@problem("missing-key")
def missing_key(where: Position, owner: str, key: str, hint: str) -> Words:
    return Words(where, f"{owner} lacks {key}", hint)


@problem("wrong-type")
def wrong_type(where: Position, what: str, wanted: str, found: str, hint: str = "") -> Words:
    return Words(where, f"{what} must be {wanted}, this is {found}", hint)


@problem("unknown-value")
def unknown_value(where: Position, what: str, value: str, known: Iterable[str]) -> Words:
    return Words(where, f"{what} cannot be '{value}'", nearest(value, known))


@problem("invalid-duration")
def invalid_duration(where: Position, what: str, value: str, hint: str) -> Words:
    return Words(where, f"{what}: '{value}' is no duration", hint)


@problem("invalid-size")
def invalid_size(where: Position, what: str, value: str, hint: str) -> Words:
    return Words(where, f"{what}: '{value}' is no size", hint)


@problem("invalid-number")
def invalid_number(where: Position, what: str, value: str, hint: str) -> Words:
    return Words(where, f"{what}: '{value}' is no number", hint)


@problem("out-of-range")
def out_of_range(where: Position, what: str, value: str, limits: str) -> Words:
    return Words(where, f"{what} cannot be {value}", limits)


@problem("invalid-address")
def invalid_address(where: Position, what: str, value: str, why: str, hint: str) -> Words:
    return Words(where, f"{what}: '{value}' {why}", hint)


@problem("invalid-url")
def invalid_url(where: Position, what: str, value: str, why: str, hint: str) -> Words:
    return Words(where, f"{what}: '{value}' {why}", hint)


@problem("invalid-name")
def invalid_name(where: Position, what: str, value: str, hint: str) -> Words:
    return Words(where, f"'{value}' cannot be the name of {what}", hint)


@problem("invalid-label")
def invalid_label(where: Position, name: str, hint: str) -> Words:
    return Words(where, f"'{name}' cannot be the name of a label", hint)


@problem("invalid-path")
def invalid_path(where: Position, what: str, value: str, hint: str) -> Words:
    return Words(where, f"{what} cannot be '{value}'", hint)


@problem("secret-in-source")
def secret_in_source(where: Position, what: str, hint: str) -> Words:
    return Words(where, f"{what} is a secret, and secrets do not belong in this file", hint)


@problem("secret-file-name")
def secret_file_name(where: Position, key: str, hint: str) -> Words:
    return Words(where, f"{key} must be the bare name of a file in secrets/", hint)


@problem("receiver-kind")
def receiver_kind(where: Position, name: str, kinds: str) -> Words:
    return Words(
        where, f"receiver '{name}' is {kinds} at once", "make a receiver of each and name both where they are told"
    )


@problem("receiver-entry")
def receiver_entry(where: Position, text: str) -> Words:
    hint = "write a receiver, or RECEIVER during WINDOW, or RECEIVER outside WINDOW"
    return Words(where, f"'{text}' says neither a receiver nor a receiver and a window", hint)


@problem("invalid-window")
def invalid_window(where: Position, name: str, why: str) -> Words:
    what, _, hint = why.partition(": ")
    return Words(where, f"'{name}' {what}", hint)


@problem("invalid-matcher")
def invalid_matcher(where: Position, label: str, value: str, why: str) -> Words:
    hint = "leave out the ~ to compare the text itself"
    return Words(where, f"{label}: '{value}' is no regular expression: {why}", hint)


@problem("unknown-threshold")
def unknown_threshold(where: Position, name: str, known: Iterable[str]) -> Words:
    return Words(where, f"there is no threshold '{name}'", nearest(name, known))


@problem("threshold-syntax")
def threshold_syntax(where: Position, text: str) -> Words:
    return Words(where, f"'{text}' is no reference to a threshold", "write ${threshold.NAME}")


@problem("kubernetes-manifest")
def kubernetes_manifest(where: Position) -> Words:
    return Words(
        where,
        "this is a Kubernetes manifest, not a rule file",
        "keep what stands below 'spec:' and shift it to the left margin",
    )


@problem("rule-kind")
def rule_kind(where: Position, what: str, hint: str, related: Position | None = None) -> Words:
    return Words(where, what, hint, related)


@problem("slo-latency")
def slo_latency(where: Position, value: str, bounds: Iterable[str]) -> Words:
    message = f"no bucket of http_request_duration_seconds ends at {value}: nobody can count slower ones"
    return Words(where, message, f"choose one of {', '.join(bounds)}")
