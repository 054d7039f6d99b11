"""`check --live` over answers that are made up: what is dead, late, of another form, or odd in a dashboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from live_kit import PROMETHEUS, board, lines, panel, variable, written
from stackgen.engines.docker_placement import COMPOSE
from stackgen.live import Outcome, Verdict, boards, examine, read
from stackgen.live.ask import Answer, AskError, Direct, _counted, _refused
from stackgen.live.boards import Question
from stackgen.live.options import options
from stackgen.live.told import lines as told
from stackgen.render import render
from stackgen.render.grafana import DATASOURCES
from trees import load_text, put

UP = [{"metric": {"__name__": "up", "job": "a"}, "value": [1700000000.5, "1"]}]
ANSWERS: dict[str, Any] = {
    "/api/v1/query": {"result": UP},
    "/api/v1/rules": {"groups": []},
    "/prometheus/api/v1/rules": {"groups": []},
    "/api/v1/label/__name__/values": ["up"],
}


class Fake:
    """Answers with rows for every query that names `up`. gives: what stands under `data`, by path. dead: by uid."""

    through = "nobody"

    def __init__(self, dead: tuple[str, ...] = (), taken: tuple[str, ...] | None = None, **gives: Any) -> None:
        self.asked: list[str] = []
        self._dead = dead
        self._taken = taken
        self._gives = {**ANSWERS, **{f"/{path}": content for path, content in gives.items()}}

    def ask(self, question: Question) -> Answer:
        self.asked.append(question.expr)
        rows = int("up" in question.expr)
        return Answer(rows, rows)

    def get(self, datasource: str, path: str, **parameters: str) -> Any:
        self.asked.append(path)
        if datasource in self._dead:
            raise AskError(f"{datasource} does not answer")
        return {"status": "success", "data": self._gives.get(path, [])}

    def provisioned(self) -> frozenset[str] | None:
        return None if self._taken is None else frozenset(self._taken)


def asked(fake: Fake, *content: dict[str, Any], **more: Any) -> Outcome:
    return examine(boards(written(own=board(*content, **more))), fake)


def verdicts(outcome: Outcome) -> dict[str, Verdict]:
    return {one.place: one.verdict for one in outcome.results}


def test_a_dead_prometheus_leaves_the_panels_over_logs_right() -> None:
    """Their variables have values as always; what needs one of Prometheus's is excused."""
    search = {"name": "search", "type": "textbox", "query": "up"}
    outcome = asked(
        Fake(dead=("prometheus",)),
        panel("P", "up"),
        lines("Search", '{part="a"} |= `$search`'),
        lines("Of jobs", '{job=~"$job"}'),
        variables=[variable("job", "label_values(up, job)", allValue=""), search],
    )
    assert verdicts(outcome) == {
        "Prometheus": Verdict.ERROR,
        "variable job": Verdict.ERROR,
        "P": Verdict.ERROR,
        "Search": Verdict.OK,
        "Of jobs": Verdict.DECLARED,
    }
    assert [one.place for one in outcome.told] == ["Prometheus"]


def test_a_variable_of_a_dead_loki_is_not_told_beside_it() -> None:
    fake = Fake(dead=("loki",), **{"api/v1/series": [{}]})
    part = variable("part", "label_values(part)", datasource={"type": "loki", "uid": "loki"})
    outcome = asked(fake, panel("P", "up"), variables=[part])
    assert [one.place for one in outcome.told] == ["Loki"]
    assert len([path for path in fake.asked if path.startswith("/loki")]) == 1


def test_a_dead_prometheus_does_not_hide_a_file_that_cannot_be_understood() -> None:
    outcome = asked(Fake(dead=("prometheus",)), {"title": "odd", "targets": "none"})
    assert "cannot be understood" in next(one.why for one in outcome.told if one.place == "the file")


def test_what_is_late_is_not_asked_variables_neither() -> None:
    fake = Fake()
    content = board(panel("P", "up"), variables=[variable("job", "label_values(up, job)")])
    outcome = examine(boards(written(own=content)), fake, within=-1)
    assert {one.why for one in outcome.told} == {"was not asked: the time for the whole check was over"}
    assert fake.asked == ["/api/v1/labels", "/loki/api/v1/labels"], "whether they answer at all"


@pytest.mark.parametrize("groups", [None, [None], [{"rules": None}], [{"rules": [{}]}]])
def test_rules_of_another_form_are_a_note(groups: Any) -> None:
    outcome = asked(Fake(**{"api/v1/rules": {"groups": groups}}), panel("P", "up"))
    assert verdicts(outcome) == {"P": Verdict.OK}
    assert "Prometheus" in outcome.notes[0]
    assert "another form" in outcome.notes[0]


def test_an_answer_of_another_form_ends_nothing() -> None:
    names = {"api/v1/label/__name__/values": {"a": 1}}
    outcome = asked(Fake(**names), panel("P", "nothing"), variables=[variable("m", "metrics(a)")])
    (variable_,) = [one for one in outcome.results if one.place == "variable m"]
    assert variable_.why == "Prometheus gave an answer of another form"
    assert outcome.notes == ["Prometheus could not be asked for its metrics: Prometheus gave an answer of another form"]


def test_a_pattern_that_is_none_is_told_at_its_variable() -> None:
    outcome = asked(Fake(), panel("P", "up"), variables=[variable("m", "metrics((a)")])
    assert verdicts(outcome) == {"variable m": Verdict.ERROR, "P": Verdict.OK}
    assert outcome.told[0].why.startswith("'(a' is no regular expression: ")


def test_the_samples_of_a_variable_are_written_as_grafana_writes_them() -> None:
    assert options(Fake(), "prometheus", "query_result(up)") == ['up{job="a"} 1 1700000000500']
    assert options(Fake(**{"api/v1/query": {"result": [1.5, "7"]}}), "prometheus", "query_result(1)") == ["1.5", "7"]


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [("/PROD-(.*)/i", ["eu", "us"]), ("/PROD-(.*)/", []), ("prod-e", ["prod-eu"]), ("/a/b/", ["a/b"]), ("(", None)],
)
def test_a_variables_own_filter_is_read_as_javascript_reads_it(pattern: str, kept: list[str] | None) -> None:
    values = ["prod-eu", "prod-us", "a/b"]
    choice = variable("job", "label_values(up, job)", regex=pattern, allValue="")
    outcome = asked(
        Fake(**{"api/v1/label/job/values": values}), panel("P", 'up{job=~"${job:pipe}"}'), variables=[choice]
    )
    (found,) = [one for one in outcome.results if one.place == "P"]
    assert found.expr == f'up{{job=~"{"|".join(values if kept is None else kept)}"}}'


def test_a_panel_over_a_foreign_datasource_is_told_for_that_and_not_for_its_language() -> None:
    found = Direct({"prometheus": "http://127.0.0.1:1"})
    with pytest.raises(AskError, match="no datasource has the uid 'mysql'"):
        found.ask(Question(boards(written(a=board()))[0], "P", "A", "mysql", "", {}))
    fake = Fake()
    asks = panel("P", "", datasource={"type": "mysql", "uid": "mysql"}, target={"rawSql": "SELECT 1"})
    outcome = asked(fake, asks, panel("Q", " "))
    assert "" in fake.asked, "who is asked says what there is"
    assert [one.why for one in outcome.told if one.place == "Q"] == ["the query is empty"]


def test_a_dashboard_without_a_uid_gets_one_from_grafana() -> None:
    files = written(own=board(panel("P", "up"), uid=""), other=board(panel("P", "up"), uid="other"))
    outcome = examine(boards(files), Fake(taken=("x",)))
    assert [one.file for one in outcome.told] == ["grafana/dashboards/other.json"]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    put(tmp_path, written(good=board()))
    (tmp_path / "grafana" / "dashboards" / "folder.json").mkdir()
    (tmp_path / "grafana" / "dashboards" / "gone.json").symlink_to(tmp_path / "nowhere")
    faults = {one.file.rpartition("/")[2]: one.fault for one in read(tmp_path)}
    assert faults == {
        "good.json": "",
        "folder.json": "cannot be read: Is a directory",
        "gone.json": "cannot be read: No such file or directory",
    }


def test_queries_without_a_letter_have_one_each() -> None:
    targets = [{"datasource": PROMETHEUS, "expr": "up"} for _ in range(10)]
    outcome = asked(Fake(), {"title": "P", "targets": targets})
    assert [one.ref for one in outcome.results] == list("ABCDEFGHIJ")


def test_histograms_are_counted() -> None:
    vector = [{"metric": {}, "histogram": [1, {"count": "3"}]}, {"metric": {}, "value": [1, "NaN"]}]
    assert _counted({"resultType": "vector", "result": vector}) == Answer(2, 1)
    matrix = [{"metric": {}, "values": [[1, "2"]], "histograms": [[1, {}], [2, {}]]}]
    assert _counted({"resultType": "matrix", "result": matrix}) == Answer(3, 3)


@pytest.mark.parametrize(
    ("code", "said", "words"),
    [
        (503, {"error": "query timed out"}, "P does not answer (HTTP 503: query timed out)"),
        (502, "<html>Bad Gateway</html>", "P does not answer (HTTP 502)"),
        (401, {"message": "Invalid username"}, "P refuses: Invalid username"),
        (400, {"results": {"A": {"error": "parse error"}}}, "parse error"),
        (400, {"results": {"A": None}}, '{"results": {"A": null}}'),
        (404, "", "P answered 404"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_who_refuses(code: int, said: Any, words: str) -> None:
    text = said if isinstance(said, str) else json.dumps(said)
    assert str(_refused(code, text.encode(), "P")) == words


def test_what_is_cut_says_so_and_nothing_steers_the_terminal() -> None:
    long = "nothing == 0 and " * 40 + "nothing"
    shown = list(told(asked(Fake(), panel("P", long), panel("Q", "\x1b[2Jnothing"))))
    assert not [line for line in shown if "\x1b" in line]
    assert [len(line) for line in shown if line.endswith("…")] == [4 + 300 + 1]


def test_a_rate_reaches_over_four_samples_of_what_grafana_is_told(tmp_path: Path) -> None:
    model = load_text(tmp_path, "intervals: {scrape: 1m}\n")
    files = written(own=board(panel("P", "rate(up[$__rate_interval])")))
    for path, content in ({DATASOURCES: render(model, COMPOSE)[DATASOURCES]} | files).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    fake = Fake()
    examine(read(tmp_path), fake)
    assert "rate(up[240s])" in fake.asked
    (tmp_path / DATASOURCES).unlink()
    examine(read(tmp_path), fake)
    assert "rate(up[60s])" in fake.asked
