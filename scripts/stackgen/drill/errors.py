"""What can go wrong with one alert of a drill."""

from __future__ import annotations


class CannotDrillError(Exception):
    """This alert cannot be drilled; the text says why."""
