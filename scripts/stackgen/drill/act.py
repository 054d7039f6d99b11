"""How far each alert of a drill is: fault, recovery after recovery, and in the end what has come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stackgen.drill.cases import LONGEST, Case
from stackgen.drill.clock import FACTOR, Clock
from stackgen.drill.ears import Message
from stackgen.drill.outcome import Outcome, State
from stackgen.drill.programs import Pace
from stackgen.drill.receivers import Wired
from stackgen.drill.stage import Stage
from stackgen.drill.watch import Watch

MACHINE = 2.0  # seconds that design and table allow the machine
PATIENCE = 10.0  # seconds past the expected ones after which an alert will not come any more
SHORT = 600.0  # seconds of the test's time for an alert that looks back longer than is waited for: it may end sooner
OVERRIDDEN = "stack.yml overrides its threshold, and its firing test is written for another one"


@dataclass(frozen=True)
class Scene:
    """What all acts have in common. began: Unix time. log: Alertmanager's."""

    stage: Stage
    wired: Wired
    pace: Pace
    began: float
    log: Path

    def expected(self, one: Case) -> float:
        """Real seconds from the first evaluation that sees the fault to the notification."""
        clock = Clock()
        several = self.wired.group_interval if len(one.fires) > 1 else 0.0
        waits = self.pace.scrape + self.pace.evaluation + self.wired.group_wait + several
        return clock.real(one.wait) + waits + MACHINE


class Act:
    """How far one case is. until: Unix time at which the present act has failed."""

    def __init__(self, one: Case, watch: Watch, scene: Scene) -> None:
        self.case, self.watch, self.scene = one, watch, scene
        self.fired: float | None = None
        self.resolved: float | None = None
        self.recovery, self.turned = "", 0.0
        self.over = False
        self.left = list(one.recoveries)
        live = Clock().real(one.at - one.lead)
        self.until = scene.began + live + scene.pace.late + scene.expected(one) + PATIENCE

    def step(self, now: float) -> None:
        """The next act, when the present one has come to its end."""
        if self.over:
            return
        if self.fired is None:
            self.fired = self.watch.arrived("firing")
            if self.fired is not None and not self.case.constant:
                self._turn(now)
            else:
                self.over = self.fired is not None or now > self.until
            return
        self.resolved = self.watch.arrived("resolved")
        if self.resolved is not None:
            self.over = True
        elif now > self.until:
            self._turn(now)

    def _turn(self, now: float) -> None:
        if not self.left:
            self.over = True
            return
        act = self.left.pop(0)
        self.recovery, self.turned = act.name, self.turned or now
        self.scene.stage.turn(self.case.tag, act)
        span = (self.case.span if self.case.span <= LONGEST else SHORT) + self.case.keep
        pace = self.scene.pace
        waits = pace.late + pace.scrape + pace.evaluation + 2 * self.scene.wired.group_interval
        self.until = now + span / FACTOR + waits + MACHINE + (0.0 if self.left else PATIENCE)

    def uncarried(self, messages: Sequence[Message]) -> list[str]:
        """What is wrong with the messages of what has arrived; the slowest of them may be on their way."""
        if self.fired is None:
            return []
        ears = self.scene.wired.ears.values()
        return self.watch.carried(messages, ears, resolved=self.resolved is not None)

    def outcome(self, messages: Sequence[Message]) -> Outcome:
        """What has come of it."""
        one, watch = self.case, self.watch
        found = Outcome(
            one.name,
            one.severity,
            test=one.test.name,
            receivers=watch.where(),
            expected=round(self.scene.expected(one), 1),
            changes=one.changes,
            backfilled=bool(one.lead),
        )
        if self.fired is None and self._overridden() and not watch.seen:
            found.state, found.problems = State.NOT_DRILLED, [OVERRIDDEN]
            return found
        if self.fired is None:
            found.problems = watch.absent("firing") + self._refusals()
            return found
        found.seconds = round(max(self.fired - (watch.began() or self.fired), 0.0), 1)
        found.problems = watch.strayed() + watch.worded() + self.uncarried(messages)
        if found.problems:
            found.problems += self._refusals()
            return found
        if self.resolved is not None:
            found.resolved, found.recovery = round(max(self.resolved - self.turned, 0.0), 1), self.recovery
            found.state = State.DRILLED
        elif one.constant:
            found.state, found.problems = State.FIRING_ONLY, ["it reads no series and never ends"]
        elif one.span > LONGEST:
            found.state = State.FIRING_ONLY
            found.problems = ["it looks back too far to see it end in a few minutes"]
        else:
            found.problems = ["it did not end: " + "; ".join(watch.absent("resolved"))]
        return found

    def _overridden(self) -> bool:
        override = self.watch.stack.overrides.get(self.case.name)
        return override is not None and override.threshold is not None

    def _refusals(self) -> list[str]:
        """What Alertmanager says against notifications to the receivers concerned."""
        log = self.scene.log.read_text(errors="replace")
        names = {receiver for one in self.watch.wanted() for receiver in self.watch.receivers(one)}
        lines = [line for line in log.splitlines() if "err=" in line and any(f"{name}/" in line for name in names)]
        return [f"Alertmanager: {line.partition('err=')[2][:300]}" for line in lines[:1]]
