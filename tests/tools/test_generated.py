"""The real programs judge everything that is generated: both placements, shipped and rich stack, pin and floor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.render import render
from stackgen.render.dump import to_yaml
from support import ROOT
from trees import TREES, put, tree

pytestmark = pytest.mark.tools

Program = Callable[..., Path]
VERSIONS = ("pin", "floor")
TEMPLATES = ROOT / "alertmanager" / "templates"


def run(*command: object) -> str:
    """What the program prints; fails the test with all that it said when it refuses."""
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_aloud(*command: object) -> str:
    """What the program prints and what it logs."""
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def refused(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0, "accepted: " + done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(params=TREES, ids="-".join)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """One generated tree on the disk, with the static templates beside it."""
    put(tmp_path, tree(*request.param))
    shutil.copytree(TEMPLATES, tmp_path / "alertmanager" / "templates")
    return tmp_path


@pytest.mark.parametrize("which", VERSIONS)
def test_prometheus_takes_configuration_and_rules(folder: Path, which: str, program: Program) -> None:
    promtool = program("promtool", which)
    said = run(promtool, "check", "config", folder / "prometheus/prometheus.yml")
    rules = sorted((folder / "prometheus/rules").glob("*.yml"))
    assert said.count("rules found") == len(rules)
    assert "WARNING" not in run_aloud(promtool, "check", "rules", *rules)


def rule_tests(tmp_path: Path) -> list[Path]:
    """The test files of all trees, each once: what reads alike in two trees is proven by one of them."""
    found: dict[tuple[bytes, ...], Path] = {}
    for sources, placed in TREES:
        folder = put(tmp_path / f"{sources}-{placed}", tree(sources, placed)) / "prometheus" / "tests"
        for path in sorted(folder.glob("*.yml")):
            needed = yaml.safe_load(path.read_text())["rule_files"]
            found.setdefault((path.read_bytes(), *((folder / name).read_bytes() for name in needed)), path)
    return list(found.values())


@pytest.mark.parametrize("which", VERSIONS)
def test_every_rule_test_passes(which: str, tmp_path: Path, program: Program) -> None:  # D-08 D-09 D-10 D-11 D-12
    promtool = program("promtool", which)
    tests = rule_tests(tmp_path)
    assert len(tests) >= len(list((ROOT / "prometheus" / "tests").glob("*.yml"))) + 1  # the rich tree's own too
    for path in tests:
        assert "SUCCESS" in run(promtool, "test", "rules", path)


def test_a_rule_test_that_expects_the_wrong_thing_fails(tmp_path: Path, program: Program) -> None:
    """For the translation of `fires`: the wrong number of alerts, and the right number with the wrong labels."""
    put(tmp_path, tree("shipped", "compose"))
    path = tmp_path / "prometheus/tests/host.yml"
    good = path.read_text()
    promtool = program("promtool")
    for right, wrong in (
        (',instance="a",severity="warning"', ',instance="b",severity="warning"'),
        ('alertname="HostHighMemoryUsage",alertstate="firing"})', 'alertname="Other",alertstate="firing"})'),
    ):
        assert right in good
        path.write_text(good.replace(right, wrong, 1))
        assert "FAILED" in refused(promtool, "test", "rules", path)


def test_the_rule_of_the_page_on_editing_is_right_and_passes_its_tests(tmp_path: Path, program: Program) -> None:
    text = (ROOT / "docs" / "editing.md").read_text(encoding="utf-8")
    (rule,) = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    for name in ("docs", "grafana"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "rules" / "custom").mkdir(parents=True)
    (tmp_path / "rules" / "custom" / "shop.yml").write_text(rule)
    (tmp_path / "stack.yml").write_text("teams: {web: {critical: [inbox]}}\nthresholds: {orders_per_second: 0.1}\n")
    model, findings = load(tmp_path)
    assert findings == []
    put(tmp_path / "out", render(model, COMPOSE))
    assert "SUCCESS" in run(program("promtool"), "test", "rules", tmp_path / "out/prometheus/tests/custom-shop.yml")


HOSTILE = [
    *("yes", "No", "null", "~", "1e3", "0x1F", "017", "1_000", "1:30", "2026-01-01", ".inf", "-", "?", "=", "<<", "!x"),
    *(
        "a: b",
        "a #b",
        "#a",
        " lead",
        "trail ",
        "a:",
        "'",
        '"',
        "it's",
        'say "x"',
        "\\",
        "back\\slash",
        "%a",
        "@a",
        "`a",
    ),
    *("[a", "{a}", "a, b", "a]", "&a", "*a", "| x", "> x", "- a", "? a", ": a", "http://a/?b=c&d", "tab\there"),
    *("two\nlines", "ends\n", "ends\n\n", "\nstarts", "  indented\nfirst", "a\n  indented\n\nb", "trailing  \nspace"),
    *(
        "\u00e4\u00f6\u00fc \u65e5\u672c \U0001f6a8",
        "nb\u00a0sp",
        "del\x7f",
        "bell\x07",
        "nel\x85x",
        "ls\u2028x",
        "bom\ufeffx",
        "---",
        "...",
    ),
]


@pytest.mark.parametrize("which", VERSIONS)
def test_prometheus_reads_back_every_text_as_it_was(which: str, tmp_path: Path, program: Program) -> None:
    """Our dumper against the YAML reader of the real program: annotations must be what JSON says they are."""
    texts = {f"text_{number}": text for number, text in enumerate(HOSTILE)}
    rule = {"alert": "A", "expr": "vector(1)", "annotations": texts}
    (tmp_path / "rules.yml").write_bytes(to_yaml({"groups": [{"name": "g", "rules": [rule]}]}, "x"))
    expected = {"exp_labels": {}, "exp_annotations": texts}
    case = {"alert_rule_test": [{"eval_time": "1m", "alertname": "A", "exp_alerts": [expected]}]}
    plain = json.dumps({"rule_files": ["rules.yml"], "tests": [case]}, ensure_ascii=False)
    escaped = re.sub("[\x7f-\xa0\u2028\ufeff]", lambda match: f"\\u{ord(match[0]):04x}", plain)
    (tmp_path / "test.yml").write_text(escaped)
    run(program("promtool", which), "test", "rules", tmp_path / "test.yml")


@pytest.mark.parametrize("which", VERSIONS)
def test_alertmanager_takes_its_configuration(folder: Path, which: str, program: Program) -> None:
    said = run(program("amtool", which), "check-config", folder / "alertmanager/alertmanager.yml")
    assert "2 templates" in said
    assert "4 inhibit rules" in said


# Labels of an alert, then who is told: in the rich stack the default team is `data`.
ROUTES = [
    ("alertname=Watchdog severity=info", "watchdog"),
    ("alertname=A", "inbox"),
    ("alertname=A team=web severity=critical", "inbox,slack-web,pager,phone"),
    ("alertname=A team=web severity=error", "inbox,teams-web"),
    ("alertname=A team=web severity=warning", "inbox,slack-web"),
    ("alertname=A team=web severity=info", "inbox"),
    ("alertname=A team=data severity=critical", "inbox,mail-data,ops"),
    ("alertname=A team=data severity=error", "inbox,mail-data,ops"),  # no entry of its own: as critical
    ("alertname=A severity=warning", "inbox,mail-data,discord-data"),  # no team: the default team's
    ("alertname=A team=ops.night severity=critical", "inbox,hook,hook-secret"),
    ("alertname=A team=opsXnight severity=critical", "inbox"),  # the point is a point
    ("alertname=A team=nobody severity=critical", "inbox"),
    ("alertname=A team=web severity=page", "inbox"),  # a severity from elsewhere
]


@pytest.mark.parametrize("which", VERSIONS)
@pytest.mark.parametrize(("labels", "told"), ROUTES)
def test_who_is_told(labels: str, told: str, which: str, tmp_path: Path, program: Program) -> None:
    put(tmp_path, tree("rich", "compose"))
    config = tmp_path / "alertmanager/alertmanager.yml"
    said = run(program("amtool", which), "config", "routes", "test", f"--config.file={config}", *labels.split())
    assert said.split()[-1] == told


@pytest.mark.parametrize("which", VERSIONS)
def test_every_template_that_is_used_exists_and_renders(which: str, program: Program) -> None:
    used = set(re.findall(rb'template "([\w.]+)"', tree("rich", "compose")["alertmanager/alertmanager.yml"]))
    assert len(used) >= 8
    amtool = program("amtool", which)
    for name in sorted(word.decode() for word in used):
        said = run(
            amtool,
            "template",
            "render",
            f"--template.glob={TEMPLATES}/*.tmpl",
            f'--template.text={{{{ template "{name}" . }}}}',
        )
        assert said.strip() or name == "watchstack.service", name  # amtool's own example has no service
        assert "no value" not in said, name


MESSAGE = {
    "receiver": "slack-web",
    "status": "resolved",
    "alerts": [
        {
            "status": status,
            "labels": {"alertname": "HighMemoryUsage", "severity": "warning", "service": "watchstack", "instance": "a"},
            "annotations": {
                "summary": "Memory of a is at 91 %",
                "description": "91.0 % of the host's memory <is> in use, over the threshold of 80 %.",
                "runbook_url": "http://127.0.0.1:9099/runbooks/high-memory-usage",
                "dashboard_url": "http://127.0.0.1:9099/dashboards/watchstack-overview/memory",
            },
            "startsAt": "2026-11-20T10:00:00Z",
            "endsAt": "2026-11-20T10:30:00Z",
            "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=x",
        }
        for status in ("firing", "resolved")
    ],
    "groupLabels": {"alertname": "HighMemoryUsage"},
    "commonLabels": {"alertname": "HighMemoryUsage", "severity": "warning", "service": "watchstack"},
    "commonAnnotations": {
        "runbook_url": "http://127.0.0.1:9099/runbooks/high-memory-usage",
        "dashboard_url": "http://127.0.0.1:9099/dashboards/watchstack-overview/memory",
    },
    "externalURL": "http://127.0.0.1:9093",
}
MESSAGES = ("text", "slack", "markdown", "telegram", "html")


def rendered(amtool: Path, name: str, message: Mapping[str, Any], folder: Path) -> str:
    """What a template of that name makes of a notification."""
    data = folder / "data.json"
    data.write_text(json.dumps(message))
    return run(
        amtool,
        "template",
        "render",
        f"--template.glob={TEMPLATES}/*.tmpl",
        f"--template.type={'html' if name in ('html', 'telegram') else 'text'}",
        f"--template.data={data}",
        f'--template.text={{{{ template "watchstack.{name}" . }}}}',
    )


@pytest.mark.parametrize("which", VERSIONS)
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_when_and_where_to_look(name: str, which: str, tmp_path: Path, program: Program) -> None:
    said = rendered(program("amtool", which), name, MESSAGE, tmp_path)
    assert "Memory of a is at 91 %" in said
    assert "over the threshold of 80 %" in said
    assert "Since 2026-11-20 10:00:00 UTC" in said
    assert "Resolved 2026-11-20 10:30:00 UTC, began 2026-11-20 10:00:00 UTC" in said
    assert "/runbooks/high-memory-usage" in said
    assert "/dashboards/watchstack-overview/memory" in said
    if name in ("html", "telegram"):
        assert "memory &lt;is&gt; in use" in said


@pytest.mark.parametrize("which", VERSIONS)
@pytest.mark.parametrize("name", [*MESSAGES, "summary", "severity"])
def test_what_still_fires_comes_before_what_is_over(name: str, which: str, tmp_path: Path, program: Program) -> None:
    """Alertmanager sorts a group by instance: of fifty alerts the one that goes on must not be among those left out."""
    ((like, _), group) = MESSAGE["alerts"], {"status": "firing"}
    over = [
        {
            **like,
            "status": "resolved",
            "labels": {**like["labels"], "severity": "critical", "instance": f"a{number:02}"},
        }
        for number in range(49)
    ]
    still = {**like, "annotations": {**like["annotations"], "summary": "Memory of z is at 99 %"}}
    said = rendered(program("amtool", which), name, {**MESSAGE, **group, "alerts": [*over, still]}, tmp_path)
    if name == "severity":
        assert said.strip() == "warning"
        return
    before, found, after = said.partition("Memory of z is at 99 %")
    assert found
    assert "Memory of a" not in before
    shown = after.count("Resolved: Memory of a") + 1
    assert name == "summary" or f"and {50 - shown} more" in after


def test_a_title_says_how_grave_it_is(tmp_path: Path, program: Program) -> None:
    data = tmp_path / "data.json"
    said = []
    for status in ("firing", "resolved"):
        data.write_text(json.dumps(MESSAGE | {"status": status, "alerts": MESSAGE["alerts"][:1]}))  # type: ignore[index]
        glob, text = f"--template.glob={TEMPLATES}/*.tmpl", '--template.text={{ template "watchstack.title" . }}'
        said.append(run(program("amtool"), "template", "render", glob, f"--template.data={data}", text).strip())
    assert said == ["[WARNING] HighMemoryUsage on watchstack", "[RESOLVED] HighMemoryUsage on watchstack"]


def test_loki_takes_its_configuration(folder: Path, program: Program) -> None:
    assert "config is valid" in run_aloud(
        program("loki"), "-verify-config", f"-config.file={folder / 'loki/loki.yml'}", "-log.level=info"
    )


def test_promtail_takes_its_configuration(folder: Path, program: Program) -> None:
    config = folder / "loki/promtail.yml"
    if not config.exists():
        assert (folder / "loki/config.alloy").exists()
        config = (
            put(folder, {"loki/promtail.yml": tree("shipped", "native")["loki/promtail.yml"]}) / "loki/promtail.yml"
        )
    assert "Valid config file" in run_aloud(program("promtail"), "-check-syntax", f"-config.file={config}")


@pytest.mark.parametrize("which", VERSIONS)
def test_blackbox_exporter_takes_its_configuration(folder: Path, which: str, program: Program) -> None:
    exporter = program("blackbox_exporter", which)
    assert "Config file is ok" in run_aloud(
        exporter, "--config.check", f"--config.file={folder / 'blackbox/blackbox.yml'}"
    )


@pytest.mark.parametrize("which", VERSIONS)
def test_queries_of_dashboards_and_runbooks_are_promql(which: str, tmp_path: Path, program: Program) -> None:
    """Each becomes a recording rule, so that promtool parses it."""
    queries = [
        target["expr"]
        for path, content in tree("rich", "compose").items()
        if path.startswith("grafana/dashboards/") and path.endswith(".json")
        for panel in json.loads(content)["panels"]
        for target in panel.get("targets", [])
        if target["datasource"]["uid"] == "prometheus"
    ]
    pages = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
    queries += [query for page in pages for query in re.findall(r"```promql\n(.*?)\n```", page.read_text(), re.DOTALL)]
    assert len(queries) > 40
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    run(program("promtool", which), "check", "rules", "--lint=none", path)
