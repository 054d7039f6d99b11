"""How long reading, checking and rendering take: the shipped stack, and one with 500 services and 10,000 rules.

    PYTHONPATH=scripts:exporter .venv/bin/python benchmarks/generator.py

Prints seconds (wall and CPU) and the largest resident size. Aims: under 1 s; under 10 s and 500 MB.
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from stackgen.engines.docker_placement import COMPOSE
from stackgen.load import load
from stackgen.render import render

ROOT = Path(__file__).resolve().parent.parent
SERVICES, FILES, GROUPS, RULES = 500, 10, 50, 20  # files, groups a file, rules a group
RULE = """      - alert: Shop{group}x{rule}ErrorRate
        expr: |
          sum by (service, instance) (rate(shop{group}_requests_total{{status=~"5..", zone="z{rule}"}}[5m]))
            / sum by (service, instance) (rate(shop{group}_requests_total{{zone="z{rule}"}}[5m])) > 0.0{rule}
          and on (service) up{{service="shop{group}"}} == 1
        for: 5m
        labels: {{severity: warning, subject: 'errors of {{{{ $labels.instance }}}}'}}
        annotations:
          summary: '{{{{ $labels.service }}}} fails: {{{{ $value | humanizePercentage }}}}'
          description: 'Over {rule} % of the requests to {{{{ $labels.instance }}}} fail.'
"""


def large(root: Path) -> None:
    """The shipped rules, and 10,000 of somebody else's."""
    for folder in ("rules", "docs/runbooks", "grafana"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "rules/custom").mkdir(exist_ok=True)
    for part in range(FILES):
        text = "groups:\n"
        for group in range(part * GROUPS, (part + 1) * GROUPS):
            text += f"  - name: g{group}\n    rules:\n"
            text += "".join(RULE.format(group=group, rule=rule) for rule in range(1, RULES + 1))
        (root / f"rules/custom/all{part}.yml").write_text(text)
    services = (f"  - {{name: shop{number}, targets: ['s{number}:80'], preset: iot}}\n" for number in range(SERVICES))
    (root / "stack.yml").write_text("environment: production\nservices:\n" + "".join(services))


def measured(what: str, root: Path) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    model, findings = load(root)
    checked = time.perf_counter() - wall
    files = render(model, COMPOSE)
    rules = sum(len(group.rules) for file in model.rule_files for group in file.groups)
    print(
        f"{what}: {len(model.stack.services)} services, {rules} rules, {len(findings)} findings, {len(files)} files: "
        f"checked in {checked:.2f} s, rendered in {time.perf_counter() - wall - checked:.2f} s, "
        f"CPU {time.process_time() - cpu:.2f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
    )


def main() -> int:
    measured("shipped", ROOT)
    with tempfile.TemporaryDirectory(prefix="stack-large-") as name:
        large(Path(name))
        measured("large", Path(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
