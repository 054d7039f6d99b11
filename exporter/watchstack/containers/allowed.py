"""What the log collector may ask of the Docker API, and what of the answers it gets: pure functions, no network.

Promtail's `docker_sd_configs` and its Docker target ask for exactly: HEAD or GET /_ping (version negotiation),
/containers/json, /networks, /containers/{id}/json and /containers/{id}/logs, the last four under /v1.NN. Of an
inspected container it reads Config.Tty; of lists what becomes a label. Answers are cut down to that, as environment
variables and command lines hold secrets. Networks become no label, so Docker is not asked about them: an engine that is
asked while containers come and go loses count of what is attached to a network, and cannot remove it (moby#42119).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode

_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}"
_PATH = re.compile(
    rf"(?P<version>/v1\.[0-9]{{1,3}})?(?:(?P<ping>/_ping)|(?P<about>/version)|(?P<list>/containers/json)"
    rf"|(?P<networks>/networks)|/containers/{_ID}(?:(?P<inspect>/json)|(?P<logs>/logs)))"
)
_SWITCH, _MOMENT = re.compile(r"0|1|true|false|"), re.compile(r"[0-9]{0,19}(\.[0-9]{1,9})?")
_QUERY: Mapping[str, Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        "ping": {},
        "about": {},
        "list": {"all": _SWITCH, "limit": re.compile(r"[0-9]{1,6}"), "filters": re.compile(r"(?s).{0,4096}")},
        "networks": {"filters": re.compile(r"(?s).{0,4096}")},
        "inspect": {},
        "logs": {
            **dict.fromkeys(("follow", "stdout", "stderr", "timestamps"), _SWITCH),
            **dict.fromkeys(("since", "until"), _MOMENT),
            "tail": re.compile(r"all|[0-9]{0,9}"),
        },
    }
)


@dataclass(frozen=True)
class Question:
    """A request that is let through. kind: a key of the table above; target: path and query as Docker gets them."""

    kind: str
    target: str


def question(method: str, target: str) -> Question | None:
    """The request as it may be passed on, None for one that may not. Nothing encoded reaches Docker's path."""
    path, _, query = target.partition("?")
    match = _PATH.fullmatch(path)
    if match is None or len(target) > 8192:
        return None
    kind = next(name for name in _QUERY if match[name] is not None)
    if method != "GET" and not (method == "HEAD" and kind == "ping"):
        return None
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
    except ValueError:
        return None
    allowed = _QUERY[kind]
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or not all(name in allowed and allowed[name].fullmatch(v) for name, v in pairs):
        return None
    return Question(kind, f"{path}?{urlencode(pairs)}" if pairs else path)


def given(kind: str) -> bytes | None:
    """The answer to what Docker is not asked, None for what it is."""
    return b"[]" if kind == "networks" else None


def answer(kind: str, body: bytes) -> bytes:
    """Docker's answer cut down to what is needed. Raises ValueError when it is not what Docker says."""
    cut = _CUTS.get(kind)
    if cut is None:
        return body
    return json.dumps(cut(json.loads(body)), separators=(",", ":")).encode()


def _pick(document: Any, *names: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return {name: document[name] for name in names if name in document}


def _rows(cut: Callable[[Any], dict[str, Any]]) -> Callable[[Any], list[dict[str, Any]]]:
    def each(document: Any) -> list[dict[str, Any]]:
        if not isinstance(document, list):
            raise ValueError("not a list")
        return [cut(row) for row in document]

    return each


def _listed(row: Any) -> dict[str, Any]:
    kept = _pick(row, "Id", "Names", "Image", "Created", "Ports", "Labels", "State", "Status")
    networks = (_inner(row, "NetworkSettings").get("Networks")) or {}
    kept["HostConfig"] = _pick(_inner(row, "HostConfig"), "NetworkMode")
    kept["NetworkSettings"] = {
        "Networks": {
            name: None if network is None else _pick(network, "NetworkID", "IPAddress", "GlobalIPv6Address")
            for name, network in networks.items()
        }
    }
    return kept


def _inspected(document: Any) -> dict[str, Any]:
    kept = _pick(document, "Id", "Name", "Created", "RestartCount", "Driver", "Platform")
    kept["State"] = _pick(
        _inner(document, "State"), "Status", "Running", "Paused", "Restarting", "StartedAt", "FinishedAt"
    )
    kept["Config"] = _pick(_inner(document, "Config"), "Hostname", "Image", "Tty", "Labels")
    return kept


def _inner(document: Any, name: str) -> dict[str, Any]:
    value = document.get(name) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


_CUTS: Mapping[str, Callable[[Any], Any]] = MappingProxyType({"list": _rows(_listed), "inspect": _inspected})
