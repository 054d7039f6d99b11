"""`check --live` without a stack: values for variables, whom to ask, what a stack that does not run says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_kit import Run, caller
from live_kit import board, panel, written
from stackgen.cli.live import dashboards, whom
from stackgen.engines.base import EngineError, PartStatus, State
from stackgen.live import Direct, ThroughGrafana, boards
from stackgen.live.boards import Opened, datasource_of
from stackgen.live.variables import Value, built_in, expand, value
from trees import put


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    (tmp_path / "stack.yml").write_text("environment: test\n")
    return caller(tmp_path, monkeypatch, capsys)


def part(name: str, state: State = State.HEALTHY) -> PartStatus:
    return PartStatus(name, "1", state, f"http://127.0.0.1:1/{name}", 0.0)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ('up{a="$one"}', 'up{a="x.y"}'),
        ('up{a=~"$many"}', r'up{a=~"(a\\.b|c)"}'),
        ('up{a=~"${many:pipe}"}', 'up{a=~"a.b|c"}'),
        ("[[many:csv]]", "a.b,c"),
        ('up{a=~"$path"}', r'up{a=~"C:\\\\x"}'),
        ("${path:regex}", r"C:\\x"),
        ("${all}", ".*"),
        ("rate(x[$__rate_interval]) / $__range_s", "rate(x[60s]) / 10800"),
        ("$unknown ${unknown:csv} $1", "$unknown ${unknown:csv} $1"),
        ("$oneandmore", "$oneandmore"),
    ],
)
def test_variables_are_replaced_as_grafanas_page_does(text: str, filled: str) -> None:
    values = built_in() | {
        "one": Value(("x.y",)),
        "many": Value(("a.b", "c"), several=True),
        "all": Value(raw=".*"),
        "path": Value(("C:\\x",), several=True),
    }
    assert expand(text, values) == filled


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ({"includeAll": True, "multi": True, "allValue": ".+", "current": {"value": "$__all"}}, ".+"),
        ({"includeAll": True, "multi": True, "current": {"value": ["$__all"]}}, "(a|b)"),
        ({"includeAll": True, "multi": True, "current": {}}, "(a|b)"),
        ({"multi": True, "current": {"value": ["b"]}}, "b"),
        ({"current": {"value": "c"}}, "c"),
        ({"current": None}, "a"),
        ({"type": "interval", "current": {"value": "$__auto_interval_often"}}, "15s"),
        ({"type": "interval", "current": {"value": "$__auto"}}, "15s"),
    ],
)
def test_a_variable_is_what_the_dashboard_opens_with(variable: dict[str, object], text: str) -> None:
    assert value(variable, ["a", "b"]).text("") == text


def test_a_query_goes_to_its_own_datasource_then_to_the_panels_then_to_the_default() -> None:
    loki = {"type": "loki", "uid": "loki"}
    assert datasource_of(loki, {"uid": "prometheus"}, {}) == "loki"
    assert datasource_of(loki, {"uid": "-- Mixed --"}, {}) == "loki"
    assert datasource_of(None, "Loki", {}) == "loki"
    assert datasource_of(None, None, {}) == "prometheus"
    assert datasource_of({"uid": "${which}"}, None, {"which": Value(("loki",))}) == "loki"


def test_what_uses_a_variable_without_values_is_excused_and_nothing_else() -> None:
    (one,) = boards(written(a=board(panel("P", "up{s=~'$service'}", "up{s=~'$services'}", "up"))))
    found = Opened(one, {}, {"service": "no such service"}).questions()
    assert [question.declared for question in found] == ["no such service", "", ""]


def test_grafana_is_asked_where_it_runs(tmp_path: Path) -> None:
    parts = {name: part(name) for name in ("prometheus", "loki", "grafana")}
    with pytest.raises(EngineError, match="secrets/grafana-admin-password"):
        whom(tmp_path, parts)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "grafana-admin-password").write_text("secret\n")
    assert isinstance(whom(tmp_path, parts), ThroughGrafana)
    stopped = {**parts, "grafana": part("grafana", State.STOPPED)}
    assert isinstance(whom(tmp_path, stopped), Direct)
    del stopped["grafana"]
    assert isinstance(whom(tmp_path, stopped), Direct)


def test_the_dashboards_are_those_of_the_running_tree_and_the_saved_ones(tmp_path: Path) -> None:
    put(tmp_path, written(edited=board(), **{"custom/mine": board(uid="mine")}))
    put(tmp_path / ".stack" / "config", written(live=board()))
    found = ["grafana/dashboards/custom/mine.json", "grafana/dashboards/live.json"]
    assert [one.file for one in dashboards(tmp_path, "native")] == found
    assert [one.custom for one in dashboards(tmp_path, "native")] == [True, False]
    assert [one.file for one in dashboards(tmp_path, "docker")] == [found[0], "grafana/dashboards/edited.json"]


def test_a_stack_that_does_not_run_is_exit_code_4(run: Run) -> None:
    code, out, err = run("check", "--live")
    assert (code, out) == (4, "")
    assert "the stack does not run" in err
    assert "./stack up starts it" in err
    code, out, err = run("check", "--live", "--json")
    assert (code, out) == (4, "")


def test_check_without_live_asks_nothing(run: Run) -> None:
    code, out, _ = run("check", "--json")
    assert code == 0
    assert "live" not in json.loads(out)
