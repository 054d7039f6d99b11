"""One test notification through a running Alertmanager, and what became of it. Which engine runs is the caller's.

Alertmanager counts what it sends by receiver (`receiver-name-in-metrics`), and tells a reason in its log alone.
"""

from __future__ import annotations

import json
import re
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stackgen.model.stack import INBOX
from stackgen.render.routes import TEST, TOLD

WITHIN = 25.0  # seconds; Alertmanager itself gives an attempt up after ten
STEP = 0.2  # seconds between two looks
LOOKS = 5  # at the log, for a reason
RESTLESS = 50  # looks at counts of which no two agreed, one right after the other
LASTS = 300  # seconds until Alertmanager forgets the test by itself
_SAMPLE = re.compile(r"alertmanager_(notification_requests(?:_failed)?|notifications_failed)_total\{([^}]*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ERROR = re.compile(r'err="((?:[^"\\]|\\.)*)"|err=(\S+)')


class TrialError(Exception):
    """The trial could not be made: Alertmanager does not answer, or knows no such receiver."""


@dataclass(frozen=True)
class Outcome:
    """What became of one. seconds: until it was known. attempts: of Alertmanager."""

    receiver: str
    accepted: bool
    words: str
    seconds: float
    attempts: int


@dataclass(frozen=True)
class Counts:
    """Attempts, failed attempts, and given up, since Alertmanager started."""

    attempts: int = 0
    failed: int = 0
    given_up: int = 0

    def since(self, before: Counts) -> Counts:
        return Counts(self.attempts - before.attempts, self.failed - before.failed, self.given_up - before.given_up)


@dataclass(frozen=True)
class _One:
    """A trial under way. mark: label that no other has. old: lines that the log had before."""

    receiver: str
    mark: str
    old: frozenset[str]


class Trials:
    """alertmanager, console: their addresses as URLs. log: the last lines of Alertmanager's log.

    password: of an account of the console, for the inbox.
    """

    def __init__(
        self, alertmanager: str, console: str, environment: str, log: Callable[[], Iterable[str]], password: str = ""
    ) -> None:
        self._alertmanager = alertmanager
        self._console = console
        self._environment = environment
        self._log = log
        self._password = password

    def known(self) -> list[str]:
        """Receivers of the running configuration. Raises TrialError."""
        return [one["name"] for one in self._ask("/api/v2/receivers")]

    def run(self, receiver: str, within: float = WITHIN) -> Outcome:
        """Sends one and waits for what becomes of it; it is ended in any case. Raises TrialError."""
        if receiver not in self.known():
            raise TrialError(
                f"the running Alertmanager does not know the receiver '{receiver}'; ./stack apply tells it"
            )
        before = self._counts(receiver)
        one = _One(receiver, secrets.token_hex(4), frozenset(self._log()))
        began = time.monotonic()
        alert = self._alert(one)
        self._ask("/api/v2/alerts", [alert])
        try:
            while True:
                waited = time.monotonic() - began
                counts = self._settled(receiver).since(before)
                found = self._arrived(one) if receiver == INBOX else self._judged(counts, one)
                if found is None and waited > within:
                    found = (False, self._nothing(one, within))
                if found:
                    return Outcome(receiver, *found, seconds=waited, attempts=counts.attempts)
                time.sleep(STEP)
        finally:
            self._ask("/api/v2/alerts", [{**alert, "endsAt": datetime.now(UTC).isoformat()}])

    def _judged(self, counts: Counts, one: _One) -> tuple[bool, str] | None:
        if counts.attempts > counts.failed:
            tries = f" at attempt {counts.attempts}" if counts.failed else ""
            return True, f"accepted{tries}"
        if counts.given_up:
            times = f"{counts.attempts} attempt{'s' if counts.attempts != 1 else ''}"
            return False, f"not accepted after {times}: {self._reason(one) or 'the log of Alertmanager says why'}"
        return None

    def _arrived(self, one: _One) -> tuple[bool, str] | None:
        """Whether the inbox holds it."""
        query = urllib.parse.urlencode({"alertname": TEST, "limit": 50})
        content = _read(f"{self._console}/api/v1/inbox?{query}", None, "the console", self._password)
        entries = json.loads(content)
        there = any(entry["labels"].get("trial") == one.mark for entry in entries)
        return (True, "arrived") if there else None

    def _nothing(self, one: _One, within: float) -> str:
        """Why nothing was heard."""
        for alert in self._ask("/api/v2/alerts"):
            if alert["labels"].get("trial") == one.mark and alert["status"]["silencedBy"]:
                return f"a silence holds it back: {', '.join(alert['status']['silencedBy'])}"
        return f"no answer within {within:.0f} s: {self._reason(one) or 'the log of Alertmanager says nothing yet'}"

    def _reason(self, one: _One) -> str:
        """The last error that the log has about this trial; it is written a moment after it is counted.

        Alertmanager 0.28 names the receiver there, 0.34 the group too.
        """
        for _ in range(LOOKS):
            for line in reversed(list(self._log())):
                found = _ERROR.search(line)
                if found and line not in one.old and (one.mark in line or f'"{one.receiver}/' in line):
                    return found[2] or _plain(found[1])
            time.sleep(STEP)
        return ""

    def _alert(self, one: _One) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "labels": {
                "alertname": TEST,
                TOLD: one.receiver,
                "trial": one.mark,
                "severity": "info",
                "service": "watchstack",
                "environment": self._environment,
            },
            "annotations": {
                "summary": "A test: nothing is wrong",
                "description": f"./stack notify-test sent this to {one.receiver}. It ends by itself.",
            },
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(seconds=LASTS)).isoformat(),
        }

    def _counts(self, receiver: str) -> Counts:
        totals = dict.fromkeys(("notification_requests", "notification_requests_failed", "notifications_failed"), 0)
        seen = False
        text = _read(f"{self._alertmanager}/metrics", None, "Alertmanager").decode()
        for name, labels, value in _SAMPLE.findall(text):
            if dict(_LABEL.findall(labels)).get("receiver_name") == receiver:
                totals[name] += int(float(value))
                seen = True
        if not seen:
            raise TrialError(f"Alertmanager does not count what it sends to '{receiver}': was it started by ./stack?")
        return Counts(*totals.values())

    def _settled(self, receiver: str) -> Counts:
        """An attempt is counted a moment before it is counted as failed: two looks that agree are not in between.

        Raises TrialError when none agree.
        """
        counts = self._counts(receiver)
        for _ in range(RESTLESS):
            if (again := self._counts(receiver)) == counts:
                return counts
            counts = again
        raise TrialError(
            f"Alertmanager sends so much to '{receiver}' that its counts never stand still, and what became of the "
            "test cannot be told from them; try again when less is sent"
        )

    def _ask(self, path: str, body: object = None) -> Any:
        return _json(self._alertmanager + path, body, "Alertmanager")


def _plain(quoted: str) -> str:
    """What stands between the quotes of a line of the log, on one line."""
    text = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1]), quoted)
    return " ".join(text.split())


def _json(url: str, body: object, whom: str) -> Any:
    return json.loads(_read(url, body, whom) or b"null")


def _read(url: str, body: object, whom: str, password: str = "") -> bytes:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {password}"} if password else {})
    request = urllib.request.Request(url, content, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise TrialError(f"{whom} answered {error.code}: {error.read(500).decode(errors='replace')}") from error
    except OSError as error:
        raise TrialError(f"{whom} does not answer at {url}: {error}") from error
