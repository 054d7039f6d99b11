"""Writes docs/coverage.md: which row of the requirement catalogue is shown by which test.

A test names a row in a comment (`# L-20`). Rows met by an equivalent are named in docs/coverage-notes.yml.
`python scripts/coverage.py` writes, `--check` exits with 3 when the file is out of date.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "coverage.md"
# Area -> title and number of its last row, as the catalogue counts them.
AREAS = {
    "A": ("HTTP endpoints", 39),
    "B": ("Metrics", 89),
    "C": ("Health checks", 63),
    "D": ("Alert rules", 62),
    "E": ("In-app alerting", 36),
    "F": ("Configuration", 50),
    "G": ("Python API", 50),
    "H": ("Log aggregation", 17),
    "I": ("Deployment monitoring", 10),
    "J": ("Web dashboard and exports", 14),
    "K": ("Grafana dashboards", 32),
    "L": ("Compose stack", 45),
    "M": ("Security", 22),
    "N": ("Operations", 34),
    "O": ("Performance budgets", 11),
    "P": ("Future steps", 12),
}
ROW = re.compile(r"\b([A-P])-(\d\d)(?:\.\.(?:[A-P]-)?(\d\d))?\b")


def rows_in(comment: str) -> set[str]:
    """Row ids of a comment; `B-67..B-73` names each of them."""
    found = set()
    for area, first, last in ROW.findall(comment):
        for number in range(int(first), int(last or first) + 1):
            if 1 <= number <= AREAS[area][1]:
                found.add(f"{area}-{number:02d}")
    return found


def shown() -> dict[str, set[str]]:
    """Row id -> test files that name it."""
    where: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for line in path.read_text(encoding="utf-8").splitlines():
            _, mark, comment = line.partition("# ")
            for row in rows_in(comment) if mark else ():
                where[row].add(path.relative_to(ROOT).as_posix())
    return where


def document() -> str:
    """The whole of docs/coverage.md."""
    tests = shown()
    notes = yaml.safe_load((ROOT / "docs" / "coverage-notes.yml").read_text(encoding="utf-8")) or {}
    lines = [
        "# Coverage of the requirement catalogue",
        "",
        "Written by `scripts/coverage.py` from the row ids that tests name; do not edit.",
        "A row counts when a test shows it.",
        "",
        "| Area | Rows | Shown |",
        "|---|---:|---:|",
    ]
    total = 0
    for area, (title, count) in AREAS.items():
        done = sum(1 for row in tests if row.startswith(area))
        total += done
        lines.append(f"| {area} {title} | {count} | {done} |")
    lines.append(f"| **All** | **{sum(count for _, count in AREAS.values())}** | **{total}** |")
    lines += ["", "| Row | Tests | Note |", "|---|---|---|"]
    for row in sorted(set(tests) | set(notes)):
        lines.append(f"| {row} | {', '.join(sorted(tests.get(row, ())))} | {notes.get(row, '')} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    text = document()
    if "--check" in arguments:
        if not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
            print("docs/coverage.md is out of date; run: python scripts/coverage.py", file=sys.stderr)
            return 3
        return 0
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
