"""What the inbox holds: one entry for each alert instance and change of its status. No HTTP here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from watchstack.console.clock import Clock, iso
from watchstack.console.store import Store

FIRING, RESOLVED = "firing", "resolved"
SEVERITIES = ("critical", "error", "warning", "info")
ESCALATED = "escalated"  # the label of an alert that has gone on to other people, with the number of the step
FILTERED = ("alertname", "severity", "service", "instance", "team")
# Labels and annotations are kept as JSON, in which a quote or a backslash is written with one more: the text is looked
# for as it stands there.
_SEARCHED = ("alertname", "labels", "annotations")
_COLUMNS = (
    "fingerprint, status, starts_at, ends_at, received_at, repeated_at, alertname, severity, service, instance, team,"
    " receiver, group_key, source, alertmanager, labels, annotations"
)
_INSERT = f"INSERT INTO entry ({_COLUMNS}) VALUES ({', '.join('?' * (_COLUMNS.count(',') + 1))})"
_REPEAT = (
    "UPDATE entry SET times = times + 1, repeated_at = ?, starts_at = ?, ends_at = ?, annotations = ?, source = ?"
    " WHERE id = ?"
)
# Firing now: the last word about the instance is that it fires.
_OPEN = """status = 'firing' AND NOT EXISTS (
    SELECT 1 FROM entry later WHERE later.fingerprint = entry.fingerprint AND later.id > entry.id)"""


@dataclass(frozen=True)
class Notice:
    """One alert of a notification, validated. Times are Unix seconds; ends_at is None while it fires.

    source: generatorURL; alertmanager: externalURL of the Alertmanager that told it; both may be empty.
    """

    fingerprint: str
    status: str
    starts_at: float
    ends_at: float | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    receiver: str = ""
    group_key: str = ""
    source: str = ""
    alertmanager: str = ""


@dataclass(frozen=True)
class Entry(Notice):
    """A kept notice. received_at: when it first came; repeated_at, times: when it last came, and how often in all."""

    id: int = 0
    received_at: float = 0.0
    repeated_at: float = 0.0
    times: int = 1

    @property
    def alertname(self) -> str:
        return self.labels.get("alertname", "")

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    @property
    def tier(self) -> str:
        """The severity when it is one of the known ones, else "other": safe as a CSS class."""
        return self.severity if self.severity in SEVERITIES else "other"

    def as_json(self) -> dict[str, object]:
        named = {name: self.labels.get(name, "") for name in FILTERED}
        return {
            "id": self.id,
            "fingerprint": self.fingerprint,
            "status": self.status,
            **named,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": iso(self.starts_at),
            "endsAt": None if self.ends_at is None else iso(self.ends_at),
            "receivedAt": iso(self.received_at),
            "repeatedAt": iso(self.repeated_at),
            "times": self.times,
            "receiver": self.receiver,
            "groupKey": self.group_key,
            "generatorURL": self.source,
            "externalURL": self.alertmanager,
        }


class Inbox:
    """The entries in the store, bounded by count and age. Every method raises StoreError."""

    def __init__(self, store: Store, clock: Clock, *, entries: int, days: int) -> None:
        self._store = store
        self._clock = clock
        self._entries = entries
        self._seconds = days * 86400.0

    def add(self, notices: Sequence[Notice]) -> int:
        """Keeps all or none. Returns how many were new; a repeated one only counts up and takes the newer text."""
        now = self._clock.time()
        with self._store.write() as connection:
            new = sum(_keep(connection, notice, now) for notice in notices)
            if new:
                self._bound(connection)
        return int(new)

    def prune(self) -> int:
        """Drops what is too old or too much, never what fires unless that alone is too much. Returns how many."""
        with self._store.write() as connection:
            old = connection.execute(
                f"DELETE FROM entry WHERE received_at < ? AND repeated_at < ? AND NOT ({_OPEN})",
                (self._clock.time() - self._seconds,) * 2,
            ).rowcount
            return int(old) + self._bound(connection)

    def _bound(self, connection: sqlite3.Connection) -> int:
        surplus = connection.execute("SELECT count(*) FROM entry").fetchone()[0] - self._entries
        if surplus <= 0:
            return 0
        dropped = connection.execute(
            f"DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY ({_OPEN}), id LIMIT ?)", (surplus,)
        )
        return int(dropped.rowcount)

    def newest(self, *, limit: int, before: int | None = None, q: str = "", **chosen: str) -> list[Entry]:
        """Newest first. chosen: a status or a value of one of FILTERED; q: a text in labels or annotations (A = a).

        before: only entries with a smaller id.
        """
        wanted = [(f"{name} = ?", chosen.pop(name)) for name in ("status", *FILTERED) if chosen.get(name)]
        assert not any(chosen.values()), chosen
        conditions, values = ["1", *(condition for condition, _ in wanted)], [value for _, value in wanted]
        if q:
            q = json.dumps(q, ensure_ascii=False)[1:-1]
            text = "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            conditions.append("(" + " OR ".join(f"{name} LIKE ? ESCAPE '\\'" for name in _SEARCHED) + ")")
            values += [text] * len(_SEARCHED)
        if before:
            conditions.append("id < ?")
        where = " AND ".join(conditions)
        query = f"SELECT * FROM entry WHERE {where} ORDER BY id DESC LIMIT ?"
        return self._select(query, *values, *([before] if before else []), limit)

    def values(self, name: str, most: int = 100) -> list[str]:
        """What entries carry under one of FILTERED, sorted, without the empty one."""
        assert name in FILTERED
        with self._store.read() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT {name} FROM entry WHERE {name} != '' ORDER BY 1 LIMIT ?", (most,)
            )
            return [row[0] for row in rows]

    def firing(self, limit: int = 500) -> list[Entry]:
        """What fires now, worst first, then newest."""
        tiers = " ".join(f"WHEN '{name}' THEN {rank}" for rank, name in enumerate(SEVERITIES))
        order = f"CASE severity {tiers} ELSE {len(SEVERITIES)} END, starts_at DESC, id DESC"
        return self._select(f"SELECT * FROM entry WHERE {_OPEN} ORDER BY {order} LIMIT ?", limit)

    def firing_count(self) -> int:
        with self._store.read() as connection:
            return int(connection.execute(f"SELECT count(*) FROM entry WHERE {_OPEN}").fetchone()[0])

    def count(self) -> int:
        with self._store.read() as connection:
            return int(connection.execute("SELECT count(*) FROM entry").fetchone()[0])

    def holds(self, moment: float) -> bool:
        """Whether every entry since a moment (Unix seconds) is still here, as far as can be told."""
        with self._store.read() as connection:
            count, oldest, ever = connection.execute(
                "SELECT count(*), min(CASE status WHEN 'resolved' THEN received_at END),"
                " (SELECT seq FROM sqlite_sequence WHERE name = 'entry') FROM entry"
            ).fetchone()
        if count == (ever or 0) or (oldest is not None and oldest <= moment):
            return True  # none was dropped, or none of that time: what has ended is dropped in the order it came
        return bool(count < self._entries and moment >= self._clock.time() - self._seconds)

    def get(self, number: int) -> Entry | None:
        found = self._select("SELECT * FROM entry WHERE id = ?", number)
        return found[0] if found else None

    def of_instance(self, fingerprint: str, limit: int = 50) -> list[Entry]:
        """What is known of one alert instance, newest first."""
        return self._select("SELECT * FROM entry WHERE fingerprint = ? ORDER BY id DESC LIMIT ?", fingerprint, limit)

    def _select(self, query: str, *values: object) -> list[Entry]:
        with self._store.read() as connection:
            return [_entry(row) for row in connection.execute(query, values)]


def _keep(connection: sqlite3.Connection, notice: Notice, now: float) -> bool:
    """Whether the notice is new: another status than the last word about its instance, or another beginning.

    Alertmanager moves the beginning of a firing alert back when it merges the words of two senders. The same beginning
    comes again after "resolved" when only the way between Prometheus and Alertmanager was broken: that is new.
    """
    last = connection.execute(
        "SELECT id, status, starts_at FROM entry WHERE fingerprint = ? ORDER BY id DESC LIMIT 1", (notice.fingerprint,)
    ).fetchone()
    if last is not None and last["status"] == notice.status:
        earlier = notice.status == FIRING and notice.starts_at < last["starts_at"]
        if earlier or notice.starts_at == last["starts_at"]:
            text = json.dumps(dict(notice.annotations), ensure_ascii=False)
            values = (now, notice.starts_at, notice.ends_at, text, notice.source, last["id"])
            connection.execute(_REPEAT, values)
            return False
    connection.execute(_INSERT, _row(notice, now))
    return True


def _row(notice: Notice, now: float) -> tuple[object, ...]:
    labels = notice.labels
    named = [labels.get(name, "") for name in FILTERED]
    return (
        notice.fingerprint,
        notice.status,
        notice.starts_at,
        notice.ends_at,
        now,
        now,
        *named,
        notice.receiver,
        notice.group_key,
        notice.source,
        notice.alertmanager,
        json.dumps(dict(labels), ensure_ascii=False),
        json.dumps(dict(notice.annotations), ensure_ascii=False),
    )


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(
        id=row["id"],
        fingerprint=row["fingerprint"],
        status=row["status"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        received_at=row["received_at"],
        repeated_at=row["repeated_at"],
        times=row["times"],
        receiver=row["receiver"],
        group_key=row["group_key"],
        source=row["source"],
        alertmanager=row["alertmanager"],
        labels=json.loads(row["labels"]),
        annotations=json.loads(row["annotations"]),
    )
