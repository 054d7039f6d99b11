"""Alertmanager's webhook body, version 4, turned into notices. Everything in it is distrusted; no HTTP, no storage."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from watchstack.console.inbox.entries import FIRING, RESOLVED, Notice

LARGEST_BODY = 8 << 20  # bytes; ten thousand alerts of 800 bytes
MOST_ALERTS = 10_000
MOST_PAIRS = 200
LONGEST_NAME = 1024
LONGEST_VALUE = 16 * 1024  # characters; what is longer is cut, as a long value must not cost the alert
LONGEST_TEXT = 64 * 1024  # characters of all labels, and of all annotations, of one alert
_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class PayloadError(ValueError):
    """The body is no webhook notification; the message names the place."""


def parse(body: bytes) -> list[Notice]:
    """The alerts of one notification. Raises PayloadError."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"the body is not JSON: {error}") from error
    document = _object(document, "the body")
    if document.get("version") != "4":
        raise PayloadError("version: must be the string 4, Alertmanager's webhook format")
    alerts = document.get("alerts")
    if not isinstance(alerts, list):
        raise PayloadError("alerts: must be a list")
    if len(alerts) > MOST_ALERTS:
        raise PayloadError(f"alerts: {len(alerts)} are more than {MOST_ALERTS}")
    shared = {
        "receiver": _text(document, "receiver", ""),
        "group_key": _text(document, "groupKey", ""),
        "alertmanager": _text(document, "externalURL", ""),
    }
    return [_notice(_object(alert, f"alerts[{n}]"), f"alerts[{n}].", shared) for n, alert in enumerate(alerts)]


def _notice(alert: dict[str, Any], where: str, shared: dict[str, str]) -> Notice:
    status = _text(alert, "status", where)
    if status not in (FIRING, RESOLVED):
        raise PayloadError(f"{where}status: must be firing or resolved")
    fingerprint = _text(alert, "fingerprint", where)
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise PayloadError(f"{where}fingerprint: must be hexadecimal")
    labels = _pairs(alert, "labels", where)
    if not labels.get("alertname"):
        raise PayloadError(f"{where}labels.alertname: is missing")
    return Notice(
        fingerprint=fingerprint,
        status=status,
        starts_at=_time(alert, "startsAt", where),
        ends_at=_time(alert, "endsAt", where) if status == RESOLVED else None,
        labels=labels,
        annotations=_pairs(alert, "annotations", where),
        source=_text(alert, "generatorURL", where),
        **shared,
    )


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PayloadError(f"{where}: must be an object")
    return value


def _text(document: Mapping[str, Any], key: str, where: str) -> str:
    value = document.get(key, "")
    if not isinstance(value, str):
        raise PayloadError(f"{where}{key}: must be a string")
    return _clean(value)


def _clean(value: str) -> str:
    """Without lone surrogates, which no file or page can hold, and of bounded length."""
    if len(value) > LONGEST_VALUE:
        value = value[: LONGEST_VALUE - 1] + "…"
    return value.encode("utf-8", "replace").decode()


def _pairs(alert: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    pairs = _object(alert.get(key) or {}, where + key)
    if len(pairs) > MOST_PAIRS:
        raise PayloadError(f"{where}{key}: {len(pairs)} are more than {MOST_PAIRS}")
    for name, value in pairs.items():
        if len(name) > LONGEST_NAME or not isinstance(value, str):
            raise PayloadError(f"{where}{key}: names must be short and values strings")
    kept, room = {}, LONGEST_TEXT
    for name, value in sorted(pairs.items()):
        text = _clean(value)
        kept[_clean(name)] = text if len(text) <= room else "…"
        room = max(0, room - len(name) - len(text))
    return kept


def _time(alert: Mapping[str, Any], key: str, where: str) -> float:
    """RFC 3339 to Unix seconds; fractions beyond microseconds are dropped."""
    match = _TIME.fullmatch(_text(alert, key, where))
    try:
        if match is None:
            raise ValueError("not RFC 3339")
        moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC).timestamp()
    except (ValueError, OverflowError) as error:
        raise PayloadError(f"{where}{key}: must be a time such as 2026-11-21T01:38:00Z") from error
    fraction = float(match[2]) if match[2] else 0.0
    return moment + math.floor(fraction * 1e6) / 1e6
