"""What fires or is about to, put together from Alertmanager, Prometheus and the inbox. No HTTP of its own, no HTML.

Alertmanager knows what is muted and by what, Prometheus what is pending; where one is down the others stand in, and
`troubles` says what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from watchstack.console.alerts.silences import API, Silence, silences_of
from watchstack.console.clock import iso
from watchstack.console.context import Console
from watchstack.console.inbox.entries import ESCALATED, FIRING, SEVERITIES, Entry
from watchstack.console.peers.ask import SHORT, Peer, PeerError, together, words_by_name
from watchstack.console.store import StoreError

PENDING, SILENCED, INHIBITED, MUTED, ACKNOWLEDGED = "pending", "silenced", "inhibited", "muted", "acknowledged"
STATES = (FIRING, PENDING, ACKNOWLEDGED, SILENCED, INHIBITED, MUTED)
WATCHDOG = "Watchdog"  # always fires; the strip above every page tells of it
MOST_FROM_INBOX = 1000
_LEFT = ("firing", "pending")


@dataclass(frozen=True)
class Active:
    """One alert instance. entry: what is known of it, id 0 where the inbox has none; state: one of STATES.

    silences: what silences it; inhibitors: names of the alerts that mute it; windows: time windows that do.
    escalated: the step that it has gone on to, "" for none.
    """

    entry: Entry
    state: str
    silences: tuple[Silence, ...] = ()
    inhibitors: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()
    escalated: str = ""

    @property
    def acknowledgement(self) -> Silence | None:
        """The silence that says who is on it, if one does."""
        return next((silence for silence in self.silences if silence.acknowledges), None)

    def as_json(self) -> dict[str, Any]:
        """Without what only an entry has: the inbox's API tells that."""
        entry, taken = self.entry, self.acknowledgement
        return {
            "fingerprint": entry.fingerprint,
            "alertname": entry.alertname,
            "severity": entry.severity,
            "state": self.state,
            "service": entry.labels.get("service", ""),
            "instance": entry.labels.get("instance", ""),
            "team": entry.labels.get("team", ""),
            "startsAt": iso(entry.starts_at),
            "labels": dict(entry.labels),
            "annotations": dict(entry.annotations),
            "acknowledged": taken and {"by": taken.who, "note": taken.note, "since": iso(taken.begins),
                                       "until": iso(taken.ends), "silence": taken.id},
            "silencedBy": [
                {"id": one.id, "by": one.who, "why": one.why, "until": iso(one.ends)} for one in self.silences
            ],
            "inhibitedBy": list(self.inhibitors),
            "mutedBy": list(self.windows),
            "escalated": self.escalated or None,
            "receivers": list(self.receivers),
            "entry": entry.id or None,
        }  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """All that is active, worst first. troubles: what could not be asked; source: who told of what fires."""

    alerts: tuple[Active, ...] = ()
    troubles: tuple[str, ...] = ()
    source: str = "alertmanager"
    by_fingerprint: Mapping[str, Active] = field(default_factory=dict)

    def count(self, severity: str, state: str = FIRING) -> int:
        return sum(one.entry.tier == severity and one.state == state for one in self.alerts)


def gather(own: Console) -> Standing:
    """Asks Alertmanager and Prometheus at once; takes no longer than the short timeout."""

    def ask(name: str, path: str, *query: tuple[str, str]) -> Any:
        return Peer.of(own, name, SHORT).get(path, query)

    told = together(
        {
            "alerts": lambda: ask("Alertmanager", API + "/alerts"),
            "silences": lambda: _silences(ask("Alertmanager", API + "/silences")),
            "prometheus": lambda: _rules_alerts(ask("Prometheus", "/api/v1/alerts")),
        }
    )
    kept = {entry.fingerprint: entry for entry in _kept(own)}
    silences = {silence.id: silence for silence in told["silences"].value or ()}
    troubles = dict.fromkeys(one.trouble for one in told.values() if one.trouble)
    from_prometheus: list[Active] = told["prometheus"].value or []
    pending = [one for one in from_prometheus if one.state == PENDING]
    found: list[Active] = []
    if not told["alerts"].trouble:
        source = "alertmanager"
        try:
            found = list(_active(told["alerts"].value, silences, kept))
        except PeerError as error:
            troubles[str(error)] = None
    elif not told["prometheus"].trouble:
        source, found = "prometheus", [one for one in from_prometheus if one.state == FIRING]
    else:
        source, found = "inbox", [Active(entry, FIRING) for entry in kept.values()]
    seen = sorted([*_joined(found), *pending], key=_rank)
    fingerprints = {one.entry.fingerprint: one for one in found}
    return Standing(tuple(seen), tuple(troubles), source, fingerprints)


def _active(told: Any, silences: Mapping[str, Silence], kept: Mapping[str, Entry]) -> Iterable[Active]:
    """Raises PeerError for what Alertmanager cannot have said."""
    try:
        names = {row["fingerprint"]: _name(row["labels"]) for row in told}
        for row in told:
            if row["labels"].get("alertname") != WATCHDOG:
                yield _one(row, names, silences, kept.get(row["fingerprint"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PeerError(f"Alertmanager told of an alert in an unknown way: {error!r}") from error


def _one(row: Any, names: Mapping[str, str], silences: Mapping[str, Silence], kept: Entry | None) -> Active:
    status = row["status"]
    by = tuple(silences[number] for number in status.get("silencedBy") or () if number in silences)
    inhibitors = tuple(dict.fromkeys(names.get(number, number) for number in status.get("inhibitedBy") or ()))
    windows = tuple(status.get("mutedBy") or ())
    if any(one.acknowledges for one in by):
        state = ACKNOWLEDGED
    elif status.get("silencedBy"):
        state = SILENCED
    else:
        state = INHIBITED if inhibitors else MUTED if windows else FIRING
    entry = Entry(
        fingerprint=row["fingerprint"],
        status=FIRING,
        starts_at=_unix(row["startsAt"]),
        ends_at=None,
        labels=words_by_name(row["labels"]),
        annotations=words_by_name(row["annotations"]),
        source=str(row.get("generatorURL") or ""),
        alertmanager=kept.alertmanager if kept else "",
        id=kept.id if kept else 0,
    )
    receivers = tuple(one["name"] for one in row.get("receivers") or ())
    return Active(entry, state, by, inhibitors, windows, receivers, entry.labels.get(ESCALATED, ""))


def _joined(found: Sequence[Active]) -> list[Active]:
    """Without those that only tell that another one has escalated: that one tells it."""
    steps: dict[frozenset[tuple[str, str]], str] = {}
    first = {_own_labels(one) for one in found if not one.escalated}
    for one in found:
        if one.escalated and _own_labels(one) in first:
            steps[_own_labels(one)] = max(one.escalated, steps.get(_own_labels(one), ""))
    kept = [one for one in found if not (one.escalated and _own_labels(one) in first)]
    return [one if one.escalated else replace(one, escalated=steps.get(_own_labels(one), "")) for one in kept]


def _own_labels(one: Active) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in one.entry.labels.items() if name != ESCALATED)


def _silences(told: Any) -> list[Silence]:
    return [silence for silence in silences_of(told) if silence.state == "active"]


def _rules_alerts(told: Any) -> list[Active]:
    """Raises PeerError for what Prometheus cannot have said."""
    try:
        return [
            Active(
                Entry(
                    fingerprint="",
                    status=row["state"],
                    starts_at=_unix(row["activeAt"]),
                    ends_at=None,
                    labels=words_by_name(row["labels"]),
                    annotations=words_by_name(row["annotations"]),
                ),
                row["state"],
                escalated=row["labels"].get(ESCALATED, ""),
            )
            for row in told["data"]["alerts"]
            if row["state"] in _LEFT and row["labels"].get("alertname") != WATCHDOG
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PeerError(f"Prometheus told of an alert in an unknown way: {error!r}") from error


def _kept(own: Console) -> list[Entry]:
    try:
        return own.inbox.firing(MOST_FROM_INBOX)
    except StoreError:  # the problem stands above every page
        return []


def _name(labels: Mapping[str, str]) -> str:
    where = labels.get("instance") or labels.get("service", "")
    return labels.get("alertname", "?") + (f" on {where}" if where else "")


def _rank(one: Active) -> tuple[bool, int, int, float]:
    """What somebody has to look at first: what tells people, the graver tier, the newer."""
    severity = one.entry.severity
    tier = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
    return one.state not in (FIRING, PENDING), tier, STATES.index(one.state), -one.entry.starts_at


def _unix(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
