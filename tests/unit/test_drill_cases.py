"""What the drill makes of alerts and tests: series, targets, recoveries, rule groups; where it leads receivers, and who
is expected to be told.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stackgen.drill import Drill, Programs
from stackgen.drill.cases import ANSWERS, ENDS, Case, case
from stackgen.drill.clock import Clock
from stackgen.drill.errors import CannotDrillError
from stackgen.drill.expression import TAG
from stackgen.drill.history import samples
from stackgen.drill.outcome import Outcome, Result, State
from stackgen.drill.receivers import SECRET, TWIN, expected, wire
from stackgen.drill.rendered import catalogue, load
from stackgen.drill.report import as_data, lines, page
from stackgen.drill.stage import Stage
from stackgen.render import render
from trees import PLACEMENTS, load_text

HEAD = "groups:\n  - name: g\n    labels: {origin: here}\n    rules:\n"
RECORD = "      - {record: 'a:b:rate5m', expr: 'rate(b_total[5m])', labels: {kept: yes_}}\n"


def alert(text: str) -> str:
    return f"      - alert: A\n        annotations: {{summary: it is so}}\n{text}"


def drill(folder: Path, rules: str, stack: str = "environment: test\n") -> list[Case]:
    (folder / "rules" / "custom").mkdir(parents=True)
    (folder / "rules" / "custom" / "a.yml").write_text(HEAD + rules)
    model = load_text(folder, stack)
    known = catalogue(render(model, PLACEMENTS["compose"]), model)
    return [case(one, known, str(number)) for number, one in enumerate(known.alerts)]


def one(folder: Path, expr: str, tests: str, more: str = "") -> Case:
    return drill(folder, RECORD + alert(f"        expr: {expr}\n{more}        tests:\n{tests}"))[0]


FIRING = "          - {name: fires, series: {'b{c=\"d\"}': 5x20}, at: 7m, fires: [{c: d}]}\n"


def test_the_firing_test_that_looks_soonest_is_played(tmp_path: Path) -> None:
    sooner = "          - {name: sooner, series: {'b{c=\"d\"}': 6x20}, at: 3m, fires: [{c: d}]}\n"
    found = one(tmp_path, "b > 4", FIRING + sooner)
    assert (found.test.name, found.at, found.fires) == ("sooner", 180.0, ({"c": "d"},))


def test_an_alert_without_a_test_is_not_drilled(tmp_path: Path) -> None:
    with pytest.raises(CannotDrillError, match="no firing test"):
        one(tmp_path, "b > 4", "          []\n")


def test_an_override_of_severity_or_team_moves_what_the_test_expects(tmp_path: Path) -> None:
    rule = alert("        expr: b > 4\n        labels: {severity: warning}\n        tests:\n")
    test = (
        "          - {name: x, series: {'b{c=\"d\"}': 5x20}, at: 3m, fires: [{c: d, severity: warning, team: t}, {}]}\n"
    )
    stack = "teams: {web: {critical: [inbox]}}\noverrides: {A: {severity: critical, team: web}}\n"
    (found,) = drill(tmp_path, rule + test, stack)
    assert found.fires == ({"c": "d", "severity": "critical", "team": "web"}, {})


def test_a_name_asks_for_no_second_messages(tmp_path: Path) -> None:
    """Escalation's alerts bear the names of those that they tell of again, and cannot be drilled."""
    rule = alert("        expr: b > 4\n        labels: {severity: critical}\n        tests:\n" + FIRING)
    (tmp_path / "rules" / "custom").mkdir(parents=True)
    (tmp_path / "rules" / "custom" / "a.yml").write_text(HEAD + rule)
    model = load_text(tmp_path, STACK)
    programs = Programs(Path("prometheus"), Path("promtool"), Path("alertmanager"))
    named, every = (
        Drill(model, render(model, PLACEMENTS["compose"]), tmp_path, programs, only) for only in (("A",), ())
    )
    assert [len(one.cases()) for one in (named, every)] == [1, 1]
    assert [len(one.refused) for one in (named, every)] == [0, 1]


def test_a_copy_for_one_service_says_why_it_is_not_drilled(tmp_path: Path) -> None:
    test = "          - {name: x, series: {'b{preset=\"iot\"}': 101x20}, at: 3m, fires: [{preset: iot}]}\n"
    rule = alert('        expr: b{preset="iot"} > ${threshold.iot_error_percent}\n        tests:\n')
    stack = "services: [{name: shop, preset: iot, targets: ['a:1'], thresholds: {iot_error_percent: 2}}]\n"
    with pytest.raises(CannotDrillError, match="it has numbers of shop alone"):
        drill(tmp_path, rule + test, stack)


def test_recoveries_go_by_how_much_they_tell_of_the_same_series(tmp_path: Path) -> None:
    quiet = {
        "more": "{'b{c=\"d\"}': 1x20, 'b{c=\"e\"}': 1x20}",
        "other": "{'b{c=\"x\"}': 1x20}",
        "same": "{'b{c=\"d\"}': 1x20}",
        "late": "{'b{c=\"d\"}': 5x3 1x20}",
        "before": "{'b{c=\"d\"}': 5x20}",
    }
    tests = "".join(
        f"          - {{name: {name}, series: {series}, at: 9m, fires: []}}\n" for name, series in quiet.items()
    )
    found = one(tmp_path, "b > 4", FIRING + tests)
    assert [act.name for act in found.recoveries] == ["“same”", "“more”", ENDS, "“late”"]


def test_absence_is_ended_by_what_was_absent(tmp_path: Path) -> None:
    tests = (
        "          - {name: fires, series: {'x': 1x9}, at: 7m, fires: [{c: d}]}\n"
        "          - {name: quiet, series: {'b{c=\"d\"}': 1x9}, at: 7m, fires: []}\n"
    )
    assert [act.name for act in one(tmp_path, 'absent(b{c="d"})', tests).recoveries] == ["“quiet”", ENDS]


def test_the_group_holds_the_recording_rules_first_and_all_lengths_shorter(tmp_path: Path) -> None:
    tests = "          - {name: fires, series: {'b_total{c=\"d\"}': 0+600x20}, at: 7m, fires: [{c: d}]}\n"
    found = one(tmp_path, "a:b:rate5m > 4", tests, "        for: 5m\n        keep_firing_for: 2m\n")
    record, rule = found.group(Clock())["rules"]
    assert record["labels"] == {"origin": "here", "kept": "yes_", TAG: found.tag}
    assert f'b_total{{{TAG}="{found.tag}"}}[5s]' in record["expr"]
    assert (rule["for"], rule["keep_firing_for"]) == ("5s", "2s")
    assert TAG not in rule["labels"]
    assert found.span == 300
    assert found.changes[:2] == ("for 5m", "keep_firing_for 2m")


def test_a_recorded_series_that_the_test_gives_is_not_recorded(tmp_path: Path) -> None:
    tests = "          - {name: fires, series: {'a:b:rate5m{c=\"d\"}': 5x20}, at: 7m, fires: [{c: d}]}\n"
    assert len(one(tmp_path, "a:b:rate5m > 4", tests).rules) == 1


def test_up_is_a_target_and_the_page_has_the_rest(tmp_path: Path) -> None:
    tests = (
        "          - name: fires\n"
        '            series: {\'up{job="j", instance="i"}\': 1x3 0x20, \'b{c="d"}\': 0+60x20, '
        "'up{job=\"j\"}': '0x20'}\n"
        "            at: 7m\n            fires: [{job: j}]\n"
    )
    found = one(tmp_path, "up == 0 and on () b", tests)
    assert [target.labels for target in found.targets] == [{"job": "j", "instance": "i"}]
    stage = Stage([found])
    assert stage.paths == {"/series", "/target/0/0"}
    assert stage.page() == b""
    assert stage.answers("/target/0/0"), "as its series begins"
    stage.begin(0.0)
    began = time.time() - 0.001
    text = stage.page().decode()
    found_at = re.findall(rf'^up{{job="j",instance="",{TAG}="0"}} 0\.0 (\d+)$', text, re.MULTILINE)
    moments = [int(moment) / 1000 for moment in found_at]
    assert moments == [moments[0] + 0.25 * step for step in range(40)]
    assert began - 10.25 <= moments[0] <= moments[-1] <= time.time()
    assert 'b{job="",instance="",c="d"' in text
    assert 'instance="i"' not in text
    assert not stage.answers("/target/0/0"), "down since long ago"
    stage.turn("0", found.recoveries[-1])
    assert stage.answers("/target/0/0")
    assert stage.page() == b""
    assert not stage.answers("/nothing")


def test_the_page_tells_every_step_once_however_late_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = "          - {name: fires, series: {'b{c=\"d\"}': 0+60x20}, at: 7m, fires: [{c: d}]}\n"
    stage = Stage([one(tmp_path, "b > 4", tests)], 0.25)
    now = [100.1]
    monkeypatch.setattr("stackgen.drill.stage.time", SimpleNamespace(time=lambda: now[0]))
    stage.begin(100.0)

    def told(moment: float) -> list[tuple[float, int]]:
        now[0] = moment
        lines = (text.rsplit(" ", 2) for text in stage.page().decode().splitlines())
        return [(float(value), int(stamp)) for _, value, stamp in lines]

    assert told(100.1) == []
    assert told(101.3) == [(15.0, 100_250), (30.0, 100_500), (45.0, 100_750), (60.0, 101_000), (75.0, 101_250)]
    assert told(101.4) == []
    assert told(101.5) == [(90.0, 101_500)]
    assert len(told(200.0)) == 40


def test_a_target_alone_is_ended_by_its_answer(tmp_path: Path) -> None:
    tests = "          - {name: fires, series: {'up{job=\"j\", instance=\"i\"}': '0x20'}, at: 7m, fires: [{job: j}]}\n"
    assert one(tmp_path, "up == 0", tests).recoveries[-1].name == ANSWERS


def test_a_long_test_has_its_beginning_as_history(tmp_path: Path) -> None:
    tests = "          - {name: fires, series: {'b{c=\"d\"}': 0+1x600}, at: 8h, fires: [{c: d}]}\n"
    found = one(tmp_path, "avg_over_time(b[6h]) > 4", tests, "        for: 10m\n")
    assert found.lead == (8 * 60 - 15) * 60
    clock = found.clock(1e9)
    assert clock.test_time(1e9) == found.lead
    history = list(samples(found, 1e9))
    assert len(history) == 4 * (8 * 60 - 15) - 1, "four a minute, as live, and none at the beginning itself"
    name, value, moment = history[10].split()
    assert (name, value) == (f'b{{c="d",{TAG}="0"}}', "2.5")
    assert float(moment) == pytest.approx(clock.start + 2.5)
    assert float(history[-1].split()[2]) < 1e9


CONFIG: Mapping[str, Any] = {
    "templates": ["templates/*.tmpl"],
    "route": {
        "receiver": "inbox",
        "group_wait": "10s",
        "group_interval": "1m",
        "repeat_interval": "4h",
        "routes": [{"receiver": "chat", "group_wait": "0s", "mute_time_intervals": ["night"]}],
    },
    "inhibit_rules": [{"source_matchers": ["a=b"]}],
    "receivers": [
        {"name": "inbox", "webhook_configs": [{"url": "http://console:9099", "http_config": {
            "proxy_url": "http://proxy", "authorization": {"type": "Bearer", "credentials_file": "/run/token"}}}]},
        {"name": "chat", "slack_configs": [{"api_url_file": "/run/chat", "channel": "#a", "send_resolved": False}]},
        {"name": "mail", "email_configs": [
            {"to": "a@b", "smarthost": "mail:25", "auth_username": "u", "auth_password_file": "/run/p"}]},
        {"name": "genie", "opsgenie_configs": [{"api_key_file": "/run/key"}]},
        {"name": "odd", "sns_configs": [{"topic_arn": "arn"}]},
        {"name": "nobody"},
    ],
}  # fmt: skip


def test_every_receiver_is_led_to_the_drill(tmp_path: Path) -> None:
    wired = wire(CONFIG, "127.0.0.1:1", "127.0.0.1:2", tmp_path)
    inbox, chat, mail, genie, odd, nobody = wired.config["receivers"]
    token = inbox["webhook_configs"][0]["http_config"]
    assert "proxy_url" not in token
    assert Path(token["authorization"]["credentials_file"]).read_text() == SECRET
    assert chat["slack_configs"][0]["api_url"].startswith("http://127.0.0.1:1/to/")
    assert "api_url_file" not in chat["slack_configs"][0]
    letter = mail["email_configs"][0]
    assert (letter["smarthost"], letter["require_tls"], letter["to"]) == ("127.0.0.1:2", False, "a@b")
    assert not [key for key in letter if key.startswith("auth")]
    assert genie["opsgenie_configs"][0]["api_url"].endswith("/")
    assert list(odd) == ["name", "webhook_configs"]
    assert nobody == {"name": "nobody"}
    assert str(CONFIG).count("127.0.0.1") == 0, "the rendered one is untouched"
    twins = [ear.receiver for ear in wired.ears.values() if ear.kind == TWIN]
    assert twins == ["inbox", "chat", "mail", "genie", "odd"]
    assert [ear.resolved for ear in wired.ears.values() if ear.kind == "slack_configs"] == [False]
    assert len(wired.notes) == 3


def test_routes_are_faster_open_and_do_not_repeat(tmp_path: Path) -> None:
    wired = wire(CONFIG, "127.0.0.1:1", "127.0.0.1:2", tmp_path)
    route = wired.config["route"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("167ms", "1s", "1h")
    assert route["routes"] == [{"receiver": "chat", "group_wait": "0s"}]
    assert "inhibit_rules" not in wired.config
    assert wired.group_wait == pytest.approx(1 / 6)


STACK = """environment: test
default_team: web
teams:
  web: {critical: [pager], warning: [chat], escalation: {15m: [boss]}}
  data: {critical: [mail]}
routes:
  - {when: {service: batch}, tell: [feed]}
  - {when: {zone: "~eu-.+"}, tell: [far], also: true}
receivers:
  pager: {pagerduty: {routing_key_file: p}}
  boss: {pagerduty: {routing_key_file: b}}
  chat: {slack: {webhook_url_file: c}}
  mail: {email: {to: [a@b.example], from: c@b.example, smarthost: "m.example:25"}}
  feed: {discord: {webhook_url_file: f}}
  far: {discord: {webhook_url_file: f}}
"""


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "warning"}, {"inbox", "chat"}),
        ({"severity": "error"}, {"inbox", "pager"}),
        ({"severity": "info"}, {"inbox"}),
        ({"severity": "critical", "team": "data"}, {"inbox", "mail"}),
        ({"severity": "critical", "team": "unknown"}, {"inbox"}),
        ({"severity": "critical", "service": "batch"}, {"inbox", "feed"}),
        ({"severity": "critical", "zone": "eu-1"}, {"inbox", "far", "pager"}),
        ({"severity": "critical", "escalated": "1"}, {"inbox", "boss"}),
    ],
)
def test_who_is_meant_by_stack_yml(tmp_path: Path, labels: dict[str, str], receivers: set[str]) -> None:
    stack = load_text(tmp_path, STACK).stack
    assert expected(stack, "Any", labels) == receivers
    assert expected(stack, "Watchdog", labels) == {"watchdog"}


def test_the_table_and_the_page() -> None:
    result = Result(
        (
            Outcome("Fine", "warning", State.DRILLED, "t", ("inbox",), 0.3, 2.7, 1.0, "its series end", ("[5m]",)),
            Outcome("Late", "info", State.FIRING_ONLY, "t", ("inbox",), 5.0, 2.7, problems=["it never ends"]),
            Outcome("Bad", problems=["it did not reach a|b"]),
            Outcome("Loki", "error", State.NOT_DRILLED, problems=["Loki's ruler evaluates it"]),
        ),
        12.3,
        ("inhibition is off",),
    )
    text = "\n".join(lines(result))
    assert "FAILED Bad: it did not reach a|b" in text
    assert text.endswith("2 of 4 alerts arrived in 12 s, 1 of them firing only, 1 late, 1 failed, 1 not drilled")
    written = page(result)
    assert "| Fine | warning | inbox | 0.3 | 2.7 | 1.0 | its series end | `[5m]` |" in written
    assert "| Bad | - | - | - | - | - | FAILED: it did not reach a\\|b | - |" in written
    data = as_data(result)
    assert (data["failed"], [one["state"] for one in data["alerts"]][1]) == (1, "firing only")


def test_rendered_files_are_read_back() -> None:
    assert load(b"# generated\na: {b: 1}\n") == {"a": {"b": 1}}
