"""Writes a registry in Prometheus's text format or as OpenMetrics, in pieces, byte for byte as prometheus_client would.

Which format: by content negotiation. How prometheus_client's own metrics are read fast: exposition_client.py. What
sends the pieces pauses between them, so that a scrape of a large registry holds no other thread up for long.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Exemplar

from watchstack.exposition_client import client_family, is_plain, metric_family
from watchstack.families import Family, go_number

_log = logging.getLogger("watchstack.exposition")
PIECE_LINES = 256  # about 0.3 ms on a slow machine
_PLAIN_BELOW = 1e6  # from here on Go writes exponents


@runtime_checkable
class FamilySource(Protocol):
    """A collector that hands out its families in the library's own form."""

    def families(self) -> Iterable[Family]: ...


class _Collectable(Protocol):
    def collect(self) -> Iterable[Metric]: ...


@runtime_checkable
class CollectorSource(Protocol):
    """A registry of another kind that hands out its collectors."""

    def collectors(self) -> list[Any]: ...


@dataclass(frozen=True)
class Format:
    """What a scrape asked for. content_type: of the answer. openmetrics: or else the text format.

    own: this module writes it itself; other escapings and versions are left to prometheus_client.
    """

    content_type: str
    openmetrics: bool
    own: bool
    accept: str

    @classmethod
    def negotiate(cls, accept: str | None) -> Format:
        """The format for an Accept header, chosen as prometheus_client chooses."""
        _, content_type = choose_encoder(accept or "")
        openmetrics = content_type.startswith("application/openmetrics-text")
        parts = {part.strip() for part in content_type.split(";")[1:]}
        escaping = next((part for part in parts if part.startswith("escaping=")), "escaping=underscores")
        own = escaping in ("escaping=underscores", "escaping=allow-utf-8") and "version=2.0.0" not in parts
        return cls(content_type, openmetrics, own, accept or "")

    def encode(self, source: _Collectable) -> bytes:
        """What prometheus_client itself writes for `source`, without the end mark of OpenMetrics."""
        encoder, _ = choose_encoder(self.accept)
        return encoder(source).removesuffix(b"# EOF\n")


TEXT = Format.negotiate(None)


@dataclass(frozen=True)
class _One:
    """A single metric as prometheus_client's encoders want it."""

    metric: Metric

    def collect(self) -> Iterable[Metric]:
        return [self.metric]


def pieces(registry: CollectorRegistry | _Collectable, form: Format = TEXT) -> Iterator[bytes]:
    """The exposition of `registry` in pieces of at most PIECE_LINES lines (a label set is never divided).

    A collector that raises is left out and logged; the rest of the registry is still written.
    """
    if not form.own:
        yield form.encode(registry) + (b"# EOF\n" if form.openmetrics else b"")
        return
    lines: list[str] = []
    for part in _parts(registry, form):
        if isinstance(part, bytes):
            yield _encoded(lines) + part
            lines.clear()
            continue
        lines.extend(part)
        if len(lines) >= PIECE_LINES:
            yield _encoded(lines)
            lines.clear()
    if form.openmetrics:
        lines.append("# EOF\n")
    if lines:
        yield _encoded(lines)


def _encoded(lines: list[str]) -> bytes:
    """One label that UTF-8 cannot write ends no scrape."""
    return "".join(lines).encode(errors="replace")


def whole(registry: CollectorRegistry | _Collectable, form: Format = TEXT) -> bytes:
    """The exposition in one go."""
    return b"".join(pieces(registry, form))


def gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """`chunks` compressed as one gzip stream; the interpreter lock is free while a chunk is compressed."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    for chunk in chunks:
        if packed := compressor.compress(chunk):
            yield packed
    yield compressor.flush()


def _parts(registry: CollectorRegistry | _Collectable, form: Format) -> Iterator[list[str] | bytes]:
    for collector in _collectors(registry):
        try:
            yield from _collector_parts(collector, form)
        except Exception:
            _log.exception("a collector failed and is left out of this scrape: %r", collector)


def _collectors(registry: CollectorRegistry | _Collectable) -> list[Any]:
    """What a registry collects from, in its order; what hands out no collectors collects for itself."""
    if isinstance(registry, CollectorSource):
        return registry.collectors()
    if type(registry) is not CollectorRegistry:
        return [registry]
    with registry._lock:
        found: list[Any] = list(registry._collector_to_names)
    if registry.get_target_info():
        found.insert(0, _One(registry._target_info_metric()))  # type: ignore[no-untyped-call]
    return found


def _collector_parts(collector: Any, form: Format) -> Iterator[list[str] | bytes]:
    if isinstance(collector, FamilySource):
        for family in collector.families():
            yield from _family_parts(family, form)
        return
    fast = client_family(collector, exemplars=form.openmetrics)
    if fast is not None:
        yield from _family_parts(fast, form)
        return
    for metric in collector.collect():
        if is_plain(metric):
            yield from _family_parts(metric_family(metric), form)
        else:
            yield form.encode(_One(metric))


_TEXT_NAMES = {"counter": ("_total", "counter"), "info": ("_info", "gauge"), "stateset": ("", "gauge"),
               "gaugehistogram": ("", "histogram"), "unknown": ("", "untyped")}  # fmt: skip


def _family_parts(family: Family, form: Format) -> Iterator[list[str]]:
    """The family's lines in lists of about PIECE_LINES."""
    name, kind = family.name, family.kind
    if form.openmetrics:
        lines = [f"# HELP {name} {_escape(family.help, quotes=True)}\n", f"# TYPE {name} {kind}\n"]
        if family.unit:
            lines.append(f"# UNIT {name} {family.unit}\n")
    else:
        suffix, shown = _TEXT_NAMES.get(kind, ("", kind))
        help_text = _escape(family.help, quotes=False)
        lines = [f"# HELP {name}{suffix} {help_text}\n# TYPE {name}{suffix} {shown}\n"]
    created: list[str] = []
    openmetrics = form.openmetrics
    for block, created_line in family.blocks:
        for text, value, exemplar in block:
            if exemplar is not None and openmetrics:
                lines.append(f"{text}{go_number(value)}{_exemplar(exemplar)}\n")
            elif -_PLAIN_BELOW < value < _PLAIN_BELOW:
                lines.append(f"{text}{float(value)!r}\n")
            else:
                lines.append(f"{text}{go_number(value)}\n")
        if created_line is not None:
            (lines if openmetrics else created).append(created_line)
        if len(lines) >= PIECE_LINES:
            yield lines
            lines = []
    yield lines
    if created:
        yield [f"# HELP {name}_created {help_text}\n# TYPE {name}_created gauge\n"]
        for start in range(0, len(created), PIECE_LINES):
            yield created[start : start + PIECE_LINES]


def _exemplar(exemplar: Exemplar) -> str:
    pairs = ",".join(f'{k}="{_escape(v, quotes=True)}"' for k, v in sorted(exemplar.labels.items()))
    moment = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {{{pairs}}} {go_number(exemplar.value)}{moment}"


def _escape(text: str, *, quotes: bool) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text
