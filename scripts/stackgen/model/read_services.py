"""From one item of `services` to `Service`."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from typing import Any

from stackgen.model import problems, values
from stackgen.model.keys import STACK_KEYS
from stackgen.model.read_receivers import secret_file
from stackgen.model.read_slo import read_slo
from stackgen.model.read_thresholds import read_thresholds
from stackgen.model.section import Section, entries
from stackgen.model.stack import PRESETS, Service
from stackgen.model.values import Sink
from stackgen.source.nodes import Node, Scalar, find

RESERVED_LABELS = ("service", "preset", "team", "environment", "job", "instance")
DNS_TYPES = ("SRV", "A", "AAAA", "MX", "NS")
_DISCOVERED = re.compile(r"(?!/)[^\x00-\x1f*]+(/[^/\x00-\x1f]*)?\.(json|yml|yaml)|[^/\x00-\x1f]+\.(json|yml|yaml)")


def read_service(node: Node, number: int, thresholds: AbstractMapping[str, float | str], tell: Sink) -> Service | None:
    """One service, None when it has no name to speak of. thresholds: those of the stack, which it may change."""
    owner = f"service {number}"
    if isinstance(node, Scalar):
        hint = f"write - name: {node.text}" if not node.empty else "remove the dash"
        tell(problems.wrong_type(node.where, owner, "a mapping of keys to values", values.kind_of(node), hint))
        return None
    name_node = find(node, ["name"])
    if isinstance(name_node, Scalar) and name_node.text:
        owner = f"service '{name_node.text}'"
    part = Section(node, owner, STACK_KEYS["services[]"], tell)
    name = part.need("name", values.text, "write name: and a short name")
    if name and name_node:
        values.valid_name(name_node, "a service", name, tell)
    return Service(
        name=name or f"service-{number}",
        where=(name_node or node).where,
        targets=part.get("targets", values.several(_target, "a list of host:port"), ()),
        dns=_dns(part),
        files=part.get("files", values.several(_file, "a list of files"), ()),
        preset=part.take("preset", values.choice(PRESETS)),
        metrics_path=part.get("metrics_path", _path, "/metrics"),
        scheme=part.get("scheme", values.choice(("http", "https")), "http"),
        bearer_token_file=part.take("bearer_token_file", secret_file),
        interval=part.take("interval", values.lasting_seconds),
        timeout=part.take("timeout", values.lasting_seconds),
        probe=part.take("probe", values.url),
        team=part.take("team", values.text),
        labels=_labels(part),
        environment=part.take("environment", values.text),
        maintenance=part.get("maintenance", values.several(values.text, "a list of windows"), ()),
        thresholds=read_thresholds(part.node_of("thresholds"), f"'thresholds' of {owner}", thresholds, tell),
        slo=read_slo(part),
    )


def _target(node: Node, what: str, tell: Sink) -> str | None:
    return values.address(node, "target", tell)


def _dns(part: Section) -> AbstractMapping[str, Any]:
    node = part.node_of("dns")
    if node is None or (isinstance(node, Scalar) and node.empty):
        return {}
    dns = Section(node, f"'dns' of {part.owner}", STACK_KEYS["services[].dns"], part.tell)
    names = dns.need("names", values.several(values.text, "a list of host names"), "write names: [host.name]")
    found: dict[str, Any] = {
        "names": list(names or ()),
        "type": dns.take("type", values.choice(DNS_TYPES)),
        "port": dns.take("port", values.port),
        "refresh_interval": dns.take("refresh_interval", values.lasting),
    }
    kind = found["type"] or "SRV"
    if kind != "SRV" and dns.node_of("port") is None:
        hint = f"write port: beside type: {kind}, as only SRV records carry ports"
        part.tell(problems.missing_key(node.where, dns.owner, "port", hint))
    return {key: value for key, value in found.items() if value}


def _path(node: Node, what: str, tell: Sink) -> str | None:
    value = values.text(node, what, tell)
    if value is None:
        return None
    if "://" in value:
        tell(problems.invalid_path(node.where, what, value, "write the path alone, the address stands in targets"))
    elif not value.startswith("/"):
        tell(problems.invalid_path(node.where, what, value, f"begin it with a slash: /{value}"))
    elif any(character.isspace() or character in "#?" for character in value):
        tell(problems.invalid_path(node.where, what, value, "a path has no blanks, '?' or '#'"))
    else:
        return value
    return None


def _file(node: Node, what: str, tell: Sink) -> str | None:
    """A path below prometheus/ whose last part may hold `*`: Prometheus's own rule."""
    value = values.text(node, what, tell)
    if value is None:
        return None
    if value.startswith("/") or ".." in value.split("/"):
        tell(
            problems.invalid_path(node.where, what, value, "write it relative to prometheus/, as in targets/shop.json")
        )
    elif not _DISCOVERED.fullmatch(value) or "*" in value.rpartition("/")[0]:
        hint = "its name ends in .json, .yml or .yaml, and '*' may stand in the last part only"
        tell(problems.invalid_path(node.where, what, value, hint))
    else:
        return value
    return None


def _labels(part: Section) -> AbstractMapping[str, str]:
    found = {}
    for name, entry in entries(part.node_of("labels"), f"'labels' of {part.owner}", part.tell).items():
        valid = values.label_name(entry.key, part.tell, RESERVED_LABELS)
        value = values.text(entry.value, f"label '{name}'", part.tell)
        if valid and value is not None:
            found[name] = value
    return found
