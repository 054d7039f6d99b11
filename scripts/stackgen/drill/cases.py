"""From an alert and its tests to what the drill does with it: which series go in, what must come out, what ends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from stackgen.drill.clock import LOOKBACK, Clock
from stackgen.drill.errors import CannotDrillError
from stackgen.drill.expression import ABSENT, TAG, Rewritten, rewrite
from stackgen.drill.rendered import Alert, Catalogue, Rendered
from stackgen.drill.series import Key, Series, read
from stackgen.model import RuleTest
from stackgen.model.values import seconds
from stackgen.render.routes import ESCALATED

LIVE = 1800.0  # seconds of the test's time that pass live; what a longer test has before is written as blocks
LONGEST = 3600.0  # seconds of the test's time that the end of an alert is waited for
STAIRS = frozenset({"changes", "resets", "count_values"})  # count steps: their series are no straight lines
ENDS = "its series end"
ANSWERS = "the target answers again"


@dataclass(frozen=True)
class Recovery:
    """How an alert is made to end. name: in words. series: what is served then."""

    name: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Case:
    """One alert of the drill.

    tag: its value of the label TAG. rules: it and the recording rules that it reads, in order, as rendered.
    test: the firing case that is played. series: its series; targets: those of them that are a target's `up`.
    recoveries: tried one after the other. constant: it reads no series and never ends.
    All lengths are seconds of the test's time. lead: how much of the test lies in blocks before the drill begins.
    span: what it looks back. smooth: counters rise in straight lines.
    """

    tag: str
    alert: Alert
    rules: tuple[Rendered, ...]
    test: RuleTest
    series: tuple[Series, ...]
    targets: tuple[Series, ...]
    recoveries: tuple[Recovery, ...]
    changes: tuple[str, ...]
    at: float
    lead: float
    wait: float
    keep: float
    span: float
    shortest: float
    constant: bool
    absent: bool
    smooth: bool

    @cached_property
    def target_keys(self) -> frozenset[Key]:
        """Which series are a target's, and so on no page."""
        return frozenset(one.key for one in self.targets)

    @property
    def name(self) -> str:
        return self.alert.name

    @property
    def severity(self) -> str:
        return self.alert.rule.labels.get("severity", "")

    @property
    def fires(self) -> tuple[Mapping[str, str], ...]:
        return self.test.fires or ()

    def clock(self, began: float) -> Clock:
        """The clock of this case in a drill that began at a Unix time."""
        began = round(began, 3)
        return replace(Clock(), start=began - Clock().real(self.lead))

    def stays(self, one: Series) -> bool:
        """Whether a series' last value holds on: it does in promtool, for a while, when the test looks so soon."""
        return self.at <= one.end or (not self.absent and self.at <= one.end + LOOKBACK)

    def group(self, clock: Clock) -> dict[str, Any]:
        """The rule group that Prometheus gets."""
        options = {key: value for key, value in self.alert.rule.group.items() if key in ("limit", "query_offset")}
        if "query_offset" in options:
            options["query_offset"] = clock.shorten(options["query_offset"])
        return {"name": f"drill-{self.tag}", **options, "rules": [self._rule(rule, clock) for rule in self.rules]}

    def _rule(self, rule: Rendered, clock: Clock) -> dict[str, Any]:
        body: dict[str, Any] = {**rule.body, "expr": rewrite(str(rule.body["expr"]), clock, self.tag).text}
        for key in ("for", "keep_firing_for"):
            if key in body:
                body[key] = clock.shorten(body[key])
        labels = rule.labels
        if "record" in body:
            labels[TAG] = self.tag
        return {**body, "labels": labels} if labels else body


def case(alert: Alert, known: Catalogue, tag: str) -> Case:
    """What the drill does with an alert. Raises CannotDrillError with the reason when it can do nothing."""
    if alert.rule.type != "prometheus":
        raise CannotDrillError("Loki's ruler evaluates it, on log lines: the drill has series alone")
    if ESCALATED in alert.rule.labels:
        raise CannotDrillError("it tells of an alert again that nobody has taken up: that alert is drilled")
    test, series = _firing(alert, known)
    given = {one.name for one in series}
    rules = (*_recorded(str(alert.rule.body["expr"]), known, given), alert.rule)
    read_by = [rewrite(str(rule.body["expr"]), Clock(), tag) for rule in rules]
    own = read_by[-1]
    functions = set().union(*(one.functions for one in read_by))
    absent = bool(functions & ABSENT) or any("unless" in one.operators for one in read_by)
    wait, keep = (_length(alert.rule.body.get(key)) for key in ("for", "keep_firing_for"))
    at = seconds(test.at) or 0.0
    span = own.span + max((one.span for one in read_by[:-1]), default=0.0)
    return Case(
        tag=tag,
        alert=alert,
        rules=rules,
        test=test,
        series=series,
        targets=tuple(one for one in series if _is_target(one)),
        recoveries=tuple(_recoveries(alert, test, series, absent=absent)),
        changes=tuple(_changes(alert, read_by)),
        at=at,
        lead=_lead(at, wait, series),
        wait=wait,
        keep=keep,
        span=span,
        shortest=min(one.shortest for one in read_by),
        constant=not any(one.selects for one in read_by),
        absent=absent,
        smooth=not functions & STAIRS,
    )


def _length(text: object) -> float:
    return seconds(str(text)) or 0.0 if text is not None else 0.0


def _firing(alert: Alert, known: Catalogue) -> tuple[RuleTest, tuple[Series, ...]]:
    """The firing test that looks soonest, of those whose series can be served."""
    firing = sorted((test for test in alert.tests if test.fires), key=lambda test: seconds(test.at) or 0.0)
    service = alert.rule.labels.get("service", "")
    if not firing and service and any(other.tests for other in known.alerts if other.name == alert.name):
        raise CannotDrillError(f"it has numbers of {service} alone, and its tests those of all other services")
    if not firing:
        raise CannotDrillError("no firing test stands beside it: add one under `tests:`")
    reasons = []
    for test in firing:
        try:
            return test, read(test)
        except CannotDrillError as error:
            reasons.append(str(error))
    raise CannotDrillError(reasons[0])


def _recorded(expr: str, known: Catalogue, given: set[str], seen: frozenset[str] = frozenset()) -> list[Rendered]:
    """The recording rules that an expression reads and its test does not give, those that they read before them."""
    found: list[Rendered] = []
    for name in sorted(rewrite(expr, Clock(), None).names - given - seen):
        for rule in known.recorded.get(name, ()):
            found += [one for one in _recorded(str(rule.body["expr"]), known, given, seen | {name}) if one not in found]
            found.append(rule)
    return found


def _is_target(one: Series) -> bool:
    """Whether a series is the `up` of a target: a real one can be made to answer or not."""
    named = {"job", "instance"} <= one.labels.keys() and not any(name.startswith("__") for name in one.labels)
    return one.name == "up" and named and all(value in (0.0, 1.0) for value in one.values)


def _recoveries(alert: Alert, test: RuleTest, series: tuple[Series, ...], *, absent: bool) -> Iterator[Recovery]:
    """The quiet tests that tell of the same series, those that tell of nothing else first; then the end of it all.

    A quiet test says nothing of what comes after the moment that it looks at: what changes then is left out.
    One whose series stand, as it begins, as they stood when the alert fired comes late: it is quiet for
    another reason than that the fault is over, or becomes quiet in the end.
    """
    faulty = {one.key: one.value(seconds(test.at) or 0.0, stays=True) for one in series}
    ranked: list[tuple[int, Recovery]] = []
    for other in alert.tests:
        if other.fires or other.fires is None or other.series == test.series:
            continue
        try:
            quiet = tuple(one.until(seconds(other.at) or 0.0) for one in read(other))
        except CannotDrillError:
            continue
        keys = {one.key for one in quiet}
        rank = 0 if keys == faulty.keys() else 1 if keys > faulty.keys() else 2 if keys & faulty.keys() else 3
        shared = [one for one in quiet if one.key in faulty]
        if shared and all(one.value(0.0, stays=True) == faulty[one.key] for one in shared):
            rank += 4
        if absent or shared:
            ranked.append((rank, Recovery(f"“{other.name}”", quiet)))
    ranked.sort(key=lambda pair: pair[0])
    yield from (one for rank, one in ranked if rank < 4)
    yield Recovery(ANSWERS if series and all(map(_is_target, series)) else ENDS, ())
    yield from (one for rank, one in ranked if rank >= 4)


def _lead(at: float, wait: float, series: Iterable[Series]) -> float:
    """What of a long test comes as blocks: all up to where the rule's own waiting begins, and a little less."""
    if at <= LIVE:
        return 0.0
    step = max((one.step for one in series), default=60.0)
    return max((at - wait - 5 * 60.0) // step, 0) * step


def _changes(alert: Alert, read_by: Iterable[Rewritten]) -> Iterator[str]:
    for key in ("for", "keep_firing_for"):
        if _length(alert.rule.body.get(key)):
            yield f"{key} {alert.rule.body[key]}"
    yield from dict.fromkeys(change for one in read_by for change in one.changes)
