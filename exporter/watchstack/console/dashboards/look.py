"""How a field looks: unit, limits, colours, words for values. What is drawn with it: drawing.py and the page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watchstack.console.dashboards import plain
from watchstack.console.dashboards.links import Link, data_links

Steps = tuple[tuple[float | None, str], ...]
COLOUR = re.compile(r"[a-z][a-z-]{1,30}|#[0-9a-fA-F]{3,8}")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*(?:,[\s\d.%]{1,12})?\)", re.ASCII)
_UNIT = re.compile(r"[\w%/:. -]{1,40}")
LIMIT_STYLES = ("line", "area", "line+area", "dashed", "dashed+area")


@dataclass(frozen=True)
class Words:
    """Value mapping: what is said, in which colour, for a value. kind: value, range, regex or special."""

    kind: str
    match: str = ""
    low: float | None = None
    high: float | None = None
    text: str = ""
    colour: str = ""

    def holds(self, value: float | str | None) -> bool:
        if self.kind == "special":
            return value is None and self.match in ("null", "nan", "null+nan", "empty")
        if value is None:
            return False
        if self.kind == "value":
            return _plain_number(value) == self.match
        if self.kind == "range":
            if isinstance(value, str):
                return False
            return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)
        return False


@dataclass(frozen=True)
class Look:
    """fieldConfig, as far as the console draws it. steps: colour from this value on, the lowest has None.

    share: the steps are percent of low..high. colour: a fixed one; by_steps: that of the value's step.
    limits: how the steps are drawn in a chart, one of LIMIT_STYLES or "".
    """

    unit: str = "short"
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    steps: Steps = ()
    share: bool = False
    words: tuple[Words, ...] = ()
    links: tuple[Link, ...] = ()
    name: str = ""
    none: str = ""
    colour: str = ""
    by_steps: bool = False
    width: int = 1
    fill: int = 0
    bars: bool = False
    dots: bool = False
    stacked: str = ""
    limits: str = ""
    joined: bool = False
    hidden: bool = False

    def words_of(self, value: float | str | None) -> Words | None:
        """The first mapping that holds."""
        return next((words for words in self.words if words.holds(value)), None)

    def colour_of(self, value: float | None) -> str:
        """Of the mapping, else the fixed one, else of the step."""
        words = self.words_of(value)
        if words is not None and words.colour:
            return words.colour
        if self.colour:
            return self.colour
        return self.step_colour(value) if self.by_steps else ""

    def step_colour(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.share:
            low, high = self.low or 0.0, 100.0 if self.high is None else self.high
            value = 100 * (value - low) / (high - low) if high > low else value
        found = ""
        for limit, colour in self.steps:
            if limit is None or value >= limit:
                found = colour
        return found

    def limits_of(self) -> list[dict[str, Any]]:
        """The steps above the lowest in the values of the axis."""
        low, high = self.low or 0.0, 100.0 if self.high is None else self.high
        return [
            {"value": low + (high - low) * limit / 100 if self.share else limit, "colour": colour}
            for limit, colour in self.steps
            if limit is not None
        ]


def properties(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`fieldConfig.defaults` under the ids that overrides use: `custom.lineWidth`."""
    found = {key: value for key, value in defaults.items() if key != "custom"}
    found.update({f"custom.{key}": value for key, value in plain.table(defaults, "custom").items()})
    return found


def look(own: Mapping[str, Any]) -> Look:
    """From properties by id."""
    colour = plain.table(own, "color")
    mode = plain.text(colour, "mode")
    thresholds = plain.table(own, "thresholds")
    limits = plain.text(plain.table(own, "custom.thresholdsStyle"), "mode")
    stacking = plain.text(plain.table(own, "custom.stacking"), "mode")
    drawn = plain.text(own, "custom.drawStyle", "line")
    unit = plain.text(own, "unit", "short")
    hide = plain.table(own, "custom.hideFrom")
    return Look(
        unit=unit if _UNIT.fullmatch(unit) else "short",
        decimals=None if plain.number(own, "decimals") is None else plain.whole(own, "decimals", 0, 10, 0),
        low=plain.number(own, "min"),
        high=plain.number(own, "max"),
        steps=_steps(thresholds),
        share=plain.text(thresholds, "mode") == "percentage",
        words=tuple(_words(own)),
        links=data_links(plain.objects(own, "links")),
        name=plain.text(own, "displayName"),
        none=plain.text(own, "noValue"),
        colour=_colour(colour, "fixedColor") if mode in ("fixed", "shades") else "",
        by_steps=mode == "thresholds",
        width=plain.whole(own, "custom.lineWidth", 0, 10, 1),
        fill=plain.whole(own, "custom.fillOpacity", 0, 100, 0),
        bars=drawn == "bars",
        dots=drawn == "points" or plain.text(own, "custom.showPoints") == "always",
        stacked=stacking if stacking in ("normal", "percent") else "",
        limits=limits if limits in LIMIT_STYLES else "",
        joined=own.get("custom.spanNulls") is True,
        hidden=plain.flag(hide, "viz"),
    )


def _steps(thresholds: dict[str, Any]) -> Steps:
    found = [(plain.number(step, "value"), _colour(step, "color")) for step in plain.objects(thresholds, "steps")]
    return tuple(sorted(found[:20], key=lambda step: float("-inf") if step[0] is None else step[0]))


def _colour(source: dict[str, Any], key: str) -> str:
    found = plain.text(source, key)
    if parts := _RGB.fullmatch(found):
        return "#" + "".join(f"{min(255, int(part)):02x}" for part in parts.groups())
    return found if COLOUR.fullmatch(found) else ""


def _words(own: Mapping[str, Any]) -> Iterator[Words]:
    for mapping in plain.objects(own, "mappings")[:50]:
        kind, options = plain.text(mapping, "type"), plain.table(mapping, "options")
        if kind == "value":
            for match, result in list(options.items())[:200]:
                yield Words("value", str(match), text=plain.text(result, "text"), colour=_colour(result, "color"))
            continue
        result = plain.table(options, "result")
        text, colour = plain.text(result, "text"), _colour(result, "color")
        if kind == "range":
            yield Words("range", "", plain.number(options, "from"), plain.number(options, "to"), text, colour)
        elif kind == "special":
            yield Words("special", plain.text(options, "match"), text=text, colour=colour)


def _plain_number(value: float | str) -> str:
    """As a value mapping writes it: 1 and not 1.0."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)
