"""Values in the place of a dashboard's variables, as Grafana's page puts them in before it asks.

Where the values of a query variable come from is asked in `options`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALL = ("$__all", "__all", "All")
LONGEST_RANGE = "3h"  # what dashboards show at first
SCRAPE = 15  # seconds between two samples, where nobody says otherwise
NAMED = re.compile(r"\$\{(\w+)(?:\.[\w.]+)?(?::(\w+))?\}|\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]")
SPECIAL = re.compile(r"([\\^$.*+?()|{}\[\]])")


@dataclass(frozen=True)
class Value:
    """What stands for a variable. raw: put in as it is, whatever the form that is asked for. several: of a list."""

    values: tuple[str, ...] = ()
    several: bool = False
    raw: str | None = None

    def text(self, form: str) -> str:
        if self.raw is not None:
            return self.raw
        if form in ("csv", "raw") or (not self.several and not form):
            return ",".join(self.values)
        if form == "pipe":
            return "|".join(self.values)
        joined = "|".join(_literal(one, quoted=not form) for one in self.values)
        return joined if len(self.values) == 1 else f"({joined})"


Values = Mapping[str, Value]


def built_in(scrape: int = SCRAPE) -> dict[str, Value]:
    """Grafana's own variables for a datasource that is sampled every `scrape` seconds, over LONGEST_RANGE.

    A rate reaches over four samples, as Grafana documents `$__rate_interval`.
    """
    texts = {
        "__interval": f"{scrape}s",
        "__interval_ms": f"{scrape * 1000}",
        "__rate_interval": f"{4 * scrape}s",
        "__range": LONGEST_RANGE,
        "__range_s": "10800",
        "__range_ms": "10800000",
        "__auto_interval": f"{scrape}s",
    }
    return {name: Value(raw=text) for name, text in texts.items()}


def _literal(text: str, *, quoted: bool) -> str:
    """A regular expression for the text. quoted: for a place between quotes, where every backslash is doubled."""
    escaped = SPECIAL.sub(r"\\\1", text)
    return escaped.replace("\\", "\\\\") if quoted else escaped


def expand(text: str, values: Values) -> str:
    """The text with every variable that has a value replaced; others stay as they are."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[3] or match[4]
        return values[name].text(match[2] or match[5] or "") if name in values else match[0]

    return NAMED.sub(value, text)


def value(variable: Mapping[str, Any], options: Sequence[str], scrape: int = SCRAPE) -> Value:
    """What a dashboard puts in for a variable when it is opened. options: the values that it offers."""
    current = variable.get("current") or {}
    chosen = current.get("value") if isinstance(current, Mapping) else None
    picked = [str(one) for one in chosen] if isinstance(chosen, list) else [str(chosen)] if chosen else []
    if variable.get("type") == "interval":  # its `auto` is reckoned from the width of the page
        picked = [f"{scrape}s" if one.startswith("$__auto") else one for one in picked]
    several = bool(variable.get("multi") or variable.get("includeAll"))
    if any(one in ALL for one in picked) or (not picked and variable.get("includeAll")):
        if variable.get("allValue"):
            return Value(raw=str(variable["allValue"]))
        return Value(tuple(options), several=True)
    return Value(tuple(picked or options[:1]), several=several)
