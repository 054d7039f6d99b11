"""What fired and when it ended, from the inbox's store: which knows the past also while other parts are down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watchstack.console.clock import iso
from watchstack.console.inbox.entries import ESCALATED, FIRING, RESOLVED, SEVERITIES
from watchstack.console.store import Store

NOISE = ("Watchdog", "NotificationTest")  # are no trouble of the stack
# A firing entry and what came after it of the same instance; of a repeated beginning only the last one counts. An
# escalation is no alert of its own.
_PAIRED = f"""
    SELECT id, fingerprint, status, alertname, severity, service, instance, team, starts_at, ends_at, received_at,
        labels, annotations,
        LEAD(id) OVER instances AS next_id, LEAD(status) OVER instances AS next_status,
        LEAD(starts_at) OVER instances AS next_start, LEAD(ends_at) OVER instances AS next_end,
        LEAD(received_at) OVER instances AS next_received, LAG(status) OVER instances AS before
    FROM entry
    WHERE alertname NOT IN ({", ".join("?" * len(NOISE))}) AND json_extract(labels, '$.{ESCALATED}') IS NULL
    WINDOW instances AS (PARTITION BY fingerprint ORDER BY id)
"""
_EPISODES = f"SELECT * FROM ({_PAIRED}) WHERE (status = '{FIRING}' OR before IS NULL OR before = '{RESOLVED}')"


@dataclass(frozen=True)
class Episode:
    """One alert from its beginning to its end. Times are Unix seconds; ended is None while it fires.

    id: the entry of the inbox that told of it first.
    """

    id: int
    fingerprint: str
    alertname: str
    severity: str
    service: str
    instance: str
    team: str
    began: float
    ended: float | None
    summary: str = ""

    @property
    def tier(self) -> str:
        return self.severity if self.severity in SEVERITIES else "other"

    @property
    def status(self) -> str:
        return FIRING if self.ended is None else RESOLVED

    @property
    def labels(self) -> Mapping[str, str]:
        """What pages show of it."""
        return {"service": self.service, "instance": self.instance, "team": self.team}

    def lasted(self, now: float) -> float:
        """Seconds, until now while it fires."""
        return max(0.0, (now if self.ended is None else self.ended) - self.began)

    def as_json(self, now: float) -> dict[str, Any]:
        named = ("id", "fingerprint", "alertname", "severity", "service", "instance", "team", "summary", "status")
        return {name: getattr(self, name) for name in named} | {
            "startsAt": iso(self.began),
            "endsAt": None if self.ended is None else iso(self.ended),
            "durationSeconds": round(self.lasted(now), 3),
        }


def newest(store: Store, limit: int, before: int | None = None, **chosen: str) -> list[Episode]:
    """Newest first. chosen: severity, team, service or alertname that they must have. Raises StoreError."""
    named = [(name, chosen[name]) for name in ("severity", "team", "service", "alertname") if chosen.get(name)]
    where = "".join(f" AND {name} = ?" for name, _ in named) + (" AND id < ?" if before else "")
    values = [*(value for _, value in named), *([before] if before else []), limit]
    with store.read() as connection:
        rows = connection.execute(f"{_EPISODES}{where} ORDER BY id DESC LIMIT ?", (*NOISE, *values)).fetchall()
    return [_episode(row) for row in rows]


def since(store: Store, moment: float, limit: int) -> list[Episode]:
    """Oldest first, those that began or ended after a moment (Unix seconds), without their words. Raises StoreError."""
    late = f"{_EPISODES} AND (starts_at >= ? OR coalesce(next_end, ends_at, received_at) >= ? OR next_id IS NULL)"
    with store.read() as connection:
        rows = connection.execute(f"{late} ORDER BY id DESC LIMIT ?", (*NOISE, moment, moment, limit)).fetchall()
    found = [_episode(row, words=False) for row in reversed(rows)]
    return [one for one in found if one.ended is None or one.ended >= moment]


def _episode(row: Any, *, words: bool = True) -> Episode:
    notes = json.loads(row["annotations"]) if words else {}
    return Episode(
        id=row["id"],
        fingerprint=row["fingerprint"],
        alertname=row["alertname"],
        severity=row["severity"],
        service=row["service"],
        instance=row["instance"],
        team=row["team"],
        began=row["starts_at"],
        ended=_ended(row),
        summary=notes.get("summary") or notes.get("description", ""),
    )


def _ended(row: Any) -> float | None:
    """An alert that fires anew without a word of its end had ended by then."""
    if row["status"] == RESOLVED:
        return float(row["ends_at"] or row["received_at"])
    if row["next_id"] is None:
        return None
    told = row["next_end"] or row["next_received"] if row["next_status"] == RESOLVED else row["next_start"]
    return max(float(told), float(row["starts_at"]))
