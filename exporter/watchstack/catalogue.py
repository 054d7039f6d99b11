"""What a metric of the catalogue is, and how to find one. The rows themselves live in catalogue_data.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Preset(StrEnum):
    """The five systems whose metric names, paths and thresholds can be chosen."""

    FLASK = "flask"
    API = "api"
    FRAMEWORK = "framework"
    IOT = "iot"
    AI = "ai"


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Definition:
    """One metric name of the catalogue.

    name: as it stands in the exposition, a counter with its `_total`. help: the HELP text. labels: in declared order.
    unit: seconds, bytes, percent, ratio, dollars or "" for a plain number. buckets: upper bounds without +Inf,
    histograms alone. presets: where it is exported, none for everywhere. rows: the requirements it serves.
    note: what HELP does not say. multiprocess: how gauges of several worker processes become one value.

    of: the canonical metric whose observations this name exports too, "" for a metric of its own. Labels that the
    canonical metric has and this one has not are added up.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    presets: tuple[Preset, ...] = ()
    rows: tuple[str, ...] = ()
    note: str = ""
    multiprocess: str = "livesum"
    of: str = ""

    @property
    def family(self) -> str:
        """The name without the suffix that a counter's samples carry."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name

    def applies(self, preset: Preset | None) -> bool:
        return not self.presets or preset in self.presets


class Catalogue(Mapping[str, Definition]):
    """Definitions by name, in the order they were given.

    Raises ValueError for a name defined twice and for an alias of a name that is not there.
    """

    def __init__(self, groups: Mapping[str, tuple[Definition, ...]]) -> None:
        self.groups = MappingProxyType(dict(groups))
        self._by_name: dict[str, Definition] = {}
        for definition in (definition for group in groups.values() for definition in group):
            if definition.name in self._by_name:
                raise ValueError(f"{definition.name} stands twice in the catalogue")
            self._by_name[definition.name] = definition
        for definition in self._by_name.values():
            if definition.of and definition.of not in self._by_name:
                raise ValueError(f"{definition.name} is an alias of {definition.of}, which is not in the catalogue")

    def __getitem__(self, name: str) -> Definition:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def names(self, canonical: str, preset: Preset | None) -> tuple[Definition, ...]:
        """The canonical metric and its aliases, as far as `preset` exports them."""
        candidates = (self[canonical], *(d for d in self._by_name.values() if d.of == canonical))
        return tuple(definition for definition in candidates if definition.applies(preset))
