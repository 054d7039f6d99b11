"""`./stack drill` against the real programs: alerts of every shape arrive, those that are wrong are told, each with its
reason; the shipped catalogue within five minutes; an interrupted drill leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from running import RunningStack
from stackgen.drill import Drill, Outcome, Programs, Result, State
from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.parts.errors import PartError
from stackgen.render import render
from support import ROOT, unavailable
from waiting import until

CASES = ROOT / "tests" / "cases" / "drill"
CONFIG = "alertmanager/alertmanager.yml"
MINUTES = 300.0  # seconds that the whole catalogue may take


@pytest.fixture(scope="module")
def programs() -> Programs:
    try:
        return Programs.find()
    except PartError as error:
        unavailable(str(error))


def drilled(
    name: str, programs: Programs, templates: Path, change: Callable[[dict[str, bytes]], None] = lambda _files: None
) -> Result:
    """A drill of the sources in tests/cases/drill, with something changed in what is rendered."""
    model, _ = load(CASES / name)
    files = dict(render(model, COMPOSE))
    change(files)
    return Drill(model, files, templates, programs).run()


@pytest.fixture(scope="module")
def good(programs: Programs) -> dict[str, Outcome]:
    result = drilled("good", programs, ROOT / "alertmanager" / "templates")
    return {one.alert: one for one in result.outcomes}


@pytest.fixture(scope="module")
def broken(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    templates = tmp_path_factory.mktemp("drill") / "templates"
    shutil.copytree(ROOT / "alertmanager" / "templates", templates)
    (templates / "zz.tmpl").write_text(
        '{{ define "watchstack.markdown" }}{{ template "nobody.wrote.it" . }}{{ end }}\n'
    )

    def misled(files: dict[str, bytes]) -> None:
        config = yaml.safe_load(files[CONFIG])
        wrong = [one for one in config["route"]["routes"] if 'severity="critical"' in one.get("matchers", ())]
        for one in wrong:
            one["receiver"] = "pager"
        assert wrong
        files[CONFIG] = json.dumps(config).encode()

    result = drilled("broken", programs, templates, misled)
    return {one.alert: one for one in result.outcomes}


@pytest.mark.parametrize(
    ("alert", "receivers", "rewritten", "recovery"),
    [
        ("Threshold", {"inbox", "chat", "post"}, {"for 2m"}, "“quiet at ten”"),
        ("TargetDown", {"inbox", "letters", "phone"}, {"for 1m"}, "the target answers again"),
        ("Gone", {"inbox", "feed"}, {"for 3m"}, "“quiet when there is one”"),
        ("Rate", {"inbox", "feed"}, {"[2m]", "rate() per second of the test"}, "“quiet at four”"),
        ("RecordedRatio", {"inbox", "letters", "phone"}, {"keep_firing_for 1m", "[5m]"}, "its series end"),
        ("Stale", {"inbox", "chat", "post"}, {"time() is the test's"}, "its series end"),
        ("Filling", {"inbox", "chat", "post"}, {"[10m]", "step 1m"}, "“quiet while it stays”"),
    ],
)
def test_alerts_of_every_shape_arrive_and_end(
    good: dict[str, Outcome], alert: str, receivers: set[str], rewritten: set[str], recovery: str
) -> None:
    one = good[alert]
    assert (one.state, one.problems) == (State.DRILLED, [])
    assert set(one.receivers) == receivers
    assert rewritten <= set(one.changes)
    assert one.recovery == recovery
    assert one.seconds is not None
    assert one.resolved is not None


def test_a_wait_takes_its_share_of_the_time(good: dict[str, Outcome]) -> None:
    """`for` runs sixty times faster, and not faster than that; the rest is the machine's."""
    for alert, waits in (("Threshold", 2.0), ("TargetDown", 1.0), ("Gone", 3.0), ("LongAgo", 10.0)):
        seconds = good[alert].seconds
        assert seconds is not None
        assert waits <= seconds <= waits + 15.0, alert


def test_hours_of_history_come_as_blocks(good: dict[str, Outcome]) -> None:
    one = good["LongAgo"]
    assert one.state is State.FIRING_ONLY
    assert one.backfilled
    assert set(one.receivers) == {"inbox", "chat", "post"}
    assert "looks back too far" in one.problems[0]


def test_what_never_ends_and_what_has_no_test(good: dict[str, Outcome]) -> None:
    assert good["Always"].state is State.FIRING_ONLY
    assert good["WithoutTest"].state is State.NOT_DRILLED
    assert "no firing test" in good["WithoutTest"].problems[0]


@pytest.mark.parametrize(
    ("alert", "why"),
    [
        ("LabelDropped", "summary uses the label 'instance', which the alert does not have"),
        ("TeamDropped", "it did not reach feed: it reached inbox, pager"),
        ("TextBreaks", "summary has '<error expanding template' in it"),
        ("NeverFires", "the series of its test “fires, it says” do not make the expression true"),
        ("OtherLabels", 'no alert with {"service": "search"} fired'),
        ("NeverEnds", "it did not end"),
        ("Misled", "it did not reach feed: it reached inbox, pager"),
        ("Unheard", "feed got no firing discord message"),
    ],
)
def test_every_fault_is_told_with_its_reason(broken: dict[str, Outcome], alert: str, why: str) -> None:
    assert broken[alert].state is State.FAILED
    assert why in " ".join(broken[alert].problems)


def test_alertmanagers_own_words_are_told(broken: dict[str, Outcome]) -> None:
    assert any("nobody.wrote.it" in problem for problem in broken["Unheard"].problems), broken["Unheard"].problems


def test_one_fault_does_not_touch_the_next_alert(broken: dict[str, Outcome]) -> None:
    assert (broken["Right"].state, broken["Right"].problems) == (State.DRILLED, [])


def alerts() -> list[str]:
    """Names of all shipped alerts that Prometheus evaluates."""
    found = []
    for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            found += [rule["alert"] for rule in group["rules"] if "alert" in rule]
    return found


def test_the_whole_catalogue_within_five_minutes(checkout: Path, programs: Programs) -> None:
    stack = RunningStack(checkout, {}, "native")
    stack.command("render")
    done = stack.command("drill", "--json", "--write", str(checkout / "page.md"), timeout=MINUTES + 60, check=False)
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 0, [one for one in result["alerts"] if one["state"] == "failed"]
    arrived = [one for one in result["alerts"] if one["state"] in ("drilled", "firing only")]
    assert len(arrived) >= len(alerts()) * 0.9
    assert all(one["receivers"] for one in arrived)
    assert result["seconds"] < MINUTES
    page = (checkout / "page.md").read_text()
    assert all(f"| {one['alert']} |" in page for one in result["alerts"])


def test_one_alert_by_its_name(checkout: Path, programs: Programs) -> None:
    stack = RunningStack(checkout, {}, "native")
    done = stack.command("drill", "Watchdog")
    assert "1 of 1 alerts arrived" in done.stdout
    assert stack.command("drill", "NoSuchAlert", check=False).returncode == 2


def test_ctrl_c_leaves_nothing_behind(checkout: Path, programs: Programs, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [str(checkout / "stack"), "drill", "Watchdog"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            until(lambda: list(temporary.glob("*/prometheus/data/queries.active")), why="both programs run")
            parts = until(lambda: _running(process.pid, 2), why="both programs are seen")
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(120) == 130
        finally:
            process.kill()
    assert not [one for one in parts if one.is_running()]
    assert list(temporary.iterdir()) == []


def _running(pid: int, count: int) -> list[psutil.Process]:
    found = psutil.Process(pid).children(recursive=True)
    names = {one.name() for one in found}
    return found if len(names & {"prometheus", "alertmanager"}) >= count else []
