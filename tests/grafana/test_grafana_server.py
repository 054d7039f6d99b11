"""Grafana's server on the generated provisioning: no error in its log, datasources that answer, panels with data.

Every query is asked by stackgen.live, which is `./stack check --live`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from grafana_support import SAMPLES, Grafana, checked_live
from running import RunningStack
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native_examples import EXAMPLES
from stackgen.live import Asker, Board, Outcome, Result, ThroughGrafana, Verdict, examine, read
from stackgen.live.boards import Question
from stackgen.live.options import options
from stackgen.live.told import lines
from stackgen.load import load
from stackgen.render.common import Source
from stackgen.render.dashboards import DASHBOARDS
from support import unavailable
from waiting import until

pytestmark = pytest.mark.grafana

ERROR = re.compile(r"level=(error|crit)")
REFUSED = re.compile(r'msg="(Invalid username or password|bad login data)"')  # tests show wrong ones


@pytest.fixture(scope="module")
def boards(stack: RunningStack) -> dict[str, Board]:
    """Every generated dashboard by its uid."""
    return {board.uid: board for board in read(stack.root)}


def quiet(found: Sequence[Board], asker: Asker) -> Outcome:
    """The last answer, with nothing wrong if that came within the time: rates need their samples first."""
    limit = time.monotonic() + SAMPLES
    while (outcome := examine(found, asker)).wrong and time.monotonic() < limit:
        time.sleep(2)
    return outcome


def test_every_dashboard_is_listed(grafana: Grafana, boards: dict[str, Board]) -> None:  # L-10, K-30, K-31
    found = {item["uid"]: item for item in grafana.call("/api/search?type=dash-db")}
    assert set(found) == set(boards)
    assert found["watchstack-overview"]["folderTitle"] == "Watchstack"


def test_provisioned_dashboards_are_what_was_generated(grafana: Grafana, boards: dict[str, Board]) -> None:
    for uid, generated in boards.items():
        served = grafana.call(f"/api/dashboards/uid/{uid}")["dashboard"]
        assert [panel["title"] for panel in served["panels"]] == [panel["title"] for panel in generated.panels()]


def test_prometheus_is_healthy(grafana: Grafana) -> None:  # L-10
    assert grafana.call("/api/datasources/uid/prometheus/health")["status"] == "OK"


def test_loki_and_alertmanager_answer_through_their_datasources(grafana: Grafana) -> None:
    """This server has no health call for these two: their own answers through its proxy show that they are reached."""
    labels = grafana.call("/api/datasources/proxy/uid/loki/loki/api/v1/labels")
    assert "environment" in labels["data"]
    status = grafana.call("/api/datasources/proxy/uid/alertmanager/api/v2/status")
    assert status["versionInfo"]["version"]


def test_a_wrong_password_is_told_once(grafana: Grafana) -> None:
    outcome = examine([], ThroughGrafana(grafana.url, "admin", "wrong"))
    assert [one.place for one in outcome.told] == ["Grafana"]
    assert "Grafana refuses: " in outcome.told[0].why


def test_every_panel_has_data_or_says_why_not(
    asker: Asker, boards: dict[str, Board], capsys: pytest.CaptureFixture[str]
) -> None:
    """Through Grafana's own query API, with the five examples running; the table is part of the log of a test run."""
    outcome = quiet(list(boards.values()), asker)
    with capsys.disabled():
        print("", *lines(outcome), sep="\n")
    assert [(one.file, one.place, one.ref, one.why) for one in outcome.wrong] == []
    assert sum(result.verdict is Verdict.OK for result in outcome.results) >= 200
    assert {result.file for result in outcome.results} == {board.file for board in boards.values()}
    assert outcome.seconds < 30


def test_the_command_asks_prometheus_and_loki_where_no_grafana_is_part_of_the_stack(stack: RunningStack) -> None:
    """The native engine has none."""
    done = checked_live(stack)
    assert "asked through Prometheus and Loki in" in done.stdout
    table = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in done.stdout.splitlines()
             if line.startswith(("grafana/dashboards/", "all "))}  # fmt: skip
    assert len(table) > 19
    assert table["all"][0] >= 200
    assert table["all"][2:] == [0, 0]


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_panels_of_a_database_have_data(asker: Asker, stack: RunningStack, exporters: set[str], name: str) -> None:
    """The real exporter beside a real server; the dashboard as it is where the exporter's profile is on."""
    if f"{name}-exporter" not in exporters:
        unavailable(f"{name}_exporter is not to be had")
    model, _ = load(stack.root)
    board = Board(f"{name}.json", DASHBOARDS[name](Source(model, COMPOSE), ""))

    def results() -> list[Result]:
        return [one for one in examine([board], asker).results if one.ref]  # Grafana has no such dashboard

    def whole() -> bool:
        verdicts = [one.verdict for one in results()]
        return set(verdicts) <= {Verdict.OK, Verdict.DECLARED} and verdicts.count(Verdict.OK) >= 14

    until(whole, SAMPLES, lambda: f"every panel of {name} has data: {results()}")


def offers(asker: Asker, query: str, wanted: list[str], title: str) -> None:
    """Sooner or later exactly these."""
    found = partial(options, asker, "prometheus", query)
    until(lambda: found() == wanted, SAMPLES, lambda: f"{title} offers {wanted}; now {found()}")


def test_every_variable_has_values(asker: Asker, boards: dict[str, Board]) -> None:  # K-01, K-05, K-09, K-10, K-32
    """A preset's dashboard offers the service that uses the preset, and no other."""
    seen = 0
    for board in boards.values():
        presets = [tag.removeprefix("preset-") for tag in board.content["tags"] if tag.startswith("preset-")]
        for variable in board.variables:
            if variable["type"] == "query" and variable["name"] == "service":
                if presets:
                    wanted = [f"example-{preset}" for preset in presets]
                elif board.uid == "watchstack-slo":
                    wanted = [example.name for example in EXAMPLES if example.slo]
                else:  # of every preset, and what of the stack itself answers with the library
                    wanted = [*sorted(example.name for example in EXAMPLES), "watchstack"]
                offers(asker, variable["query"]["query"], wanted, board.title)
                seen += 1
    assert seen >= 13


def test_panels_of_the_presets_show_numbers(asker: Asker, boards: dict[str, Board]) -> None:  # K-02, K-03, K-11 to K-25
    """Whatever they declare: with the examples running each of the rows' own panels shows what it is for."""
    for uid in ("watchstack-flask-health", "watchstack-iot"):

        def numbers(uid: str = uid) -> bool:
            return all(result.numbers for result in examine([boards[uid]], asker).results if result.ref != "values"
                       and not result.place.startswith("annotation "))  # fmt: skip

        until(numbers, SAMPLES, f"every panel of {uid}")


def test_the_link_to_a_services_logs_finds_lines(asker: Asker, boards: dict[str, Board]) -> None:  # J-13
    """For one service, for two, and for all of them, as Grafana writes the variable into the address."""
    board = boards["watchstack-iot"]
    (link,) = [one for one in board.content["links"] if one["title"] == "Logs of these services"]
    (pane,) = json.loads(parse_qs(urlsplit(link["url"]).query)["panes"][0]).values()
    (query,) = pane["queries"]
    for value in ("example-iot", "example-api|example-iot", ".*"):
        expr = query["expr"].replace("${service:pipe}", value)
        ask = partial(asker.ask, Question(board, "link", "A", "loki", expr, query, lines=True))
        until(lambda ask=ask: ask().rows, why=expr)


def test_the_envelope_is_taken_by_the_api(grafana: Grafana, stack: RunningStack) -> None:  # K-04, Y-11
    """Under a uid and a title of its own: Grafana keeps the provisioned ones as they are."""
    envelope: dict[str, Any] = json.loads((stack.root / "grafana" / "import" / "flask-health.json").read_text())
    envelope["dashboard"] |= {"uid": "imported", "title": "Imported"}
    assert grafana.call("/api/dashboards/db", envelope)["status"] == "success"
    served = grafana.call("/api/dashboards/uid/imported")["dashboard"]
    assert [panel["title"] for panel in served["panels"]] == ["Health Check Status", "Response Times"]


def test_the_log_holds_no_error(grafana: Grafana) -> None:
    """Behind the tests above on purpose: what they asked has been logged too."""
    assert [line for line in grafana.log.splitlines() if ERROR.search(line) and not REFUSED.search(line)] == []
    assert "Database locked" not in grafana.log, (
        "writers wait for each other: without GF_DATABASE_URL some retry, and fail"
    )
    assert "HTTP Server Listen" in grafana.log
