"""Labels, bounds and metrics: what the checks conclude from an expression, and what they must keep silent about."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from stackgen.checks import meaning
from stackgen.checks.bounds import ANY, COUNTED, SWITCH, Bounds, bounds, never
from stackgen.checks.known import kinds, known
from stackgen.checks.labels import labels
from stackgen.checks.promql import parse
from stackgen.checks.promtool import FUNCTIONS, reworded
from stackgen.checks.tree import COMPARISONS, Binary, walk
from stackgen.diagnostic import SourceError
from stackgen.load import load


def of_metric(name: str) -> Bounds:
    return {"percent": Bounds(0, 100), "up": SWITCH}.get(name, COUNTED if name.endswith("_total") else ANY)


def has(expr: str, *names: str) -> list[bool]:
    root = parse(expr).root
    assert root is not None
    return [labels(root).may_have(name) for name in names]


@pytest.mark.parametrize(
    ("expr", "kept", "lost"),
    [
        ("sum by (a) (x)", "a", "b"),
        ("sum without (a) (x)", "b", "a"),
        ("sum(x)", "", "a"),
        ("x / on (a) y", "a", "b"),
        ("x / ignoring (b) y", "a", "b"),
        ("x / on (a) group_left (c) sum by (a, c) (y)", "abc", ""),
        ("sum by (a) (x) / on (a) group_right (c) y", "abc", ""),
        ("sum by (a) (x) and on () y", "a", "b"),
        ("sum by (a) (x) or sum by (b) (y)", "ab", "c"),
        ("sum by (a) (x) unless y", "a", "b"),
        ("1 < sum by (a) (x)", "a", "b"),
        ("time() - max by (a) (x)", "a", "b"),
        ('absent(x{a="1", b=~"2"})', "a", "bc"),
        ("histogram_quantile(0.9, sum by (l, le) (rate(x[5m])))", "l", "le"),
        ('label_replace(sum by (a) (x), "b", "$1", "a", "(.*)")', "ab", "c"),
        ("topk(3, sum by (a) (x))", "a", "b"),
        ('count_values by (a) ("v", x)', "av", "b"),
        ("vector(1)", "", "a"),
        ("hour()", "", "a"),
        ("rate(x[5m]) * 100", "ab", ""),
        ("sum without (a) (x) or sum without (a, b) (y)", "bc", "a"),
        ("max_over_time(sum by (a) (x)[5m:])", "a", "b"),
    ],
)
def test_labels_of_a_result(expr: str, kept: str, lost: str) -> None:
    lost_names = [lost] if lost == "le" else list(lost)
    assert has(expr, *kept) == [True] * len(kept)
    assert has(expr, *lost_names) == [False] * len(lost_names)


@pytest.mark.parametrize(
    "expr",
    [
        "percent > 100",
        "percent / 100 > 1",
        "1 - up > 1",
        "count(up) == 0",
        "count(up == 0) < 1",
        "absent(up) != 1",
        "sum(up) < 0",
        "avg(up) * 100 >= 101",
        "rate(x_total[5m]) < 0",
        "(percent > 90) < 50",
        "100 < percent",
        "max_over_time(up[5m]) == 2",
        "hour() > 23",
        "sum(rate(a_total[5m])) / sum(rate(b_total[5m])) < 0",
        "-percent > 0",
        "vector(1) == 2",
    ],
)
def test_what_never_holds(expr: str) -> None:
    root = parse(expr).root
    assert isinstance(root, Binary)
    assert never(root, of_metric)


@pytest.mark.parametrize(
    "expr",
    [
        "percent >= 100",
        "percent * 2 > 150",
        "sum(up) > 3",
        "count(up) or vector(0) == 0",
        "(count(up) or vector(0)) == 0",
        "absent(up) == 1",
        "x < 0",
        "up > bool 3",
        "delta(x_total[5m]) < 0",
        "a_total / b_total > 5",
        "a_total - b_total < 0",
        "predict_linear(x_total[1h], 60) < 0",
        "quantile_over_time(2, up[5m]) > 1",
        "time() - x > 1e12",
        "x == NaN",
        "histogram_quantile(0.9, x_total) < 0",
        "up ^ 2 > 3",
        "clamp_min(up, 5) > 4",
        "stddev(percent) > 40",
    ],
)
def test_what_may_hold(expr: str) -> None:
    root = parse(expr).root
    assert root is not None
    assert not any(never(one, of_metric) for one in walk(root) if _filters(one))


def _filters(node: object) -> bool:
    return isinstance(node, Binary) and node.op in COMPARISONS and not node.bool


def test_bounds_of_what_a_comparison_lets_through() -> None:
    for expr, low, high in (("percent > 90", 90, 100), ("20 > percent", 0, 20), ("percent == 5 or up", 0, 5)):
        root = parse(expr).root
        assert root is not None
        assert bounds(root, of_metric) == Bounds(low, high)


def test_known_metrics() -> None:
    names = known()
    assert names["http_requests_total"].kind == "counter"
    assert names["http_request_duration_seconds_bucket"].kind == "counter"
    assert names["system_cpu_usage_percent"].bounds == Bounds(0, 100)
    assert names["system_network_bytes_sent"].grows
    assert not names["system_memory_available_bytes"].grows
    assert (names["up"].kind, names["up"].bounds) == ("gauge", SWITCH)
    sources = {metric.source for metric in names.values()}
    assert {"prometheus", "alertmanager", "loki", "promtail", "grafana", "node", "blackbox", "redis"} < sources
    assert {"postgres", "container", "console", "exporter", "library"} < sources
    for name in ("prometheus_rule_evaluation_failures_total", "alertmanager_notifications_failed_total", "pg_up"):
        assert name in names
    assert kinds('# HELP a b\n# TYPE a counter\na 1\n# TYPE b gauge\nb{c="# TYPE d gauge"} 1\n') == {
        "a": "counter",
        "b": "gauge",
    }


def test_rules_about_a_users_own_application_are_left_alone(tmp_path: Path) -> None:
    """Nobody knows what an application exports: no name of its own is held against it, near as it may come to ours."""
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    names = ["http_request_total", "orders_total", "container_memory_working_set_bytes", "nodes_busy", "kube_pod_info"]
    rules = "".join(f"      - {{alert: A{number}, expr: {name} == 0}}\n" for number, name in enumerate(names))
    (tmp_path / "rules/custom/own.yml").write_text("groups:\n  - name: own\n    rules:\n" + rules)
    assert "unknown-metric" not in {found.check for found in load(tmp_path)[1]}


def test_a_large_foreign_file_is_told_in_few_lines(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "stack.yml").write_text("environment: test\n")
    rule = "      - {alert: A%d, expr: 'rate(node_load1[5m]) > %d and count(up) == 0 and node_load11 > 1', for: 1s,"
    rule += " annotations: {a: '{{ $labels.x }}'}}\n"
    text = "".join(rule % (number, number) for number in range(200))
    (tmp_path / "rules/mixin.yml").write_text("groups:\n  - name: own\n    rules:\n" + text)
    found = load(tmp_path)[1]
    assert {one.severity.value for one in found} == {"warning"}
    assert len(found) == len({one.check for one in found}) >= 5


def test_labels_of_the_group_count(tmp_path: Path) -> None:
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    group = "groups:\n  - name: g\n    labels: {%s: critical}\n    rules:\n      - {alert: A, expr: up == 0}\n"
    for label, told in (("severity", False), ("tier", True)):
        (tmp_path / "rules/custom/own.yml").write_text(group % label)
        assert ("missing-severity" in {found.check for found in load(tmp_path)[1]}) is told


def test_the_judge_has_the_last_word(tmp_path: Path) -> None:
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    text = "groups:\n  - name: g\n    rules:\n"
    text += "      - {record: a, expr: 'rate(x[5m] newer)'}\n"
    text += "      - record: b\n        expr: |\n          x +\n            y is z\n"
    (tmp_path / "rules/custom/own.yml").write_text(text)
    assert [found.check for found in load(tmp_path)[1]] == ["invalid-expression"] * 2
    asked: list[list[str]] = []

    def judge(expressions):  # type: ignore[no-untyped-def]
        from stackgen.checks.promtool import Fault

        asked.append(list(expressions))
        return [None, Fault(expressions[1].index("is"), 'unexpected identifier "is"')]

    with pytest.raises(SourceError) as refused:
        load(tmp_path, judge)
    (found,) = refused.value.diagnostics
    assert (found.where.line, found.where.column, found.where.length) == (8, 15, 2)
    assert found.message == "'is' cannot stand here"
    assert asked == [["rate(x[5m] newer)", "x +\n  y is z\n"]]


def test_of_an_unknown_threshold_nothing_more_is_told(tmp_path: Path) -> None:
    (tmp_path / "rules/custom").mkdir(parents=True)
    (tmp_path / "stack.yml").write_text("environment: test\n")
    rule = "{alert: A, expr: '${threshold.memory_waring} < up', labels: {severity: info}}"
    (tmp_path / "rules/custom/own.yml").write_text(f"groups:\n  - name: g\n    rules:\n      - {rule}\n")
    with pytest.raises(SourceError) as refused:
        load(tmp_path)
    assert [found.check for found in refused.value.diagnostics] == ["unknown-threshold"]


def test_words_for_what_promtool_says() -> None:
    assert reworded("smoothed modifier is experimental and not enabled")[0].startswith("'smoothed' is experimental")
    assert "`a\\.b`" in reworded("unknown escape sequence U+002E '.'")[1]
    assert reworded('unknown function with name "ratee"') == ("there is no function 'ratee'", "did you mean 'rate'?")
    said, hint = reworded('expected type range vector in call to function "rate", got instant vector')
    assert said == "rate() wants a range of time"
    assert hint
    assert reworded("something new")[0] == "Prometheus does not understand this: something new"
    assert len(FUNCTIONS) == len(set(FUNCTIONS)) > 80


def test_every_finding_of_this_room_is_folded_in_foreign_files() -> None:
    source = inspect.getsource(meaning)
    assert len(re.findall(r"^@check", source, re.MULTILINE)) == source.count("yield from folded(")
