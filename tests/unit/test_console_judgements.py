"""What the console concludes of figures: the state of a service, findings and what they cost, the score."""

from __future__ import annotations

import pytest
from console_kit import START
from watchstack.console.knowledge import services
from watchstack.console.knowledge.common import Answers, Period
from watchstack.console.knowledge.findings import MOST, Known, all_of
from watchstack.console.knowledge.insights import judged
from watchstack.console.knowledge.written import THRESHOLDS, Sources
from watchstack.console.peers.series import Sample


def answers(**found: list[tuple[dict[str, str], float]]) -> Answers:
    return Answers({name: [Sample(labels, value) for labels, value in rows] for name, rows in found.items()})


def test_the_state_of_a_service_has_a_reason() -> None:
    one = {"service": "shop", "job": "a"}
    found = services.judged(
        answers(
            up=[
                (one, 1),
                ({**one, "instance": "2"}, 0),
                ({"service": "till"}, 1),
                ({"service": "mail"}, 0),
                ({"service": "mail", "job": "probe"}, 1),  # that the prober answers says nothing of the service
                ({"service": "away", "job": "probe", "team": "web"}, 1),
                ({"service": "told"}, 1),
                ({"service": "ill"}, 1),
            ],
            probes=[({"service": "till"}, 0), ({"service": "away"}, 1)],
            checks=[({"service": "ill", "component": "db"}, 0)],
            alerts=[
                ({"service": "till", "severity": "warning"}, 3),
                ({"service": "told", "severity": "info"}, 1),
            ],
        ),
        Sources(services=("shop", "forgotten")),
    )
    assert [(one.name, one.state, one.why) for one in found.services] == [
        ("forgotten", "absent", ("stack.yml has it, and Prometheus no target of it: ./stack apply",)),
        ("mail", "down", ("its target does not answer",)),
        ("till", "down", ("its probe fails", "3 lesser alerts fire")),
        ("ill", "unhealthy", ("health checks fail: db",)),
        ("shop", "degraded", ("1 of 2 targets do not answer",)),
        ("away", "up", ()),
        ("told", "up", ()),
    ]
    assert [(one.targets, one.team) for one in found.services if one.name == "away"] == [(0, "web")]


@pytest.mark.parametrize(
    ("signs", "word"),
    [
        ((2, 2, None, False, []), "up"),
        ((0, 0, True, False, []), "up"),  # something that is only probed
        ((0, 2, True, False, []), "down"),
        ((2, 2, False, False, []), "down"),
        ((1, 2, None, True, ["critical"]), "unhealthy"),
        ((2, 2, None, True, []), "unhealthy"),
        ((2, 2, None, False, ["error"]), "unhealthy"),
        ((1, 2, None, False, []), "degraded"),
        ((2, 2, True, False, ["info", "warning"]), "degraded"),
        ((2, 2, True, False, ["page"]), "degraded"),  # a severity that somebody made up
        ((2, 2, True, False, ["info"]), "up"),
    ],
)
def test_one_word_for_a_service(signs: tuple[int, int, bool | None, bool, list[str]], word: str) -> None:
    """signs: targets that answer, targets, whether the probe finds it, whether a check fails, severities that fire."""
    assert services.state_of(*signs) == word


def known(**found: list[tuple[dict[str, str], float]]) -> Known:
    return Known(answers(**found), THRESHOLDS, "24 h", "6 h")


@pytest.mark.parametrize(
    ("figures", "points"),
    [
        ({"errors": [({"service": "shop"}, 0.05)]}, [10]),  # not over 5 %, but over 1 %
        ({"errors": [({"service": "shop"}, 0.051)]}, [30]),
        ({"errors": [({"service": "shop"}, 0.01)]}, []),
        ({"p95": [({"service": "shop"}, 1.0)]}, []),
        ({"p95": [({"service": "shop"}, 1.01)]}, [10]),
        ({"memory": [({"instance": "a"}, 79.9)]}, []),
        ({"memory": [({"instance": "a"}, 80)]}, [10]),
        ({"memory": [({"instance": "a"}, 90)]}, [20]),
        ({"availability": [({"service": "shop"}, 0.989)]}, [5]),
        ({"availability": [({"service": "shop"}, 0)], "down": [({"service": "shop", "job": "j"}, 1)]}, [20]),
        ({"firing": [({"alertname": "A", "severity": "critical"}, 1), ({"alertname": "Watchdog"}, 1)]}, [15]),
        ({"noise": [({"alertname": "A"}, 9)]}, []),
        ({"noise": [({"alertname": "A"}, 10)]}, [3]),
        ({"budgets": [({"service": "shop", "slo": "availability"}, -0.1)]}, [15]),
        ({"budgets": [({"service": "shop", "slo": "availability"}, 0.25)]}, []),
        ({"restarts": [({"name": "a"}, 2)]}, []),
        ({"restarts": [({"name": "a"}, 3)]}, [5]),
        ({"rule_failures": [({}, 0)]}, []),
        ({"rule_failures": [({}, 1)]}, [10]),
        ({"certificates": [({"instance": "a"}, 14 * 86400)]}, []),
        ({"certificates": [({"instance": "a"}, -5)]}, [15]),
    ],
)
def test_what_a_figure_costs(figures: dict[str, list[tuple[dict[str, str], float]]], points: list[int]) -> None:
    found = all_of(known(**figures))
    assert [one.points for one in found] == points
    assert all(one.action and one.link.startswith("/") for one in found)


def test_many_of_one_kind_are_told_as_one() -> None:
    found = all_of(known(down=[({"service": f"s{n:02d}", "job": "j"}, 1) for n in range(40)]))
    assert [one.points for one in found] == [20] * MOST + [0]
    assert found[-1].message.startswith("and 35 more like “s04: a target")


def test_a_rise_that_fills_a_disk_is_told() -> None:
    rising = [(float(n * 3600), 60 + n * 0.5) for n in range(24)]
    flat = [(float(n * 3600), 60 + n % 2) for n in range(24)]
    curves = {("disk", "a", "/"): rising, ("disk", "b", "/"): flat}
    [found] = all_of(Known(answers(), THRESHOLDS, "24 h", "6 h", rises=curves))  # type: ignore[arg-type]
    assert found.message == "Disk / of a rises and reaches 95 % in about 1 d"


@pytest.mark.parametrize(
    ("logged", "before", "now", "told"),
    [(500, 5, 19, []), (500, 7, 21, []),
     (500, 5, 20, ["20 log lines within 6 h tell of errors, 5 did in the time before"]),
     (500, 0, 20, ["20 log lines within 6 h tell of errors, 0 did in the time before"]),
     (0, 0, 500, [])],
)  # fmt: skip
def test_a_jump_of_errors_in_the_logs_is_told(logged: float, before: float, now: float, told: list[str]) -> None:
    """H-04: not where nothing is known of the time before."""
    found = Answers({"logged before": [logged], "failed": [before], "failing": [now]})
    assert [one.message for one in all_of(Known(found, THRESHOLDS, "24 h", "6 h"))] == told
    trends = judged(Known(found, THRESHOLDS, "24 h", "6 h"), Period(START - 86400, START, "24h"))["trends"]
    assert ("error_lines" in trends) is bool(logged)


def test_the_score_its_confidence_and_what_is_missing() -> None:
    over = Period(START - 86400, START, "24h")
    told = judged(
        known(
            memory=[({"instance": "a"}, 95)],
            availability=[({"service": "shop"}, 1)],
            **{"now cpu_percent": [({}, 60)], "then cpu_percent": [({}, 40)], "now series": [({}, 5)]},
        ),
        over,
    )
    assert told["health_score"] == 80
    assert told["reasons"] == [{"message": "Memory of a is at 95 %; the threshold is 90 %", "points": -20}]
    assert told["alerts"][0].keys() == {"message", "severity"}
    assert told["recommendations"][0].keys() == {"message", "action", "link"}
    assert told["confidence"] == pytest.approx(2 / 9, abs=0.01)
    assert told["areas"]["hosts"]["state"] == "known"
    assert told["areas"]["requests"]["state"] == "missing"
    assert told["trends"].keys() == {"cpu_percent"}  # of the series nothing is known before
    assert told["trends"]["cpu_percent"]["change_percent"] == 50
