"""From sources to the model: values, defaults, thresholds, overrides, and rule files of any origin."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from stackgen import report
from stackgen.diagnostic import Diagnostic, SourceError
from stackgen.load import load
from stackgen.model import Model, Rule
from stackgen.model.defaults import THRESHOLDS
from stackgen.model.keys import STACK_KEYS
from stackgen.model.stack import Intervals, Retention, Stack
from stackgen.model.values import duration_hint, seconds, spell

ROOT = Path(__file__).resolve().parents[2]
Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Writes a checkout: stack.yml and rule files by their path below rules/."""

    def write(stack: str, **rules: str) -> Path:
        (tmp_path / "stack.yml").write_text(stack, encoding="utf-8")
        for name, text in rules.items():
            path = tmp_path / "rules" / (name.replace("__", "/") + ".yml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def model(root: Path) -> Model:
    return load(root)[0]


def rules(root: Path) -> list[Rule]:
    return [rule for file in model(root).rule_files for group in file.groups for rule in group.rules]


def errors(root: Path) -> list[Diagnostic]:
    with pytest.raises(SourceError) as caught:
        load(root)
    return caught.value.diagnostics


ALERT = """groups:
  - name: host
    rules:
      - alert: HighMemoryUsage
        expr: memory > ${threshold.memory_warning}
        for: 5m
        labels: {severity: warning}
        annotations:
          summary: over ${threshold.memory_warning} %
"""


def test_defaults_are_those_of_the_dataclasses(tree: Tree) -> None:
    stack = model(tree("environment: production\n")).stack
    assert stack == Stack(thresholds=stack.thresholds)
    assert dict(stack.thresholds) == dict(THRESHOLDS)


def test_empty_parts_are_defaults(tree: Tree) -> None:
    """A part whose lines are all commented out is no mistake."""
    keys = (
        "retention",
        "intervals",
        "services",
        "teams",
        "receivers",
        "thresholds",
        "watchdog",
        "overrides",
        "profiles",
    )
    stack = model(tree("environment: production\n" + "".join(f"{key}:\n" for key in keys))).stack
    assert stack == Stack(thresholds=stack.thresholds)


def test_a_whole_stack(tree: Tree) -> None:
    root = tree(
        """
environment: staging
address: https://watch.example/
collector: alloy
profiles: [redis]
retention: {metrics: 90d, metrics_size: 10GB, logs: 30d}
intervals: {scrape: 30s, repeat: 1h30m}
services:
  - name: shop
    preset: flask
    targets: ["host.docker.internal:8000", "[::1]:8001"]
    metrics_path: /health/metrics
    scheme: https
    interval: 1m
    timeout: 5s
    probe: http://shop.example/ready
    team: web
    labels: {zone: eu, shard: "1"}
  - name: workers
    dns: {names: [workers.internal], type: A, port: 9000, refresh_interval: 1m}
  - {name: shelf, files: [targets/shelf-*.json]}
teams:
  web: {critical: [hook], warning: [inbox]}
receivers:
  hook: {webhook: {url: "http://hook.example/in", max_alerts: 5, send_resolved: false}}
watchdog: {notify: hook, silence: 3m}
thresholds: {memory_warning: 75 %, cpu_warning: 70.5}
"""
    )
    stack = model(root).stack
    assert (stack.environment, stack.address, stack.collector) == ("staging", "https://watch.example", "alloy")
    assert stack.retention == Retention("90d", "30d", "10GB")
    assert stack.intervals == Intervals(scrape=30.0, repeat=5400.0)
    shop, workers, shelf = stack.services
    assert shop.targets == ("host.docker.internal:8000", "[::1]:8001")
    assert (shop.metrics_path, shop.scheme, shop.interval, shop.timeout) == ("/health/metrics", "https", 60.0, 5.0)
    assert (shop.probe, shop.team, dict(shop.labels)) == (
        "http://shop.example/ready",
        "web",
        {"zone": "eu", "shard": "1"},
    )
    assert dict(workers.dns) == {"names": ["workers.internal"], "type": "A", "port": 9000, "refresh_interval": "1m"}
    assert shelf.files == ("targets/shelf-*.json",)
    assert stack.teams["web"].told("error") == ("hook",)
    assert dict(stack.receivers["hook"].options) == {
        "url": "http://hook.example/in",
        "max_alerts": 5,
        "send_resolved": False,
    }
    assert (stack.watchdog.notify, stack.watchdog.silence) == ("hook", 180.0)
    assert (stack.thresholds["memory_warning"], stack.thresholds["cpu_warning"]) == (75.0, 70.5)
    assert stack.active_profiles == ("redis", "blackbox")


def test_the_only_team_is_the_default(tree: Tree) -> None:
    one = "teams:\n  web: {critical: [inbox]}\n"
    assert model(tree(one)).stack.default_team == "web"
    assert model(tree(one + "  shop: {critical: [inbox]}\n")).stack.default_team is None
    assert model(tree(one + "  shop: {critical: [inbox]}\ndefault_team: shop\n")).stack.default_team == "shop"


def test_positions_are_those_of_the_names(tree: Tree) -> None:
    stack = model(tree("services:\n  - targets: [shop:80]\n    name: shop\nteams: {web: {critical: [inbox]}}\n")).stack
    assert (stack.services[0].where.line, stack.services[0].where.column) == (3, 11)
    assert (stack.teams["web"].where.line, stack.teams["web"].where.column) == (4, 9)


def test_thresholds_go_into_rules(tree: Tree) -> None:
    (rule,) = rules(tree("thresholds: {memory_warning: 75}\n", custom__a=ALERT))
    assert rule.body == {
        "alert": "HighMemoryUsage",
        "expr": "memory > 75",
        "for": "5m",
        "labels": {"severity": "warning"},
        "annotations": {"summary": "over 75 %"},
    }
    (rule,) = rules(tree("thresholds: {memory_warning: 72.5}\n", custom__a=ALERT))
    assert rule.expr == "memory > 72.5"


def test_thresholds_go_into_durations_and_tests(tree: Tree) -> None:
    text = ALERT.replace("for: 5m", "for: ${threshold.patience}m")
    text += """        tests:
          - name: fires
            series: {'memory{instance="a"}': '${threshold.memory_warning}+1x10'}
            at: 6m
            fires: [{instance: a, level: "${threshold.memory_warning}"}]
"""
    (rule,) = rules(tree("thresholds: {patience: 7, memory_warning: 60}\n", custom__a=text))
    assert rule.body["for"] == "7m"
    assert rule.tests[0].series == {'memory{instance="a"}': "60+1x10"}
    assert rule.tests[0].fires == ({"instance": "a", "level": "60"},)
    found = errors(tree("thresholds: {patience: 0.5}\n", custom__a=text))
    assert [(one.check, one.where.line) for one in found] == [("invalid-duration", 6)]


def test_a_threshold_is_never_a_capture_group(tree: Tree) -> None:
    expr = 'label_replace(up, "a", "${1}-$1-${x}", "b", "(.*)")'
    (rule,) = rules(
        tree("environment: test\n", custom__a=ALERT.replace("memory > ${threshold.memory_warning}", f"'{expr}'"))
    )
    assert rule.expr == expr


def test_overrides_change_the_alert(tree: Tree) -> None:
    stack = (
        "teams: {ops: {critical: [inbox]}}\n"
        "overrides: {HighMemoryUsage: {for: 10m, threshold: 50, severity: info, team: ops}}\n"
    )
    (rule,) = rules(tree(stack, custom__a=ALERT))
    assert rule.body["for"] == "10m"
    assert rule.expr == "memory > 50"
    assert rule.body["annotations"]["summary"] == "over 50 %"
    assert rule.body["labels"]["severity"] == "info"
    assert rule.team == "ops"


@pytest.mark.parametrize(
    ("lasting", "given", "before", "after"),
    [
        ("5m", "10m", "over 80 % (mean of 5 minutes) for 5 minutes.", "over 80 % (mean of 5 minutes) for 10 minutes."),
        ("1m", "30s", "for a minute or longer, not for a minutes", "for 30 seconds or longer, not for a minutes"),
        ("30s", "1m30s", "down for 30 seconds", "down for 90 seconds"),
        ("2h", "1h", "for 2 hours", "for an hour"),
    ],
)
def test_the_text_says_how_long_an_override_waits(
    lasting: str, given: str, before: str, after: str, tree: Tree
) -> None:
    written = ALERT.replace("for: 5m", f"for: {lasting}").replace("over ${threshold.memory_warning} %", before)
    assert before in written
    (rule,) = rules(tree(f"overrides: {{HighMemoryUsage: {{for: {given}}}}}\n", custom__a=written))
    assert rule.body["annotations"]["summary"] == after


def test_an_override_adds_for_behind_the_expression(tree: Tree) -> None:
    root = tree("overrides: {HighMemoryUsage: {for: 10m}}\n", custom__a=ALERT.replace("        for: 5m\n", ""))
    assert list(rules(root)[0].body) == ["alert", "expr", "for", "labels", "annotations"]


def test_a_disabled_alert_is_gone(tree: Tree) -> None:
    assert rules(tree("overrides: {HighMemoryUsage: {disabled: true}}\n", custom__a=ALERT)) == []
    assert len(rules(tree("overrides: {HighMemoryUsage: {disabled: false, for: 1m}}\n", custom__a=ALERT))) == 1


FOREIGN = (ROOT / "tests/cases/foreign/rules.yml").read_text(encoding="utf-8")


def test_any_prometheus_rule_file_works_as_it_is(tree: Tree) -> None:
    found, findings = load(tree("environment: test\n", custom__foreign=FOREIGN))
    assert [(one.check, one.severity.value) for one in findings] == [
        ("missing-extras", "warning"),
        ("lost-label", "warning"),
    ]
    (group,) = found.rule_files[0].groups
    assert group.name == "node exporter: übersicht"
    assert group.options == {"interval": "1m", "limit": 100, "query_offset": "30s", "labels": {"owner": "sre"}}
    recorded, requests, down, slow, always = group.rules
    assert recorded.expr.startswith("# the busy share\n1 - avg without (cpu) (\n  rate(")
    assert (requests.name, dict(requests.body["labels"])) == (
        "http.requests",
        {"k8s.pod": "a", "page": "yes", "tier": "01"},
    )
    assert down.body["labels"] == {"severity": "critical", "owner": "sre"}
    assert down.expr == "up == 0 and on (instance) node_boot_time_seconds > 1\n"
    assert (down.body["for"], down.body["keep_firing_for"]) == ("0s", "5m")
    assert slow.body["annotations"] == down.body["annotations"]
    assert always.expr == "1"
    assert (down.expr_where.line, down.expr_where.column) == (21, 11)


def test_groups_of_loki(tree: Tree) -> None:
    text = ALERT.replace("  - name: host\n", "  - name: host\n    type: loki\n").replace(
        "memory > ${threshold.memory_warning}", 'sum(rate({job="x"} |= "error" [5s])) > 1'
    )
    found, findings = load(tree("environment: test\n", custom__a=text))
    assert [one.check for one in findings] == ["missing-extras"]
    assert (found.rule_files[0].groups[0].type, found.rule_files[0].groups[0].options) == ("loki", {})


def test_custom_files_are_marked(tree: Tree) -> None:
    found = model(tree("environment: test\n", custom__a="groups: []\n", b="groups: []\n"))
    assert [(file.path, file.custom) for file in found.rule_files] == [
        ("rules/b.yml", False),
        ("rules/custom/a.yml", True),
    ]


def test_the_digest_tells_every_change(tree: Tree) -> None:
    first = model(tree("environment: test\n", custom__a="groups: []\n")).digest
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert model(tree("environment: test\n", custom__a="groups: []\n")).digest == first
    assert model(tree("environment: test \n", custom__a="groups: []\n")).digest != first
    assert model(tree("environment: test\n", custom__a="groups: [] \n")).digest != first
    assert model(tree("environment: test\n", custom__a="groups: []\n", custom__b="groups: []\n")).digest != first


def test_a_file_is_read_once(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree("enviroment: test\n", custom__a=ALERT.replace("memory_warning", "memory"))
    opened: list[str] = []
    honest = Path.open

    def watch(self: Path, *args: object, **kwargs: object) -> object:
        opened.append(self.name)
        return honest(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", watch)
    found = errors(root)
    assert all(one.excerpt for one in found)
    assert sorted(opened) == ["a.yml", "stack.yml"]


def test_no_secret_in_any_output(tree: Tree) -> None:
    root = tree(
        "services: [{name: shop, targets: ['http://me:hunter2@shop:80/x?token=hunter2']}]\n"
        "receivers:\n"
        "  a: {slack: 'https://hooks.slack.com/services/hunter2'}\n"
        "  b: {email: {password: hunter2, auth_secret: hunter2}}\n"
        "  c: {webhook: {url_file: 'https://hook.example/hunter2', password: hunter2}}\n"
        "  d: {pagerduty: {routing_key_file: 'hunter2 '}}\n"
        "  e: {pagerduty: {routing_key_file: 0hunter2a1b2c3d4e5f60718293a4b5c6}}\n"
        "  f: {telegram: {bot_token_file: '1234:hunter2', chat_id: 5}}\n"
        "address: https://me:hunter2@watch.example\n"
    )
    found = errors(root)
    for text in (report.text(found, root), report.as_json(found), report.github(found)):
        assert "hunter2" not in text


def test_a_broken_stack_does_not_blame_the_rules(tree: Tree) -> None:
    text = ALERT.replace("labels: {severity: warning}", "labels: {severity: warning}\n        team: web")
    assert [found.check for found in errors(tree("teams: [\n", custom__a=text))] == ["yaml-syntax"]


def test_broken_rules_do_not_blame_the_overrides(tree: Tree) -> None:
    root = tree("overrides: {Down: {disabled: true}}\nthresholds: {own: 5}\n", custom__a="groups: [\n")
    assert [found.check for found in errors(root)] == ["yaml-syntax"]


def places(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(place, key) for place, keys in table.items() for key in keys]


@pytest.mark.parametrize(("place", "key"), places(dict(STACK_KEYS)))
def test_every_key_of_the_table_is_read(tree: Tree, place: str, key: str) -> None:
    """A key that takes anything would be a key that nobody reads."""
    value: object = {key: [["nonsense"]]} if key != "" else None
    for step in reversed([part for part in re.split(r"\.|(?=\[\])", place) if part]):
        value = [value] if step == "[]" else {"any" if step == "*" else step: value}
    found = errors(tree(flow(value)))
    assert "wrong-type" in {one.check for one in found}
    assert not any(one.check == "unknown-key" for one in found)


def flow(value: object) -> str:
    """A value as YAML in flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return str(value)


def test_documented_examples_are_valid(tree: Tree) -> None:
    """The YAML blocks of the page, put together, are a stack.yml."""
    text = (ROOT / "docs/stack-yml.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    alerts = (ALERT + ALERT.split("rules:\n")[1].replace("HighMemoryUsage", "HighCPUUsage")).replace(
        " High", " HostHigh"
    )
    findings = load(tree("address: https://watch.example\n" + "".join(blocks), custom__a=alerts))[1]
    checks = {"secret-missing", "unused-receiver", "missing-extras", "duplicate-expression", "idle-threshold"}
    assert {found.check for found in findings} <= checks


@pytest.mark.parametrize(
    ("text", "total"),
    [("30d", 2592000), ("1h30m", 5400), ("90s", 90), ("0", 0), ("100ms", 0.1), ("1y2w3d4h5m6s7ms", 33019506.007)],
)
def test_durations(text: str, total: float) -> None:
    assert seconds(text) == pytest.approx(total)


@pytest.mark.parametrize("text", ["", "5", "1.5h", "5 m", "m", "-5m", "30m1h", "5M", "1h 30m", "٣m"])
def test_no_durations(text: str) -> None:
    assert seconds(text) is None
    assert duration_hint(text)


def test_durations_are_spelled_back() -> None:
    assert [spell(total) for total in (0, 15, 90, 5400, 2592000, 0.25)] == [
        "0s",
        "15s",
        "1m30s",
        "1h30m",
        "30d",
        "250ms",
    ]
