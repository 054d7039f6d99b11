"""The audit log: who did what, when and from where. Kept in the console's store, and one JSON line of the log each.

A password, a token or a body is never in it: what is noted is named by whoever notes it, shortened and made harmless.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from flask import g, has_request_context, request

from watchstack.console.access.limits import Buckets
from watchstack.console.clock import Clock, iso
from watchstack.console.store import Store, StoreError

MOST = 20_000  # notes kept; no more than half of them are refusals, however long a flood of those lasts
DAYS = 365
LONGEST = 300  # characters of one value
MOST_FACTS = 20
NOBODY = "-"
SELF = "console"
REFUSALS = (1.0, 200)  # refusals a second that are noted, and at once; the next note says how many were left out
LOGIN, FAILED, LOGOUT, REFUSED, READ = "login", "login.failed", "logout", "refused", "read"
_log = logging.getLogger("watchstack.console.audit")


@dataclass(frozen=True)
class Note:
    """at: Unix seconds. user: NOBODY before a sign-in, SELF outside of a request. facts: what else is known."""

    id: int
    at: float
    user: str
    action: str
    target: str
    address: str
    facts: Mapping[str, str]

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "at": iso(self.at),
            "user": self.user,
            "action": self.action,
            "target": self.target,
            "address": self.address,
            "facts": dict(self.facts),
        }


class Audit:
    """A store that cannot be written costs the row, never the request; the line of the log is written all the same."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._refusals = Buckets(clock, *REFUSALS)
        self._left_out = 0

    def note(self, action: str, target: str = "", **facts: object) -> None:
        """What somebody did, as a verb such as "silence.create", to what. Who and from where is known from the request.

        facts: short plain values; never a secret.
        """
        user, address = SELF, ""
        if has_request_context():
            who = g.get("user")
            user, address = (who.name if who else NOBODY), request.remote_addr or ""
            g.noted = True
        self._write(user, action, target, address, facts)

    def refuse(self, action: str, target: str, user: str, **facts: object) -> None:
        """A refusal, or a failed sign-in: a flood of them neither fills the log nor pushes out what matters."""
        if self._refusals.take(action):
            self._left_out += 1
            return
        if self._left_out:
            facts["left_out"], self._left_out = self._left_out, 0
        self._write(user, action, target, request.remote_addr or "", facts)

    def newest(self, *, limit: int, user: str = "", action: str = "", before: int | None = None) -> list[Note]:
        """Newest first. action: this one and those below it ("silence" finds "silence.create"). Raises StoreError."""
        conditions, values = ["1"], []
        for condition, value in (("user = ?", user), ("id < ?", before)):
            if value:
                conditions.append(condition)
                values.append(value)
        if action:
            conditions.append("(action = ? OR substr(action, 1, ?) = ?)")
            values += [action, len(action) + 1, action + "."]
        where = " AND ".join(conditions)
        with self._store.read() as connection:
            query = f"SELECT * FROM audit WHERE {where} ORDER BY id DESC LIMIT ?"
            return [_note(row) for row in connection.execute(query, (*values, limit))]

    def actions(self) -> list[str]:
        """Every action that stands in the log, for the filter. Raises StoreError."""
        with self._store.read() as connection:
            return [str(row[0]) for row in connection.execute("SELECT DISTINCT action FROM audit ORDER BY action")]

    def prune(self) -> None:
        """Bounds the log by age; by number each note does it. Raises StoreError."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM audit WHERE at < ?", (self._clock.time() - DAYS * 86400.0,))

    def _write(self, user: str, action: str, target: str, address: str, facts: Mapping[str, object]) -> None:
        now = self._clock.time()
        said = {harmless(key): harmless(str(value)) for key, value in list(facts.items())[:MOST_FACTS]}
        row = (now, harmless(user), harmless(action), harmless(target), harmless(address), json.dumps(said))
        fields = {"user": row[1], "action": row[2], "target": row[3], "address": row[4], "facts": said}
        _log.info("%s %s %s", row[1], row[2], row[3], extra={"fields": fields})
        try:
            with self._store.write() as connection:
                connection.execute(
                    "INSERT INTO audit (at, user, action, target, address, facts) VALUES (?, ?, ?, ?, ?, ?)", row
                )
                _bound(connection)
        except StoreError:  # told by the store
            return


def _bound(connection: sqlite3.Connection) -> None:
    """Lets the oldest go: refusals beyond their half, then whatever is too much."""
    for which, most in ((f"action IN ('{FAILED}', '{REFUSED}')", MOST // 2), ("1", MOST)):
        first = f"SELECT id FROM audit WHERE {which} ORDER BY id DESC LIMIT 1 OFFSET ?"
        connection.execute(f"DELETE FROM audit WHERE {which} AND id <= ({first})", (most,))


def harmless(text: str) -> str:
    """One short line of characters that can be seen: nothing that begins a new line or turns a terminal's colour."""
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in cut)


def _note(row: sqlite3.Row) -> Note:
    return Note(
        id=row["id"],
        at=row["at"],
        user=row["user"],
        action=row["action"],
        target=row["target"],
        address=row["address"],
        facts=json.loads(row["facts"]),
    )
