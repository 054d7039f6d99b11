"""From a YAML scalar to a typed value: durations, sizes, numbers, addresses, URLs, names. What is wrong is told, and
None comes back. Which key wants which type is the readers' business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from stackgen.diagnostic import Diagnostic
from stackgen.model import problems
from stackgen.source.nodes import Items, Mapping, Node, Scalar

T = TypeVar("T")
Sink: TypeAlias = Callable[[Diagnostic], None]
Converter: TypeAlias = Callable[[Node, str, Sink], T | None]

LONGEST = 2**63 / 1e9  # seconds that the parts can count, about 292y

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_DURATION = re.compile(
    r"(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?"
)
_SIZE = re.compile(r"[1-9][0-9]*(B|KB|MB|GB|TB|PB|EB)")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[0-9a-fA-F:.]+(%[A-Za-z0-9]+)?\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def seconds(text: str) -> float | None:
    """Seconds of a Prometheus duration like `1h30m`, None when it is none."""
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not match or not text:
        return None
    sizes = ("y", "w", "d", "h", "m", "s", "ms")
    return sum(int(number) * _UNITS[unit] for number, unit in zip(match.groups(), sizes, strict=True) if number)


def duration_hint(value: str) -> str:
    """What to write instead of something that is no duration."""
    if re.fullmatch(r"[0-9]+", value):
        return f"say the unit: {value}s, {value}m, {value}h or {value}d"
    fraction = re.fullmatch(r"([0-9]+\.[0-9]+|\.[0-9]+)\s*(ms|[smhdwy])", value)
    if fraction:
        whole = float(fraction[1]) * _UNITS[fraction[2]]
        return f"write whole numbers: {spell(whole)}" if whole >= 0.001 else "write whole numbers"
    tight = re.sub(r"\s+", "", value.lower())
    words = (
        ("milliseconds?", "ms"),
        ("seconds?|secs?", "s"),
        ("minutes?|mins?", "m"),
        ("hours?|hrs?", "h"),
        ("days?", "d"),
        ("weeks?", "w"),
    )
    for word, unit in words:
        tight = re.sub(rf"(?<=[0-9])(?:{word})", unit, tight)
    if tight != value and seconds(tight) is not None:
        return f"write {tight}"
    return "write a number and its unit: 30s, 5m, 1h30m, 14d"


def spell(total: float) -> str:
    """Seconds as a Prometheus duration."""
    rest = round(total * 1000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(_UNITS[unit] * 1000)
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    assert isinstance(node, Scalar)
    if node.empty:
        return "empty"
    names: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(node.value), "text")


def _wrong(node: Node, what: str, wanted: str, tell: Sink, hint: str = "") -> None:
    tell(problems.wrong_type(node.where, what, wanted, kind_of(node), hint))


def _scalar(node: Node, what: str, wanted: str, tell: Sink) -> Scalar | None:
    if isinstance(node, Scalar) and not node.empty:
        return node
    _wrong(node, what, wanted, tell, "write a value, or remove the key" if isinstance(node, Scalar) else "")
    return None


def text(node: Node, what: str, tell: Sink) -> str | None:
    """Any text on one line that is not empty. Numbers and booleans want quotes, so that nobody has to guess."""
    if not isinstance(node, Scalar) or node.empty:
        _wrong(node, what, "text", tell, "write a value, or remove the key" if isinstance(node, Scalar) else "")
        return None
    if not isinstance(node.value, str) and not node.source.foreign:
        _wrong(node, what, "text", tell, f"quote it: '{node.text}'")
        return None
    if not node.text.strip() or _CONTROL.search(node.text):
        _wrong_text = "blank" if not node.text.strip() else "several lines"
        tell(problems.wrong_type(node.where, what, "text on one line", _wrong_text))
        return None
    return node.text


def valid_name(node: Node, what: str, value: str, tell: Sink) -> bool:
    """Tell when a name cannot stand in file names, job names and URLs. what: "a team"."""
    if _NAME.fullmatch(value):
        return True
    fixed = re.sub(r"[^A-Za-z0-9_.]+", "-", value).strip("-._")[:63]
    allowed = "letters a to z, digits, '-', '_' and '.' only"
    hint = f"{allowed}: {fixed}" if fixed else f"{allowed}, a letter or digit first"
    tell(problems.invalid_name(node.where, what, value, hint))
    return False


def boolean(node: Node, what: str, tell: Sink) -> bool | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    _wrong(node, what, "true or false", tell)
    return None


def integer(node: Node, what: str, tell: Sink) -> int | None:
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    _wrong(node, what, "a whole number", tell)
    return None


def positive(node: Node, what: str, tell: Sink) -> int | None:
    value = integer(node, what, tell)
    if value is not None and value < 0:
        tell(problems.out_of_range(node.where, what, str(value), "write 0 or more"))
        return None
    return value


def port(node: Node, what: str, tell: Sink) -> int | None:
    value = integer(node, what, tell)
    if value is not None and not 1 <= value <= 65535:
        tell(problems.out_of_range(node.where, what, str(value), "a port lies between 1 and 65535"))
        return None
    return value


def number(node: Node, what: str, tell: Sink) -> float | None:
    """A number, or a percentage like `80 %`, which is the number 80."""
    scalar = _scalar(node, what, "a number", tell)
    if scalar is None:
        return None
    value = scalar.value
    if isinstance(value, str):
        match = re.fullmatch(r"(-?[0-9]+(?:\.[0-9]+)?)\s*%", value)
        if not match:
            plain = re.fullmatch(r"(-?[0-9]+)[.,]([0-9]+)", value) or re.fullmatch(
                r"(-?[0-9]+(?:\.[0-9]+)?)\s*\D*", value
            )
            hint = f"write {'.'.join(plain.groups())}" if plain else "write digits, as in 80 or 99.9"
            tell(problems.invalid_number(scalar.where, what, value, hint))
            return None
        return float(match[1])
    if isinstance(value, bool) or value is None:
        _wrong(node, what, "a number", tell)
        return None
    return float(value) if abs(value) < 1e300 else None


def duration(node: Node, what: str, tell: Sink) -> str | None:
    """A Prometheus duration as written."""
    scalar = _scalar(node, what, "a duration", tell)
    if scalar is None:
        return None
    total = seconds(scalar.text)
    if total is None:
        tell(problems.invalid_duration(scalar.where, what, scalar.text, duration_hint(scalar.text)))
        return None
    if total >= LONGEST:
        tell(problems.out_of_range(scalar.where, what, scalar.text, "write 292y or less: no part counts further"))
        return None
    return scalar.text


def lasting(node: Node, what: str, tell: Sink) -> str | None:
    """A duration over zero, as written."""
    value = duration(node, what, tell)
    if value is not None and not seconds(value):
        tell(problems.out_of_range(node.where, what, value, "it must be longer than nothing"))
        return None
    return value


def lasting_seconds(node: Node, what: str, tell: Sink) -> float | None:
    value = lasting(node, what, tell)
    return seconds(value) if value is not None else None


def size(node: Node, what: str, tell: Sink) -> str | None:
    """A Prometheus size like `10GB`, as written."""
    scalar = _scalar(node, what, "a size", tell)
    if scalar is None:
        return None
    if _SIZE.fullmatch(scalar.text):
        return scalar.text
    loose = re.fullmatch(r"([1-9][0-9]*)\s*([kmgtpe]?)i?b?", scalar.text.lower())
    hint = (
        f"write {loose[1]}{loose[2].upper()}B"
        if loose and loose[2]
        else "write a whole number and its unit, as in 10GB"
    )
    tell(problems.invalid_size(scalar.where, what, scalar.text, hint))
    return None


def address(node: Node, what: str, tell: Sink) -> str | None:
    """`host:port`, the host a name, an IPv4 address or an IPv6 address in brackets."""
    value = text(node, what, tell)
    if value is None:
        return None
    if "://" in value:
        rest = urlsplit(value) if value.isprintable() else None
        near = rest.netloc.rpartition("@")[2] if rest else ""
        hint = f"write {near}" if ":" in near else "write host:port"
        more = " and the path as metrics_path" if rest and rest.path.strip("/") and what.startswith("target") else ""
        tell(problems.invalid_address(node.where, what, value, "is a URL, not host:port", hint + more))
        return None
    host, colon, digits = value.rpartition(":")
    if not colon or value.endswith("]"):
        hint = f"write {value}:{587 if what == 'smarthost' else 8000}, or the port it listens on"
        tell(problems.invalid_address(node.where, what, value, "has no port", hint))
    elif "/" in value:
        hint = f"write {value.split('/')[0]}" + (" and the path as metrics_path" if what.startswith("target") else "")
        tell(problems.invalid_address(node.where, what, value, "has a path", hint))
    elif not digits.isascii() or not digits.isdigit() or not 1 <= int(digits[:9]) <= 65535:
        tell(
            problems.invalid_address(
                node.where, what, value, f"has the port '{digits}'", "a port lies between 1 and 65535"
            )
        )
    elif not _HOST.fullmatch(host):
        why = "has no host" if not host else f"has a host that cannot be: '{host}'"
        hint = f"write '[{host}]:{digits}' for an IPv6 address" if ":" in host else "write host:port"
        tell(problems.invalid_address(node.where, what, value, why, hint))
    else:
        return value
    return None


def url(node: Node, what: str, tell: Sink) -> str | None:
    """An http or https URL with a host."""
    value = text(node, what, tell)
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        tell(problems.invalid_url(node.where, what, value, "is no URL", "write http://host:port/path"))
        return None
    if "@" in parts.netloc:
        tell(
            problems.secret_in_source(node.where, f"the password in '{what}'", "leave user and password out of the URL")
        )
    elif parts.scheme not in ("http", "https"):
        wanted = f"write http://{value}" if "://" not in value else "write http:// or https://"
        tell(problems.invalid_url(node.where, what, value, "does not begin with http:// or https://", wanted))
    elif not host or any(character.isspace() for character in value):
        tell(problems.invalid_url(node.where, what, value, "has no host" if not host else "has a blank in it", ""))
    else:
        return value
    return None


def label_name(node: Scalar, tell: Sink, reserved: tuple[str, ...] = ()) -> str | None:
    """A label's name for stack.yml and shipped rules: Prometheus 2 knows no others."""
    value = node.text
    if value in reserved:
        tell(problems.invalid_label(node.where, value, "the stack sets this label itself; choose another name"))
    elif value.startswith("__"):
        tell(problems.invalid_label(node.where, value, "names that begin with '__' belong to Prometheus"))
    elif not _LABEL.fullmatch(value):
        fixed = re.sub(r"[^a-zA-Z0-9_]+", "_", value)
        fixed = f"_{fixed}" if fixed[:1].isdigit() else fixed
        hint = f"letters, digits and '_' only: {fixed}" if fixed.strip("_") else "letters, digits and '_' only"
        tell(problems.invalid_label(node.where, value, hint))
    else:
        return value
    return None


def choice(options: tuple[str, ...]) -> Converter[str]:
    """One of a few words."""

    def convert(node: Node, what: str, tell: Sink) -> str | None:
        value = text(node, what, tell)
        if value is not None and value not in options:
            tell(problems.unknown_value(node.where, what, value, options))
            return None
        return value

    return convert


def several(item: Converter[T], wanted: str) -> Converter[tuple[T, ...]]:
    """A list of values; the good ones are kept."""

    def convert(node: Node, what: str, tell: Sink) -> tuple[T, ...] | None:
        if isinstance(node, Scalar) and node.empty:
            return ()
        if not isinstance(node, Items):
            hint = f"write [{node.text}]" if isinstance(node, Scalar) and not node.style else ""
            _wrong(node, what, wanted, tell, hint)
            return None
        values = (item(child, what, tell) for child in node.items)
        return tuple(value for value in values if value is not None)

    return convert
