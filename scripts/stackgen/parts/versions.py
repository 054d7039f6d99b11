"""Versions compared: of programs and of the distribution's packages. Nothing else."""

from __future__ import annotations

import re

_EARLY = r"~|-?(?:rc|alpha|beta|pre)(?![a-z])"
_VERSION = re.compile(rf"(?:\d+:)?(?:go|v)?(\d+(?:\.\d+)*)(?P<early>{_EARLY})?")


def upstream(version: str) -> str:
    """The program's own version in a Debian version: `1:2.53.3+ds1-2+b4` is `2.53.3`; "" when there is none."""
    match = _VERSION.match(version)
    return match[1] if match else ""


def at_least(version: str, floor: str) -> bool:
    """True when the program's version (or the one inside a Debian version) is the floor or newer.

    2.53 is 2.53.0; 2.53.0~rc1 and 2.53.0-rc.1 are older than 2.53.0; what is no version is older than everything.
    """
    return _key(version) >= _key(floor)


def _key(version: str) -> tuple[list[int], bool]:
    match = _VERSION.match(version)
    if match is None:
        return [], False
    numbers = [int(number) for number in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers, match["early"] is None
