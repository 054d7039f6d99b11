"""What `./stack diff` says: every sentence comes from two rendered trees, the edit is made in the sources."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from stackgen.words import changes
from stackgen.words.matching import fits, parsed, ways
from stackgen.words.spell import duration, folded, listed, parted, seconds
from trees import load_text

Tell = Callable[..., list[str]]
STACK = """\
environment: test
services:
  - {name: shop, targets: ['shop:8000'], team: web}
  - {name: till, targets: ['till:8000'], team: ops}
teams:
  web: {critical: [pager], warning: [slack-web]}
  ops: {critical: [slack-ops], warning: [slack-ops]}
receivers:
  slack-web: {slack: {webhook_url_file: a}}
  slack-ops: {slack: {webhook_url_file: b}}
  pager: {pagerduty: {routing_key_file: c}}
thresholds: {memory_warning: 85}
"""
RULES = """\
groups:
  - name: app
    rules:
      - alert: HighMemory
        expr: app_memory_percent{job="shop"} > ${threshold.memory_warning}
        for: 5m
        labels: {severity: warning}
        annotations: {summary: 'memory is over ${threshold.memory_warning} %', description: 'since {{ $value }}'}
        runbook: high-memory-usage
      - alert: HighErrorRate
        expr: sum by (service, team) (rate(app_errors_total[5m])) > 3
        labels: {severity: critical}
        annotations: {summary: errors}
      - record: app:errors:rate5m
        expr: sum(rate(app_errors_total[5m]))
"""


@pytest.fixture
def told(tmp_path: Path) -> Tell:
    """Sentences about an edit: (old, new) pairs of text in stack.yml or the rule file; `disabled` as diff gives it."""
    before = render(load_text(tmp_path, STACK, app=RULES), COMPOSE)

    def tell(*edits: tuple[str, str]) -> list[str]:
        stack, rules = STACK, RULES
        for old, new in edits:
            assert old in stack + rules
            stack, rules = stack.replace(old, new), rules.replace(old, new)
        model = load_text(tmp_path, stack, app=rules)
        disabled = [one.alert for one in model.stack.overrides.values() if one.disabled]
        return [one.text for one in changes(before, render(model, COMPOSE), disabled)]

    return tell


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (("memory_warning: 85", "memory_warning: 80"), "HighMemory fires at 80 % instead of 85 %, after 5 m"),
        (("for: 5m", "for: 90s"), "HighMemory fires after 90 s instead of 5 m"),
        (("        for: 5m\n", ""), "HighMemory fires at once instead of 5 m"),
        (("{severity: warning}", "{severity: error}"), "HighMemory is error instead of warning"),
        (("{severity: warning}", "{severity: warning, team: ops}"), "HighMemory belongs to team ops instead of"),
        (("> 3", "> 5"), "HighErrorRate fires at 5 instead of 3, at once"),
        (
            ("app_errors_total[5m])) >", "app_errors_total[1m])) >"),
            "looks at … app_errors_total[1m]) … instead of … app_errors_total[5m]) …",
        ),
        (("> 3", ">= 3"), "HighErrorRate looks at"),
        (("summary: errors", "summary: many errors"), "HighErrorRate reads otherwise in its summary"),
        (("for: 5m", "for: 5m\n        keep_firing_for: 10m"), "HighMemory keeps firing for 10 m"),
        (("runbook: high-memory-usage", "runbook: service-down"), "HighMemory links its runbook to http"),
        (("alert: HighErrorRate", "alert: Errors"), "Errors is new: critical, fires at once when sum by"),
        (("alert: HighErrorRate", "alert: Errors"), "HighErrorRate is gone"),
        (("record: app:errors:rate5m", "record: app:errors:rate"), "app:errors:rate5m is recorded no longer"),
        (("(rate(app_errors_total[5m]))\n", "(app_errors_total)\n"), "app:errors:rate5m looks at"),
        (("  - name: app\n", "  - name: app\n    interval: 1m\n"), "group app has interval 1 m instead of none"),
        (("team: ops}\nteams", "team: ops, interval: 5s}\nteams"), "job till is scraped every 5 s instead of 15 s"),
        (("team: ops}\nteams", "team: ops, bearer_token_file: t}\nteams"), "job till is shown the token t"),
        (("'shop:8000'", "'shop:8000', 'shop:8001'"), "job shop gets the target shop:8001"),
        (("'shop:8000'", "'other:8000'"), "job shop loses the target shop:8000"),
        (("name: till", "name: desk"), "job desk is new: till:8000, every 15 s"),
        (("name: till", "name: desk"), "job till is gone: scraped no longer"),
        (("environment: test", "environment: real"), 'label environment="real" instead of "test"'),
        (("environment: test", "retention: {logs: 7d}"), "logs are kept 7 d instead of 14 d"),
        (("environment: test", "intervals: {scrape: 30s}"), "is scraped every 30 s instead of 15 s"),
        (("environment: test", "intervals: {repeat: 1h}"), "repeats a message after 1 h instead of 4 h"),
        (("  pager: {pag", "  page: {webhook: {url: 'http://x/'}}\n  pager: {pag"), "receiver page is new (webhook)"),
        (("routing_key_file: c", "routing_key_file: d"), "receiver pager changes: routing_key_file"),
        (
            ("web: {critical: [pager],", "web: {critical: [pager], repeat: {critical: 30m},"),
            'route to pager (team="web", severity="critical") repeats a message after 30 m instead of 4 h',
        ),
        (
            ("web: {critical: [pager],", "web: {group_by: [service], critical: [pager],"),
            'route to pager (team="web", severity="critical") groups by service instead of alertname, service and env',
        ),
        (("environment: test", "address: http://x:1"), "links to http://x:1 instead of http://127.0.0.1:9099"),
    ],
)
def test_an_edit_is_one_sentence(told: Tell, edit: tuple[str, str], sentence: str) -> None:
    found = told(edit)
    assert any(sentence in text for text in found), found


def test_a_job_with_a_shorter_interval_times_out_earlier(told: Tell) -> None:
    found = told(("team: ops}\nteams", "team: ops, interval: 5s}\nteams"))
    assert "job till times out after 5 s instead of 10 s" in found


def test_nothing_is_nothing(told: Tell) -> None:
    assert told() == []
    assert told(("expr: sum(", "expr:  sum(")) == []


def test_a_threshold_alone_changes_no_text(told: Tell) -> None:
    found = [text for text in told(("memory_warning: 85", "memory_warning: 80")) if "HighMemory" in text]
    assert found == ["HighMemory fires at 80 % instead of 85 %, after 5 m"]


def test_an_override_that_waits_longer_changes_no_text_but_its_own_words(tmp_path: Path) -> None:
    """`for 5 minutes` in a text follows the override: that is one change, not two."""
    text = ("description: 'since {{ $value }}'", "description: 'over it for 5 minutes, mean of 5 minutes'")
    stack = STACK + "overrides: {HighMemory: {for: 10m}}\n"
    before, after = (render(load_text(tmp_path, one, app=RULES.replace(*text)), COMPOSE) for one in (STACK, stack))
    assert [one.text for one in changes(before, after)] == ["HighMemory fires after 10 m instead of 5 m"]


def test_a_disabled_alert_is_told_from_a_removed_one(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    model = load_text(tmp_path, STACK, app=RULES)
    files = render(model, COMPOSE)
    less = {**files, "prometheus/rules/app.yml": b"groups: []\n"}
    assert "HighErrorRate is disabled (overrides in stack.yml)" in [
        one.text for one in changes(files, less, ["HighErrorRate"])
    ]
    assert "HighErrorRate is gone" in [one.text for one in changes(files, less)]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (("critical: [pager]", "critical: [pager, slack-web]"), "HighErrorRate of team web goes to slack-web too"),
        (
            ("critical: [pager]", "critical: [slack-web]"),
            "HighErrorRate of team web goes to slack-web instead of pager",
        ),
        (("critical: [pager], ", ""), "HighErrorRate of team web no longer goes to pager"),
        (
            ("{severity: critical}", "{severity: warning}"),
            "HighErrorRate of team web goes to slack-web instead of pager",
        ),
        (
            ("critical: [slack-ops], warning: [slack-ops]", "critical: [pager], warning: [slack-ops]"),
            "HighErrorRate of team ops goes to pager instead of slack-ops",
        ),
    ],
)
def test_routes_are_told_for_the_alerts_that_go_elsewhere(told: Tell, edit: tuple[str, str], sentence: str) -> None:
    found = [text for text in told(edit) if " go" in text]
    assert found == [sentence]


def test_an_alert_that_selects_one_job_goes_nowhere_else_for_another(told: Tell) -> None:
    edit = ("critical: [slack-ops], warning: [slack-ops]", "critical: [pager], warning: [pager]")
    found = [text for text in told(edit) if " go" in text]
    assert found == ["HighErrorRate of team ops goes to pager instead of slack-ops"], "HighMemory is about the shop"
    found = [text for text in told(("team: ops}\nteams", "team: web}\nteams")) if " go" in text]
    assert found == ["HighErrorRate of team web goes to pager instead of slack-ops"]


# The pieces


def test_matchers_as_alertmanager_reads_them() -> None:
    assert parsed('severity=~"a|b"') == ("severity", "=~", "a|b")
    assert parsed('"team" != "x\\"y"') == ("team", "!=", 'x"y')
    assert parsed("severity=critical") == ("severity", "=", "critical")
    assert fits('team=~"web|"', {})
    assert not fits('team=~"we"', {"team": "web"}), "a pattern must fit as a whole"
    assert fits('team!~"we"', {"team": "web"})
    assert not fits('team=~"("', {"team": "("}), "a broken pattern fits nothing"


def test_the_walk_through_the_tree() -> None:
    tree = {
        "receiver": "inbox",
        "routes": [
            {"receiver": "inbox", "continue": True},
            {"matchers": ['team="web"'], "routes": [{"receiver": "pager", "matchers": ['severity="critical"']}]},
            {"receiver": "night", "matchers": ['team="ops"'], "active_time_intervals": ["nights"]},
        ],
    }
    assert ways(tree, {}) == ["inbox"]
    assert ways(tree, {"team": "web", "severity": "critical"}) == ["inbox", "pager"]
    assert ways(tree, {"team": "web"}) == ["inbox"], "the receiver is inherited"
    assert ways(tree, {"team": "ops"}) == ["inbox", "night (in nights)"]


def test_spelling() -> None:
    assert duration("1m30s") == "1 m 30 s"
    assert duration("shop") == "shop"
    assert seconds("1m30s") == 90
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed("abcdef", 2) == "a, b and 4 more"
    assert parted("a + b", "a + c") == ("a + b", "a + c")
    old, new = parted("sum by (a) (rate(x[5m])) > 3 and y", "sum by (a) (rate(x[1m])) > 3 and y")
    assert "5m" in old
    assert "1m" in new
    assert len(new) < 30
    assert folded([("a", "is gone"), ("b", "is new")], "alert") == ["a is gone", "b is new"]
    many = [(f"job {name}", "moves") for name in "abcde"]
    assert folded(many, "scraping") == ["5 jobs (a, b, c and 2 more): each moves"]


def test_a_file_that_nobody_can_read_counts_as_empty(told: Tell, tmp_path: Path) -> None:
    after = render(load_text(tmp_path, STACK, app=RULES), COMPOSE)
    before = {**after, "prometheus/rules/app.yml": b"groups: [", "alertmanager/alertmanager.yml": b"\xff"}
    found = [one.text for one in changes(before, after)]
    assert any(text.startswith("HighMemory is new") for text in found)


def test_templates_of_messages_are_told(tmp_path: Path) -> None:
    files = render(load_text(tmp_path, STACK, app=RULES), COMPOSE)
    name = "alertmanager/templates/mail.tmpl"
    for before, after, fate in ((b"a", b"b", "changes"), (b"a", None, "is gone"), (None, b"b", "is new")):
        old, new = ({**files, **({name: text} if text else {})} for text in (before, after))
        assert [one.text for one in changes(old, new)] == [f"message template mail.tmpl {fate}"]


def test_a_service_with_numbers_of_its_own_and_escalation(told: Tell) -> None:
    preset = ('app_memory_percent{job="shop"}', 'app_memory_percent{preset="iot"}')
    shop = "{name: shop, targets: ['shop:8000'], team: web"
    own = told(preset, (f"{shop}}}", f"{shop}, preset: iot, thresholds: {{memory_warning: 70}}}}"))
    assert any(line.startswith("HighMemory of shop is new: warning, fires after 5 m when") for line in own)
    steps = told(("web: {critical: [pager],", "web: {critical: [pager], escalation: {15m: [slack-web]},"))
    assert [line for line in steps if "escalat" in line.split(":")[0] or "step" in line] == [
        "escalation step 1 is new for 1 alert: HighErrorRate"
    ]


def test_escalation_whose_links_alone_change_waits_as_before(tmp_path: Path) -> None:
    stack = STACK.replace("web: {critical: [pager],", "web: {critical: [pager], escalation: {15m: [slack-web]},")
    rules = RULES.replace("{summary: errors}", "{summary: errors}\n        runbook: service-down")
    before = render(load_text(tmp_path, stack, app=rules), COMPOSE)
    after = render(load_text(tmp_path, f"{stack}address: http://x:1\n", app=rules), COMPOSE)
    steps = [one.text for one in changes(before, after) if "step" in one.text]
    assert steps == ["escalation step 1 links elsewhere for 1 alert: HighErrorRate"]
