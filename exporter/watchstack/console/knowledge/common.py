"""What the pages of knowledge share: many questions at once, the period that a page is about, words for durations.

What is asked and what it means stands with each page. A part that does not answer leaves a page standing: its values
are missing, and `troubles` says why.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from watchstack.console.clock import iso, span
from watchstack.console.context import Console
from watchstack.console.peers.ask import ODD, SHORT, TIMEOUT, Peer, PeerError, together
from watchstack.console.peers.series import Sample, instant

PERIODS: Mapping[str, float] = {
    "1h": 3600.0,
    "6h": 21600.0,
    "24h": 86400.0,
    "7d": 604800.0,
    "30d": 2592000.0,
}  # seconds
WIDEST = 92 * 86400.0  # seconds of a period given by its ends
NARROWEST = 60.0
LONGEST = 1000  # characters of a parameter
LATEST = 253402300799.0  # Unix seconds: the end of the year 9999, behind which no time can be written
_FRACTION = re.compile(r"(\.\d{6})\d+")  # Go writes nanoseconds
# A plus sign that nobody escaped arrives as a space.
_ZONE = re.compile(r"(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:\d\d)$")
_SECONDS = re.compile(r"\d{1,11}(\.\d{1,9})?")


# Whether a service answers. `up` of a probe is blackbox_exporter's own: what it finds of the service is probe_success.
_ANSWERS = ('up{service!="",job!="probe"}', 'probe_success{service!=""}')


class Wrong(ValueError):
    """A parameter that cannot be; the message is for the reader."""


@dataclass(frozen=True)
class Period:
    """From start to end, Unix seconds. key: one of PERIODS when it was chosen by name, else empty."""

    start: float
    end: float
    key: str = ""

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def promql(self) -> str:
        """The length as a range of PromQL."""
        return f"{max(1, round(self.seconds))}s"

    @property
    def patience(self) -> float:
        """Seconds that a question about it may take: weeks of samples are not read in a moment."""
        return SHORT if self.seconds <= PERIODS["24h"] else TIMEOUT

    @property
    def words(self) -> str:
        """As in "the last 24 h"."""
        return (self.key and f"{self.key[:-1]} {self.key[-1]}") or span(self.seconds)

    def as_json(self) -> dict[str, object]:
        return {"from": iso(self.start), "to": iso(self.end), "seconds": round(self.seconds, 3)}


def period(told: Mapping[str, str], now: float, usual: str = "24h") -> Period:
    """?period= one of PERIODS, or ?from= and ?to= as RFC 3339 or Unix seconds. Raises Wrong."""
    start, end = moment(told.get("from", ""), "from"), moment(told.get("to", ""), "to")
    key = told.get("period", "") or usual
    if key not in PERIODS:
        raise Wrong(f"The period is one of {', '.join(PERIODS)}.")
    if start is None and end is None:
        return Period(now - PERIODS[key], now, key)
    end = min(end or now, now)
    start = end - PERIODS[key] if start is None else start
    if end - start < NARROWEST:
        raise Wrong("The period must begin a minute before its end, and before now.")
    if end - start > WIDEST:
        raise Wrong("No more than 92 days at once.")
    return Period(start, end)


def moment(text: str, name: str) -> float | None:
    """RFC 3339 or Unix seconds as Unix seconds; None for nothing, and for the year 1 that Go writes. Raises Wrong."""
    if not text:
        return None
    if _SECONDS.fullmatch(text):
        found = float(text)
    else:
        try:
            read = datetime.fromisoformat(_ZONE.sub(r"\1+\2", _FRACTION.sub(r"\1", text)))
            found = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            raise Wrong(f"The {name} is no time like 2026-11-21T10:00:00Z: {text[:60]}") from None
    if found > LATEST:
        raise Wrong(f"The {name} is too far away: {text[:60]}")
    return found if found > 0 else None


def since(text: str) -> float | None:
    """A time in another part's answer as Unix seconds; None where there is none."""
    try:
        return moment(text if isinstance(text, str) else "", "time")
    except Wrong:
        return None


@dataclass
class Answers:
    """What questions gave, by name. troubles: why some gave nothing, each reason once."""

    found: dict[str, Any] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _sorted: dict[tuple[str, ...], dict[tuple[str, ...], float]] = field(default_factory=dict)

    def samples(self, name: str) -> list[Sample]:
        """The vector of an answered question, empty for one that failed."""
        return list(self.found.get(name) or ())

    def one(self, name: str) -> float | None:
        """The value of a question that gives one sample."""
        samples = self.samples(name)
        return samples[0].value if samples else None

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Values by those labels."""
        if (name, *labels) not in self._sorted:
            self._sorted[name, *labels] = {
                tuple(one.labels.get(label, "") for label in labels): one.value for one in self.samples(name)
            }
        return self._sorted[name, *labels]

    def knows(self, name: str) -> bool:
        """Whether the question was answered, be it with nothing."""
        return name in self.found


def ask(questions: Mapping[str, Callable[[], Any]]) -> Answers:
    """All at the same time. questions raise PeerError."""
    answers = Answers()
    for name, told in together(questions).items():
        if told.trouble:
            answers.troubles += [told.trouble] if told.trouble not in answers.troubles else []
        else:
            answers.found[name] = told.value
    return answers


def vectors(
    own: Console, queries: Mapping[str, str], at: float | None = None, timeout: float = SHORT
) -> dict[str, Callable[[], Any]]:
    """Instant queries as questions. One that Prometheus does not answer in time spares the others the wait.

    at: Unix seconds, None for now. timeout: seconds for each.
    """
    away = Away(own, "Prometheus", timeout)

    def put(query: str) -> Callable[[Peer], Any]:
        return lambda peer: instant(peer, query, at)

    return {name: away.question(put(query)) for name, query in queries.items()}


class Away:
    """Questions to one part, of which none is put any more once one found it away."""

    def __init__(self, own: Console, name: str, timeout: float = SHORT) -> None:
        self._own, self._name, self._timeout = own, name, timeout
        self._trouble = ""
        self._lock = threading.Lock()

    def question(self, put: Callable[[Peer], Any]) -> Callable[[], Any]:
        """put: asks the peer and reads its answer; raises PeerError, and whatever reading an odd answer raises."""

        def asked() -> Any:
            if self._trouble:
                raise PeerError(self._trouble)
            try:
                return put(Peer.of(self._own, self._name, self._timeout))
            except PeerError as error:
                with self._lock:
                    if not error.status and isinstance(error.__cause__, OSError):
                        self._trouble = self._trouble or str(error)
                raise PeerError(self._trouble or str(error), error.status) from error
            except ODD as error:
                raise PeerError(f"{self._name} answered in an unknown way") from error

        return asked


def answered(form: str) -> str:
    """PromQL over whether each target of a service answers, and what its probe finds. form: has {} for the series."""
    return " or ".join(form.format(series) for series in _ANSWERS)


def percent(part: float | None, whole: float | None) -> float | None:
    """None where there is no whole."""
    return None if part is None or not whole else 100 * part / whole


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Significant digits enough for a page; None for what is no number."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}") if abs(value) < 10**digits else round(value)


def unique(found: Iterable[str]) -> list[str]:
    """In order, each once."""
    return list(dict.fromkeys(found))


def seconds_words(value: float | None) -> str:
    """A duration as people read it, short ones too: "0.4 ms", "35 ms", "1.2 s", "5 min"."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.2g} ms" if value < 0.01 else f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else span(value)


def number_words(value: float | None) -> str:
    """A count: "950", "12.3 k", "4.1 M"."""
    if value is None:
        return "–"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            return f"{value / (size if unit != ' k' else 1e3):.1f}{unit}"
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def bytes_words(value: float | None) -> str:
    """Bytes in powers of 1024: "512 B", "3.4 MiB"."""
    if value is None:
        return "–"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or abs(value) >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def percent_words(value: float | None) -> str:
    """ "0.02 %", "4.5 %", "93 %"; as many digits as tell 99.95 from 100."""
    if value is None:
        return "–"
    if value in (0, 100):
        return f"{value:.0f} %"
    near = min(abs(value), abs(100 - value))
    found = f"{value:.{3 if near < 0.1 else 2 if near < 1 else 1}f}"
    return f"{found.rstrip('0').rstrip('.')} %"


def budget_words(left: float | None) -> str:
    """What is left of an error budget, in percent: "45 % left", "overspent by 20 %"."""
    if left is None:
        return "–"
    return f"{percent_words(left)} left" if left >= 0 else f"overspent by {percent_words(-left)}"


def breakable(text: str) -> Markup:
    """A name with underscores that may go on in the next line after each of them."""
    return Markup("_<wbr>").join(text.split("_"))


def coded(text: str) -> Markup:
    """Words of this console with `code` in them, as HTML."""
    pieces = [
        Markup("<code>{}</code>" if number % 2 else "{}").format(piece) for number, piece in enumerate(text.split("`"))
    ]
    return Markup("").join(pieces)


FILTERS: Mapping[str, Callable[..., str]] = {
    "seconds_words": seconds_words,
    "number_words": number_words,
    "bytes_words": bytes_words,
    "percent_words": percent_words,
    "budget_words": budget_words,
    "breakable": breakable,
    "coded": coded,
}
