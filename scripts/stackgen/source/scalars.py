"""What a plain scalar means, and which ones mean different things to different readers. No findings are made here."""

from __future__ import annotations

import re
from collections.abc import Callable

LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}

_WORDS = frozenset(word for base in ("yes", "no", "on", "off", "y", "n") for word in (base, base.title(), base.upper()))
_WORDS |= {"True", "TRUE", "False", "FALSE", "Null", "NULL"}
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_OCTAL = re.compile(r"[-+]?(0[0-9_]+|0o[0-7_]+)")
_HEX = re.compile(r"[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[bB][01_]+")
_UNDERSCORES = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")
_ODD_NUMBER = re.compile(
    r"\+[0-9][0-9.]*|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?|[-+]?[0-9]+\.([eE][-+]?[0-9]+)?|"
    r"[-+]?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]+|[-+]?0[0-9]+\.[0-9]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
DOUBTFUL = frozenset("0123456789+-.=yYnNoOtTfF")  # how a doubtful scalar can begin


def resolve(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar where all YAML readers agree on it; everything else is text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 400 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def surprise(text: str) -> tuple[str, str] | None:
    """What is doubtful about a plain scalar, and what to write instead; None when there is no doubt."""
    if text[:1].isalpha():
        return _word(text) if text in _WORDS else None
    if text == "=":
        return "a special value for some YAML readers", f"quote it: '{text}'"
    if _INTEGER.fullmatch(text) or (_FLOAT.fullmatch(text) and "e" not in text.lower()):
        return None
    for pattern, doubt, fix in _NUMBERS:
        if pattern.fullmatch(text):
            instead = fix(text)
            quoted = f"quote it: '{text}'"
            return doubt.format(_number(text) if "{" in doubt else ""), f"{instead}, or {quoted}" if instead else quoted
    return None


def _word(text: str) -> tuple[str, str]:
    if text.lower() == "null":
        return "no value at all for some YAML readers and text for others", f"leave it empty, or quote it: '{text}'"
    meant = "true" if text.lower() in ("yes", "on", "y", "true") else "false"
    return "a boolean for some YAML readers and text for others", f"write {meant}, or quote it: '{text}'"


def _number(text: str) -> str:
    """What a number in an odd notation comes to."""
    if _HEX.fullmatch(text):
        return str(int(text.replace("_", ""), 0))
    total = 0.0
    for piece in text.lstrip("+-").replace("_", "").split(":") if ":" in text else ():
        try:
            total = total * 60 + float(piece)
        except ValueError:
            return text
    return f"{total:g}" if abs(total) < 1e6 else f"{total:.0f}"


def _undressed(text: str) -> str:
    digits = text.lstrip("+-0o_").replace("_", "")
    return f"write {digits}" if digits.isdigit() else ""


_BOTH = "a number for some YAML readers and text for others"
_NUMBERS: tuple[tuple[re.Pattern[str], str, Callable[[str], str]], ...] = (
    (_SEXAGESIMAL, "the number {} for YAML 1.1 readers, which count in sixties", lambda _: ""),
    (_OCTAL, "an octal number for some YAML readers and a decimal one for others", _undressed),
    (_HEX, "the number {} for some YAML readers and text for others", lambda _: ""),
    (_UNDERSCORES, _BOTH, lambda text: f"write {text.replace('_', '')}"),
    (_DATE, "a date for some YAML readers and text for others", lambda _: ""),
    (_ODD_NUMBER, _BOTH, lambda _: "write the number out"),
)
