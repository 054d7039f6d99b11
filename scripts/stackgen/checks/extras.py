"""What stands beside an alert so that a person can act on it: texts, runbook, dashboard, tests.

Of somebody else's file one line says what is missing; a file with errors is not asked for more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from stackgen.checks.rules import WATCHDOG, alerts
from stackgen.checks.subject import Subject
from stackgen.diagnostic import Position, Severity
from stackgen.findings import Words, check
from stackgen.model.problems import nearest
from stackgen.model.read_rules import ReadRule

RUNBOOKS = "docs/runbooks"
DASHBOARDS = "grafana/dashboards"
SECTIONS = ("What it means", "First looks", "Usual causes", "Mending", "How to silence it")
# Annotations by which others write the same: kube-prometheus, Grafana, old Prometheus documents.
_TEXTS = ("summary", "description", "title", "message")
_RUNBOOKS = ("runbook_url", "runbook")
_DASHBOARDS = ("dashboard_url", "dashboard", "grafana_url", "__dashboardUid__")


def _asked(subject: Subject, *, custom: bool) -> Iterator[ReadRule]:
    """Alerts of files that have no error of their own."""
    return (read for read in alerts(subject, custom=custom) if read.node.source.path not in subject.faulty)


def _annotated(read: ReadRule, names: tuple[str, ...]) -> bool:
    texts = read.rule.body.get("annotations", {})
    return any(texts.get(name) for name in names)


@check("missing-annotation", Severity.WARNING)
def missing_annotation(subject: Subject) -> Iterator[Words]:
    for read in _asked(subject, custom=False):
        lacking = [name for name in ("summary", "description") if not _annotated(read, (name,))]
        if lacking:
            message = f"alert '{read.rule.name}' has no {' and no '.join(lacking)}"
            yield Words(read.rule.where, message, "write it under 'annotations:'")


@check("missing-runbook", Severity.WARNING)
def missing_runbook(subject: Subject) -> Iterator[Words]:
    for read in _asked(subject, custom=False):
        if "runbook" not in read.node.entries:
            message = f"alert '{read.rule.name}' has no runbook"
            yield Words(read.rule.where, message, f"write runbook: and the name of a page in {RUNBOOKS}/")


@check("missing-dashboard", Severity.WARNING)
def missing_dashboard(subject: Subject) -> Iterator[Words]:
    for read in _asked(subject, custom=False):
        if "dashboard" not in read.node.entries:
            message = f"alert '{read.rule.name}' has no dashboard"
            yield Words(read.rule.where, message, "write dashboard: UID/PANEL, for example watchstack-overview/targets")


@check("missing-extras", Severity.WARNING)
def missing_extras(subject: Subject) -> Iterator[Words]:
    """Somebody else's alerts work as they are, and errors come first. What they name in their own way counts."""
    lacking: dict[str, dict[str, list[ReadRule]]] = {}
    for read in _asked(subject, custom=True) if not subject.faulty else ():
        for name, there in (
            ("text", _annotated(read, _TEXTS)),
            ("runbook", "runbook" in read.node.entries or _annotated(read, _RUNBOOKS)),
            ("dashboard", "dashboard" in read.node.entries or _annotated(read, _DASHBOARDS)),
            ("tests", "tests" in read.node.entries or read.engine != "prometheus"),
        ):
            if not there:
                lacking.setdefault(read.node.source.path, {}).setdefault(name, []).append(read)
    for kinds in lacking.values():
        first = min((reads[0] for reads in kinds.values()), key=lambda read: read.rule.where)
        counted = [f"no {name} ({len(reads)})" for name, reads in kinds.items()]
        message = f"some alerts of this file have {', '.join(counted)}"
        yield Words(first.rule.where, message, "they work as they are; docs/checks.md says what each is good for")


@check("missing-tests", Severity.WARNING)
def missing_tests(subject: Subject) -> Iterator[Words]:
    for read in subject.rules:
        wrong = "tests" in read.node.entries and not read.rule.tests  # has been told
        if read.custom or read.engine != "prometheus" or wrong or read.node.source.path in subject.faulty:
            continue
        lacks = _untested(read)
        if lacks:
            yield Words(read.rule.where, lacks, "write one under 'tests:'")


def _untested(read: ReadRule) -> str:
    if read.rule.kind == "record":
        shown = any(test.values for test in read.rule.tests)
        return "" if shown else f"recording rule '{read.rule.name}' has no test of its values"
    fires = {bool(test.fires) for test in read.rule.tests}
    if fires == {True, False} or (read.rule.name == WATCHDOG and True in fires):
        return ""
    lacks = "neither a firing nor a quiet" if not fires else "no quiet" if True in fires else "no firing"
    return f"alert '{read.rule.name}' has {lacks} test"


@check("unknown-runbook", Severity.WARNING)
def unknown_runbook(subject: Subject) -> Iterator[Words]:
    pages = sorted(path.stem for path in (subject.root / RUNBOOKS).glob("*.md"))
    for read in alerts(subject):
        node = read.scalar("runbook")
        if read.rule.runbook and node and read.rule.runbook not in pages:
            hint = nearest(read.rule.runbook, pages) if pages else ""
            hint = hint if hint.startswith("did") else "write the page"
            message = f"there is no page {RUNBOOKS}/{read.rule.runbook}.md, so that the link in messages leads nowhere"
            yield Words(node.where, message, hint)


@check("runbook-section", Severity.WARNING)
def runbook_section(subject: Subject) -> Iterator[Words]:
    """Who is woken by an alert looks at the same places of every page."""
    for name in dict.fromkeys(read.rule.runbook for read in alerts(subject, custom=False) if read.rule.runbook):
        path = f"{RUNBOOKS}/{name}.md"
        try:
            text = (subject.root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # told as unknown
        there = re.findall(r"^## +(.+?) *$", text, re.MULTILINE)
        lacking = [section for section in SECTIONS if section not in there]
        if lacking:
            named = ", ".join(f"'{section}'" for section in lacking)
            message = f"this page lacks the section{'s' if len(lacking) > 1 else ''} {named}"
            yield Words(Position(path, 1, 1), message, f"write ## {lacking[0]}")


@check("unknown-dashboard", Severity.WARNING)
def unknown_dashboard(subject: Subject) -> Iterator[Words]:
    """A link to a dashboard or panel that no generated file has; while there are no such files nothing is said."""
    panels = _panels(subject.root)
    for read in alerts(subject):
        node = read.scalar("dashboard")
        if not panels or node is None or not read.rule.dashboard:
            continue
        uid, slash, panel = read.rule.dashboard.partition("/")
        if uid not in panels:
            yield Words(node.where, f"there is no dashboard '{uid}'", nearest(uid, panels))
        elif slash and panel not in panels[uid]:
            where = node.at(len(uid) + 1, max(1, len(panel)))
            yield Words(where, f"dashboard '{uid}' has no panel '{panel}'", nearest(panel, panels[uid]))


def _panels(root: Path) -> dict[str, list[str]]:
    """Slugs of the panels by their dashboard's uid."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / DASHBOARDS).rglob("*.json")):
        try:
            board = json.loads(path.read_text(encoding="utf-8"))
            found[board["uid"]] = [slug(panel["title"]) for panel in board.get("panels", []) if panel.get("title")]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not ours to judge
    return found


def slug(title: str) -> str:
    """A panel's name in links: `Container memory` is container-memory."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
