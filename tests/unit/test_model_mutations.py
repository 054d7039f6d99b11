"""Whatever somebody does to a source, loading it gives findings or a model: seeded random damage, and a large one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stackgen import report
from stackgen.diagnostic import Diagnostic, SourceError
from stackgen.load import load

ROOT = Path(__file__).resolve().parents[2]
STACK = """environment: production
address: https://watch.example
retention: {metrics: 30d, logs: 14d, metrics_size: 10GB}
intervals: {scrape: 15s}
services:
  - name: shop
    preset: iot
    targets: [host.docker.internal:8000]
    metrics_path: /health/metrics
    interval: 30s
    timeout: 5s
    probe: http://host.docker.internal:8000/health/ready
    team: web
    labels: {zone: "eu"}
  - {name: desk, dns: {names: [desk.example], type: A, port: 80}}
teams:
  web: {critical: [slack-web, pager], warning: [slack-web], info: [inbox]}
default_team: web
receivers:
  slack-web: {slack: {webhook_url_file: slack-web, channel: "#alerts"}}
  pager: {webhook: {url: "http://pager.example/in"}}
watchdog: {notify: pager}
thresholds: {memory_warning: 80 %, memory_critical: 90}
overrides:
  Down: {for: 10m, severity: info}
"""
RULES = """groups:
  - name: one
    interval: 1m
    rules:
      - &down
        alert: Down
        expr: |
          up{job="shop"} == 0
            and rate(x[5m]) > ${threshold.memory_warning}
        for: 5m
        labels: {severity: warning, subject: "instance"}
        annotations:
          summary: '{{ $labels.instance }} is {{ if $value }}up{{ else }}down{{ end }}'
          description: >-
            It''s at ${threshold.cpu_warning}
            {{ $value | printf "%.0f" }}
        tests:
          - name: fires
            series: {'up{job="shop"}': '0x10'}
            at: 6m
            fires: [{job: shop}]
      - <<: *down
        alert: Else
      - record: job:up:sum
        expr: sum by (job) (up)
"""
PIECES = [
    "\t",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "#",
    "*a",
    "&a ",
    "!x ",
    "|",
    ">",
    "\\",
    "${threshold.",
    "}}",
    "\x00",
    "é",
    "\u2028",
    "<<: ",
    "---\n",
    "? ",
    "yes",
    "%",
]


def damage(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(lines))
        line = lines[place]
        match chance.randrange(8):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, line)
            case 2:
                lines[place] = " " * chance.randint(0, 6) + line.lstrip()
            case 3:
                cut = chance.randrange(len(line) + 1)
                lines[place] = line[:cut]
            case 4:
                cut = chance.randrange(len(line) + 1)
                lines[place] = line[:cut] + chance.choice(PIECES) + line[cut:]
            case 5:
                other = chance.randrange(len(lines))
                lines[place], lines[other] = lines[other], lines[place]
            case 6:
                cut = chance.randrange(len(line) + 1)
                lines[place] = line[:cut] + line[cut + chance.randint(1, 5) :]
            case _:
                key, colon, _ = line.partition(":")
                values = (" 5", " [a]", " {a: b}", "", " x", " null", " [[a]]", " -1.5", " |")
                lines[place] = key + colon + chance.choice(values)
        if not lines:
            return ""
    return "\n".join(lines)


def outcome(root: Path) -> list[Diagnostic]:
    try:
        return load(root)[1]
    except SourceError as error:
        return error.diagnostics


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str, str, str], Path]:
    def write(stack: str, shipped: str, custom: str) -> Path:
        (tmp_path / "rules/custom").mkdir(parents=True, exist_ok=True)
        for path, text in (("stack.yml", stack), ("rules/one.yml", shipped), ("rules/custom/two.yml", custom)):
            (tmp_path / path).write_text(text, encoding="utf-8", errors="surrogatepass")
        return tmp_path

    return write


def shipped() -> list[str]:
    return [
        (ROOT / "stack.yml").read_text(encoding="utf-8"),
        *(path.read_text() for path in sorted((ROOT / "rules").glob("*.yml"))),
    ]


def test_the_undamaged_sources_are_fine(checkout: Callable[[str, str, str], Path]) -> None:
    findings = outcome(checkout(STACK, RULES, RULES))
    assert {found.severity.value for found in findings} == {"warning"}


@pytest.mark.parametrize("seed", range(20))
def test_damage_gives_findings_or_a_model(seed: int, checkout: Callable[[str, str, str], Path]) -> None:
    chance = random.Random(seed)
    faulty = 0
    stack, *rules = shipped()
    for _ in range(15):
        rule = chance.choice([RULES, *rules])
        root = checkout(damage(chance.choice([STACK, stack]), chance), damage(rule, chance), damage(rule, chance))
        findings = outcome(root)
        faulty += bool(findings)
        for found in findings:
            assert found.where.line >= 1
            assert found.where.column >= 1
            assert found.where.length >= 1
        text = report.text(findings, root)
        assert "\x00" not in text
        report.as_json(findings)
        report.github(findings)
    assert faulty > 5


def test_bytes_of_any_kind(checkout: Callable[[str, str, str], Path]) -> None:
    chance = random.Random(1)
    root = checkout(STACK, RULES, RULES)
    for _ in range(50):
        content = bytearray(STACK.encode())
        for _ in range(chance.randint(1, 5)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        (root / "stack.yml").write_bytes(bytes(content))
        report.text(outcome(root), root)


def test_a_large_source_loads_in_time(tmp_path: Path) -> None:
    """2,000 rules and 100 services in CPU seconds that leave room for a slow machine; ten times that is a benchmark."""
    alert = RULES.split("      - <<", maxsplit=1)[0].split("rules:\n")[1].replace("&down\n        ", "")
    (tmp_path / "rules/custom").mkdir(parents=True)
    groups = "".join(
        f"  - name: g{group}\n    rules:\n"
        + "".join(alert.replace("Down", f"Down{group}x{number}") for number in range(20))
        for group in range(100)
    )
    (tmp_path / "rules/custom/all.yml").write_text("groups:\n" + groups)
    services = "".join(f"  - {{name: s{number}, targets: ['s{number}:80'], interval: 30s}}\n" for number in range(100))
    (tmp_path / "stack.yml").write_text("services:\n" + services)
    began = time.process_time()
    model, findings = load(tmp_path)
    assert time.process_time() - began < 5
    assert sum(len(group.rules) for file in model.rule_files for group in file.groups) == 2000
    assert [found.check for found in findings] == ["missing-extras", "duplicate-expression"]
