"""Which wrong edits the mutation run makes of a rule. Running them through promtool is in tests/tools."""

from __future__ import annotations

from pathlib import Path

from stackgen.mutate import Mutant, mutants, subjects
from trees import load_text


def by_kind(body: dict[str, object], kind: str) -> list[Mutant]:
    return [mutant for mutant in mutants(body) if mutant.kind == kind]


def exprs(expr: str, kind: str, **more: object) -> list[str]:
    return [str(mutant.body["expr"]) for mutant in by_kind({"alert": "A", "expr": expr, **more}, kind)]


def test_thresholds_move_a_little_both_ways() -> None:
    assert exprs("a > 80", "threshold") == ["a > 84", "a > 76"]
    assert exprs("a > 2", "threshold") == ["a > 3", "a > 1"]
    assert exprs("a > 0.1", "threshold") == ["a > 0.105", "a > 0.095"]
    assert exprs("0 == a", "threshold") == ["1 == a", "-1 == a"]
    assert exprs('a{x="> 5"} * 100 > 1e3 and b < 3', "threshold")[1:3] == [
        'a{x="> 5"} * 100 > 950 and b < 3',
        'a{x="> 5"} * 100 > 1e3 and b < 4',
    ]


def test_only_what_is_compared_is_a_threshold_in_an_alert_and_every_number_in_a_recording_rule() -> None:
    assert exprs("histogram_quantile(0.9, a) * 5 > b", "threshold") == []
    recorded = [m.body["expr"] for m in by_kind({"record": "r", "expr": "a * 5"}, "threshold")]
    assert recorded == ["a * 6", "a * 4"]


def test_comparisons_are_turned_and_arithmetic_in_recording_rules() -> None:
    assert exprs("a >= 1 and b != 2 unless c", "comparison") == [
        "a <= 1 and b != 2 unless c",
        "a >= 1 and b == 2 unless c",
    ]
    assert exprs("a / b > 1", "comparison") == ["a / b < 1"]
    recorded = [m.body["expr"] for m in by_kind({"record": "r", "expr": "a / b"}, "comparison")]
    assert recorded == ["a * b"]


def test_labels_are_dropped_from_by_and_from_the_rule() -> None:
    assert exprs('sum by (a, b) (x{c="by (d)"}) > 1', "by") == [
        'sum by (b) (x{c="by (d)"}) > 1',
        'sum by (a) (x{c="by (d)"}) > 1',
    ]
    body = {"alert": "A", "expr": "a", "labels": {"severity": "info", "subject": "x"}}
    assert [m.body["labels"] for m in by_kind(body, "label")] == [{"subject": "x"}, {"severity": "info"}]


def test_for_is_doubled() -> None:
    assert [m.body["for"] for m in by_kind({"alert": "A", "expr": "a", "for": "90s"}, "for")] == ["3m"]
    assert by_kind({"alert": "A", "expr": "a", "for": "0s"}, "for") == []
    assert by_kind({"alert": "A", "expr": "a"}, "for") == []


def test_subjects_know_their_source_and_their_tests(tmp_path: Path) -> None:
    model = load_text(
        tmp_path,
        one="""groups:
  - name: g
    rules:
      - alert: A
        expr: a > ${threshold.cpu_warning}
        labels: {severity: info}
        tests:
          - {name: fires, series: {a: 81x5}, at: 3m, fires: [{}]}
      - record: r
        expr: a
""",
    )
    alert, record = subjects(model)
    assert (alert.where.file, alert.where.line, alert.body["expr"]) == ("rules/one.yml", 4, "a > 80")
    assert [test["name"] for test in alert.tests] == ["A: fires"]
    assert (record.name, record.tests) == ("r", ())
    assert subjects(model, ["rules/two.yml"]) == []
