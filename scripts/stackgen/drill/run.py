"""A drill from beginning to end: the servers and programs are started, the alerts watched, everything is taken away."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackgen.drill import history
from stackgen.drill.act import Act, Scene
from stackgen.drill.cases import Case, case
from stackgen.drill.clock import Clock
from stackgen.drill.ears import Site
from stackgen.drill.errors import CannotDrillError
from stackgen.drill.messages import alerts
from stackgen.drill.outcome import Outcome, Result, State
from stackgen.drill.programs import (
    ATTEMPTS,
    LAG,
    Pace,
    Program,
    Programs,
    alertmanager_command,
    prometheus_command,
    prometheus_config,
)
from stackgen.drill.receivers import TWIN, Wired, wire
from stackgen.drill.rendered import Alert, Catalogue, catalogue, load
from stackgen.drill.stage import Stage
from stackgen.drill.watch import News, Watch
from stackgen.engines.base import EngineError
from stackgen.model import Model
from stackgen.render.alertmanager import PATH
from stackgen.render.routes import ESCALATED

FIND_WITHIN = 60.0  # seconds until Prometheus has asked every target
LOADED_WITHIN = 60.0
LIMIT = 270.0  # seconds for the whole drill: what has not come by then has failed
SCRAPES = 4  # at least so many in the shortest range
QUICKEST = 0.1  # seconds between two scrapes
AHEAD = (15.0, 60.0)  # seconds to the beginning, and once more when the machine was too slow
RELOAD = 0.5  # seconds before the beginning that Prometheus gets the rules
TICK = 0.1
ASK = 0.5  # seconds between two looks at Prometheus's alerts
SLOWER = 10.0  # seconds for messages that come later than the twins', by mail or on a busy machine

Say = Callable[[str], None]


@dataclass
class Drill:
    """A drill of a rendered tree.

    files: the tree. templates: the folder of the hand-written message templates. only: names of alerts, () for all.
    say: is told of the progress now and then.
    """

    model: Model
    files: Mapping[str, bytes]
    templates: Path
    programs: Programs
    only: tuple[str, ...] = ()
    say: Say = lambda _text: None
    refused: list[Outcome] = field(default_factory=list)

    def unknown(self) -> list[str]:
        """Names that were asked for and that no alert has."""
        names = {one.name for one in catalogue(self.files, self.model).alerts}
        return [name for name in self.only if name not in names]

    def cases(self) -> list[Case]:
        """The alerts that can be drilled; the others are kept as outcomes. A name asks for no second messages."""
        known = catalogue(self.files, self.model)
        chosen = [
            one for one in known.alerts if not self.only or (one.name in self.only and ESCALATED not in one.rule.labels)
        ]
        found = (self._case(one, known, str(number)) for number, one in enumerate(chosen))
        return [one for one in found if one is not None]

    def _case(self, alert: Alert, known: Catalogue, tag: str) -> Case | None:
        try:
            return case(alert, known, tag)
        except CannotDrillError as error:
            severity = alert.rule.labels.get("severity", "")
            self.refused.append(Outcome(alert.name, severity, State.NOT_DRILLED, problems=[str(error)]))
            return None

    def run(self) -> Result:
        """Everything. Raises EngineError when a program fails. Leaves nothing behind, however it ends."""
        began = time.monotonic()
        self.refused.clear()
        cases = self.cases()
        if not cases:
            return Result(tuple(self.refused), 0.0)
        for ahead in AHEAD:
            with tempfile.TemporaryDirectory(prefix="stack-drill-", ignore_cleanup_errors=True) as name:
                try:
                    outcomes, notes = _Show(self, cases, Path(name), ahead).run()
                    break
                except _TooSlowError:
                    if ahead == AHEAD[-1]:
                        raise
        return Result((*outcomes, *self.refused), time.monotonic() - began, notes)


class _TooSlowError(EngineError):
    """The beginning that the history was written for has passed."""


class _Show:
    """One run in a folder of its own. ahead: seconds to the beginning when there is history to write before it."""

    def __init__(self, drill: Drill, cases: list[Case], folder: Path, ahead: float) -> None:
        self.drill, self.cases, self.folder = drill, cases, folder
        self.ahead = ahead if any(one.lead for one in cases) else 0.0
        intervals = drill.model.stack.intervals
        shortest = min((Clock().real(one.shortest) / SCRAPES for one in cases), default=1.0)
        scrape = min(Clock().real(intervals.scrape), shortest)
        self.pace = Pace(max(scrape, QUICKEST), max(Clock().real(intervals.evaluation), QUICKEST))
        self.stage = Stage(cases, self.pace.scrape)
        self.watches: dict[str, Watch] = {}
        self.heard = 0

    def run(self) -> tuple[list[Outcome], tuple[str, ...]]:
        with Site(self.stage.page, self.stage.answers) as site:
            self.site = site
            self.wired = self._wired()
            site.ears = self.wired.ears
            programs: list[Program] = []
            try:
                self._start(programs)
                self._begin()
                return self._watch(), self.wired.notes
            finally:
                for program in reversed(programs):
                    program.stop()

    def _wired(self) -> Wired:
        secrets = self.folder / "secrets"
        secrets.mkdir(mode=0o700)
        return wire(load(self.drill.files[PATH]), self.site.web, self.site.mail, secrets)

    def _start(self, programs: list[Program]) -> None:
        """Both programs, running and ready; the history before them, for a beginning that is still to come."""
        self.began = time.time() + self.ahead
        self.alertmanager = self._started(programs, "alertmanager", self._alertmanager)
        data = self.folder / "prometheus"
        data.mkdir()
        history.write(self.cases, self.began, self.drill.programs.promtool, data)
        self.prometheus = self._started(programs, "prometheus", self._prometheus)
        self.site.start()

    def _started(self, programs: list[Program], name: str, start: Callable[[Program], None]) -> Program:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for attempt in range(ATTEMPTS):
            program = Program(name, folder)
            programs.append(program)
            start(program)
            try:
                program.ready()
            except EngineError:
                program.stop()
                if attempt + 1 == ATTEMPTS or "address already in use" not in program.said(20):
                    raise
            else:
                return program
        raise EngineError(f"no free port for {name}")

    def _alertmanager(self, program: Program) -> None:
        _write(program.folder / "alertmanager.yml", self.wired.config)
        for path, content in self.drill.files.items():
            place = program.folder / path.removeprefix("alertmanager/")
            if path.startswith("alertmanager/") and path != PATH:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
        shutil.copytree(self.drill.templates, program.folder / "templates", dirs_exist_ok=True)
        program.start(alertmanager_command(self.drill.programs.alertmanager, program, self.drill.model.stack.address))

    def _prometheus(self, program: Program) -> None:
        config = prometheus_config(self.drill.files, self.cases, self.pace, self.site.web, self.alertmanager.address)
        self.external = config["global"]["external_labels"]
        _write(program.folder / "prometheus.yml", config)
        _write(program.folder / "rules.yml", {"groups": []})
        program.start(prometheus_command(self.drill.programs.prometheus, program))

    def _begin(self) -> None:
        """The rules, whose clock must know the beginning, once Prometheus has found every target."""
        self._until(
            lambda: self.stage.paths <= self.site.asked.keys(), FIND_WITHIN, "Prometheus does not find the targets"
        )
        soonest = time.time() + RELOAD
        if self.ahead and self.began < soonest:
            raise _TooSlowError("this machine was too slow to begin the drill in time: run it again")
        self.began = max(self.began, soonest)
        time.sleep(self.began - soonest)  # a rule about absence would see it before the beginning
        self.stage.begin(self.began)
        time.sleep(LAG)
        groups = [one.group(one.clock(self.began)) for one in self.cases]
        _write(self.prometheus.folder / "rules.yml", {"groups": groups})
        self.prometheus.reload()
        self._until(
            lambda: len(self.prometheus.get("/api/v1/rules")["groups"]) == len(groups),
            LOADED_WITHIN,
            "Prometheus does not take the rules",
        )
        stack = self.drill.model.stack
        self.watches = {one.tag: Watch(one, stack, self.external) for one in self.cases}

    def _until(self, done: Callable[[], bool], within: float, what: str) -> None:
        until = time.monotonic() + within
        while not done():
            if time.monotonic() > until:
                raise EngineError(f"{what} within {within:.0f} s:\n{self.prometheus.said()}")
            time.sleep(0.05)

    def _watch(self) -> list[Outcome]:
        scene = Scene(self.stage, self.wired, self.pace, self.began, self.alertmanager.log)
        acts = {one.tag: Act(one, self.watches[one.tag], scene) for one in self.cases}
        asked = 0.0
        while any(not one.over for one in acts.values()):
            now = time.time()
            if now - asked >= ASK:
                asked = now
                self._look()
            self._listen()
            for one in acts.values():
                one.step(time.time())
            self._tell(acts.values(), now)
            if now > self.began + LIMIT:
                break
            time.sleep(TICK)
        return self._outcomes(acts.values())

    def _outcomes(self, acts: Collection[Act]) -> list[Outcome]:
        """What has come of each, when every message is there or none comes any more."""
        limit = time.monotonic() + SLOWER
        while True:
            time.sleep(ASK)
            self._listen()
            messages = self.site.messages()
            if time.monotonic() > limit or not any(one.uncarried(messages) for one in acts):
                return [one.outcome(messages) for one in acts]

    def _look(self) -> None:
        for group in self.prometheus.get("/api/v1/rules?type=alert")["groups"]:
            self.watches[group["name"].removeprefix("drill-")].looked(group["rules"][-1])

    def _listen(self) -> None:
        new = self.site.messages(self.heard)
        self.heard += len(new)
        for message in new:
            if message.ear.kind != TWIN:
                continue
            for alert, status, texts in alerts(message):
                for watch in self.watches.values():
                    watch.heard(alert, status, message.ear.receiver, News(message.moment, texts))

    def _tell(self, acts: Iterable[Act], now: float) -> None:
        every = list(acts)
        fired = sum(one.fired is not None for one in every)
        ended = sum(one.over for one in every)
        self.drill.say(f"{now - self.began:3.0f} s: {fired} of {len(every)} alerts have arrived, {ended} are done")


def _write(path: Path, content: Any) -> None:
    """JSON, which every reader of YAML takes."""
    path.write_text(json.dumps(content, indent=1))
