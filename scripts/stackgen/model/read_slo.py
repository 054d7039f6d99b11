"""From `slo` of a service to `Slo`."""

from __future__ import annotations

from stackgen.model import problems, values
from stackgen.model.keys import STACK_KEYS
from stackgen.model.section import Section
from stackgen.model.slo import LATENCY_BOUNDS, SHORTEST, Latency, Slo
from stackgen.model.thresholds import spell
from stackgen.model.values import Sink
from stackgen.source.nodes import Mapping, Node, Scalar


def read_slo(service: Section) -> Slo | None:
    """The promise of a service, None when it makes none or what it says is wrong."""
    node = service.node_of("slo")
    if node is None or (isinstance(node, Scalar) and node.empty):
        return None
    part = Section(node, f"'slo' of {service.owner}", STACK_KEYS["services[].slo"], service.tell)
    availability = part.take("availability", _share)
    latency = _latency(part)
    over = part.get("over", _long, Slo().over)
    if isinstance(node, Mapping) and not {"availability", "latency"} & set(part.entries):
        hint = "write availability: 99.9 %, or latency: {under: 500ms, for: 99 %}"
        service.tell(problems.missing_key(node.where, part.owner, "a promise", hint))
    if availability is None and latency is None:
        return None
    return Slo(availability, latency, over)


def _latency(part: Section) -> Latency | None:
    node = part.node_of("latency")
    if node is None:
        return None
    latency = Section(node, f"'latency' of {part.owner}", STACK_KEYS["services[].slo.latency"], part.tell)
    under = latency.need("under", _bound, "write under: and a time, as in under: 500ms")
    share = latency.need("for", _share, "write for: and a percentage, as in for: 99 %")
    return Latency(under, share) if under is not None and share is not None else None


def _share(node: Node, what: str, tell: Sink) -> float | None:
    """A percentage under 100, with which there is no budget that could burn; what is under 1 is a share by mistake."""
    value = values.number(node, what, tell)
    if value is not None and not 1 <= value < 100:
        meant = (
            f"write {spell(round(value * 100, 6))} %"
            if 0 < value < 1
            else "choose a percentage of 1 or more, under 100"
        )
        tell(problems.out_of_range(node.where, what, spell(value), meant))
        return None
    return value


def _bound(node: Node, what: str, tell: Sink) -> float | None:
    value = values.lasting_seconds(node, what, tell)
    if value is not None and value not in LATENCY_BOUNDS:
        bounds = [values.spell(bound) for bound in LATENCY_BOUNDS]
        tell(problems.slo_latency(node.where, values.spell(value), bounds))
        return None
    return value


def _long(node: Node, what: str, tell: Sink) -> float | None:
    value = values.lasting_seconds(node, what, tell)
    if value is not None and value < SHORTEST:
        limit = f"write {values.spell(SHORTEST)} or more: the slowest burn is looked for over that long"
        tell(problems.out_of_range(node.where, what, values.spell(value), limit))
        return None
    return value
