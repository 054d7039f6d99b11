"""One alert on its way: what Prometheus says of it, where it arrived, and whether that is right.

Nothing is started or served here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stackgen.drill.cases import Case
from stackgen.drill.ears import Message
from stackgen.drill.messages import Print, alerts, fingerprint, words
from stackgen.drill.receivers import TWIN, Ear, expected
from stackgen.drill.wording import BROKEN, faults, plain
from stackgen.model.stack import Stack

SHOWN = 40  # characters of a summary that a message must carry: receivers have limits of length
CLOSING = frozenset({"opsgenie_configs", "pagerduty_configs"})  # an end is told by the alert's key alone


@dataclass(frozen=True)
class Active:
    """An alert as Prometheus tells it. labels: as Alertmanager gets them. since: Unix time of the first sight."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    firing: bool
    since: float

    @property
    def print(self) -> Print:
        return fingerprint(self.labels)


@dataclass(frozen=True)
class News:
    """The first that a receiver was told of an alert's status. annotations: as they went out."""

    moment: float
    annotations: Mapping[str, str]


@dataclass
class Watch:
    """One case. seen: its alerts by their labels. told: (alert, status) to receiver to the first news of it."""

    case: Case
    stack: Stack
    external: Mapping[str, str]
    seen: dict[Print, Active] = field(default_factory=dict)
    told: dict[tuple[Print, str], dict[str, News]] = field(default_factory=dict)
    error: str = ""

    def looked(self, rule: Mapping[str, Any]) -> None:
        """What /api/v1/rules says of the rule."""
        self.error = str(rule.get("lastError") or "")
        for one in rule.get("alerts") or ():
            labels = {**self.external, **one["labels"]}
            active = Active(labels, one["annotations"], one["state"] == "firing", _unix(one["activeAt"]))
            before = self.seen.get(active.print)
            if before is None or not before.firing:  # what comes after its end is no part of the drill
                self.seen[active.print] = active

    def heard(self, alert: Print, status: str, receiver: str, news: News) -> None:
        """What a receiver was told."""
        if dict(alert).get("alertname") == self.case.name:
            self.told.setdefault((alert, status), {}).setdefault(receiver, news)

    def wanted(self) -> list[Active]:
        """The alerts that the test expects, of those that fire."""
        firing = [one for one in self.seen.values() if one.firing]
        return [one for one in firing if any(labels.items() <= one.labels.items() for labels in self.case.fires)]

    def lacking(self) -> list[Mapping[str, str]]:
        """What the test expects and does not fire."""
        firing = [one for one in self.seen.values() if one.firing]
        return [labels for labels in self.case.fires if not any(labels.items() <= one.labels.items() for one in firing)]

    def receivers(self, one: Active) -> frozenset[str]:
        """Where an alert should arrive, by the labels that it should have."""
        teams = {series.labels["team"] for series in self.case.series if "team" in series.labels}
        meant = dict(one.labels)
        own = self.case.alert.rule.labels
        if "team" not in own and len(teams) == 1:
            meant["team"] = next(iter(teams))
        if "severity" in own and "{{" not in own["severity"]:
            meant["severity"] = own["severity"]
        return expected(self.stack, self.case.name, meant)

    def arrived(self, status: str) -> float | None:
        """When the last of the expected receivers was told of the last expected alert, None when one was not."""
        wanted = self.wanted()
        if not wanted or self.lacking():
            return None
        moments = []
        for one in wanted:
            told = self.told.get((one.print, status), {})
            for receiver in self.receivers(one):
                if receiver not in told:
                    return None
                moments.append(told[receiver].moment)
        return max(moments, default=None)

    def began(self) -> float | None:
        """When the evaluation of the rule first saw the fault, for the last of the expected alerts."""
        return max((one.since for one in self.wanted()), default=None)

    def where(self) -> tuple[str, ...]:
        """Receivers that it arrived at."""
        return tuple(
            dict.fromkeys(
                receiver for one in self.wanted() for receiver in sorted(self.told.get((one.print, "firing"), ()))
            )
        )

    def absent(self, status: str) -> list[str]:
        """Why it has not arrived, in words."""
        if self.error:
            return [f"the rule cannot be evaluated: {self.error}"]
        if not self.seen:
            return [f"it did not fire: the series of its test “{self.case.test.name}” do not make the expression true"]
        lacking = self.lacking()
        if lacking and not any(one.firing for one in self.seen.values()):
            return ["it stayed pending: `for` was not over when its test says that it fires"]
        found = [f"no alert with {json.dumps(dict(labels))} fired, only {self._others()}" for labels in lacking]
        for one in self.wanted():
            told = self.told.get((one.print, status), {})
            missing = sorted(self.receivers(one) - told.keys())
            if missing:
                where = f"it reached {', '.join(sorted(told))}" if told else "it reached nobody"
                word = "resolved, " if status == "resolved" else ""
                found.append(f"{word}it did not reach {', '.join(missing)}: {where}")
        return found

    def _others(self) -> str:
        return "; ".join(json.dumps(dict(sorted(one.labels.items()))) for one in self.seen.values() if one.firing)

    def strayed(self) -> list[str]:
        """Receivers that should not have been told."""
        found = []
        for one in self.wanted():
            others = self.told.get((one.print, "firing"), {}).keys() - self.receivers(one)
            if others:
                found.append(f"it reached {', '.join(sorted(others))} too, which nobody asked for")
        return list(dict.fromkeys(found))

    def worded(self) -> list[str]:
        """What is wrong with the texts as Prometheus rendered them."""
        body, found = self.case.alert.rule.body, []
        for one in self.wanted():
            for name, template in (body.get("annotations") or {}).items():
                found += faults(name, one.annotations.get(name), str(template), one.labels)
            for name, template in self.case.alert.rule.labels.items():
                found += faults(f"label {name}", one.labels.get(name), template, one.labels)
        return list(dict.fromkeys(found))

    def carried(self, messages: Iterable[Message], ears: Iterable[Ear], *, resolved: bool) -> list[str]:
        """What is wrong with the messages of each integration that should have told of it."""
        every, found = list(messages), []
        statuses = ("firing", "resolved") if resolved else ("firing",)
        for one in self.wanted():
            for ear in ears:
                if ear.kind == TWIN or ear.receiver not in self.receivers(one):
                    continue
                mine = [message for message in every if message.ear == ear]
                for status in statuses:
                    if status == "resolved" and not ear.resolved:
                        continue
                    found += self._message(one, ear, status, mine)
        return list(dict.fromkeys(found))

    def _message(self, one: Active, ear: Ear, status: str, mine: list[Message]) -> list[str]:
        told = self.told.get((one.print, status), {}).get(ear.receiver)
        if told is None:
            return []
        kind = ear.kind.removesuffix("_configs")
        after = [message for message in mine if message.moment >= told.moment - 1.0]
        if ear.kind == "webhook_configs":
            fine = any(heard[:2] == (one.print, status) for message in after for heard in alerts(message))
            return [] if fine else [f"{ear.receiver} got no {status} {kind} for it"]
        if status == "resolved" and ear.kind in CLOSING:
            return [] if after else [f"{ear.receiver} got no {status} {kind} for it"]
        summary = plain(told.annotations.get("summary") or self.case.name)[:SHOWN]
        texts = [text for text in map(words, after) if summary in text]
        if not texts:
            return [f"{ear.receiver} got no {status} {kind} message with {summary!r} in it"]
        return [f"the {kind} message to {ear.receiver} has {mark!r} in it" for mark in BROKEN if mark in texts[0]]


def _unix(moment: str) -> float:
    """Go writes up to nine digits of a second."""
    head, dot, rest = moment.partition(".")
    digits = rest.rstrip("Z")[:6] if dot else ""
    return datetime.fromisoformat(f"{head.rstrip('Z')}{'.' if digits else ''}{digits}+00:00").timestamp()
