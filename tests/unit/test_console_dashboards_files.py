"""Dashboard files as the console reads them: which fields count, what is left out and why, what changes by itself."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from console_kit import FakeClock
from dashboards_kit import LOKI, answered, dashboard, panel, target, variable
from stackgen.render.dashboards import panels as generated
from support import ROOT
from watchstack.console.dashboards import model
from watchstack.console.dashboards.answers import Answer, Line, Question
from watchstack.console.dashboards.drawing import data, spec
from watchstack.console.dashboards.fields import IGNORED, UNDERSTOOD, fields, unknown
from watchstack.console.dashboards.files import Library
from watchstack.console.dashboards.model import KINDS, NoDashboard, Panel, read
from watchstack.console.dashboards.queries import questions
from watchstack.console.dashboards.times import Span

COMMITTED = sorted((ROOT / "grafana" / "dashboards").rglob("*.json"))
STATIC = ROOT / "exporter" / "watchstack" / "console" / "static"
# What a field may be changed to, where a longer text or a larger number says nothing: by the end of its path.
OTHERS: dict[str, Any] = {
    "uid": "another", "time.from": "now-9h", "time.to": "now-1m", "refresh": "1m", "panels[].type": "text",
    "datasource.type": "tempo", "step": "5m", "iconColor": "green", "links[].type": "dashboards",
    "links[].url": "/d/another", "list[].type": "constant", "current.value": "shop", "textFormat": "other words",
    "query.query": "label_values(down, job)", "queryType": "instant", "transformations[].id": "filter",
    "steps[].color": "purple", "options.*.color": "purple", "thresholds.mode": "percentage", "showPoints": "always",
    "thresholdsStyle.mode": "dashed", "color.mode": {"mode": "fixed", "fixedColor": "purple"},
    "mappings[].type": "special",
    "colorMode": "none", "graphMode": "area", "textMode": "value_and_name", "calcs[]": "max", "displayMode": "table",
    "tooltip.mode": "none", "tooltip.sort": "desc", "sortOrder": "Ascending", "tagKeys": "service", "unit": "volt",
    "overrides[]": {"matcher": {"id": "byName", "options": "x"}, "properties": [{"id": "unit", "value": "s"}]},
}  # fmt: skip


def test_every_field_of_the_committed_dashboards_is_drawn_by_or_left_aside_for_a_reason() -> None:
    assert len(COMMITTED) >= 19
    found = {path.name: unknown(json.loads(path.read_text())) for path in COMMITTED}
    assert {name: paths for name, paths in found.items() if paths} == {}
    assert not UNDERSTOOD & IGNORED.keys()
    assert all(len(reason) > 10 for reason in IGNORED.values())


def test_a_field_that_nobody_knows_is_seen() -> None:
    document = dashboard(panel("stat", target("up"), options={"sparkle": True}), mystery=1)
    assert unknown(document) == ["mystery", "panels[].options<stat>.sparkle"]
    assert read(document, "x").strange == ("mystery", "panels[].options<stat>.sparkle")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any, Any]]:
    """Path as fields.py writes it, holder, key and value of every leaf; empty lists among them."""
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        if isinstance(value, list):
            below = f"{path}[]"
        elif path.endswith(("excludeByName", "renameByName", "mappings[].options")):
            below = f"{path}.*"
        elif path == "panels[]" and key == "options":
            below = f"panels[].options<{value['type']}>"
        else:
            below = f"{path}.{key}" if path else str(key)
        if isinstance(inner, (dict, list)) and inner:
            yield from leaves(inner, below)
        elif not isinstance(inner, dict):
            yield (f"{below}[]" if isinstance(inner, list) else below), value, key, inner


def changed(path: str, value: Any) -> Any:
    """Another value of the same field."""
    other = next((one for end, one in OTHERS.items() if path.endswith(end)), None)
    if other is not None:
        return [other] if isinstance(value, list) else other
    if isinstance(value, bool):
        return not value
    return value + 3 if isinstance(value, (int, float)) else -5 if value is None else f"{value}x"


def numbers(asked: Panel) -> dict[str, Any]:
    """Answers of four series to each question of a panel, with values on every side of every threshold."""
    found = {}
    for ref, one in questions(asked, Span(0, 3600), {}).items():
        assert isinstance(one, Question)
        labels = {"service": "a", "job": "b", "__name__": "m"}
        worth = ((f"i{number}", float(value)) for number, value in enumerate((0, 1, 60, 2e6)))
        series = [({**labels, "instance": name}, [1 + 2 * value, value]) for name, value in worth]
        answer = answered(one, *series)
        if one.lines:
            answer = Answer(lines=(Line(1.0, "error", "text", {"job": "a"}), Line(2.0, "", "more", {})))
        found[ref] = (one, answer)
    return found


def picture(document: dict[str, Any]) -> Any:
    """All that reaches the page."""
    try:
        own = read(document, "file")
    except NoDashboard as error:
        return str(error)
    shown = []
    for one in own.panels:
        drawn = not one.why and one.kind not in ("row", "text")
        about = (one.number, one.title, one.slug, one.description, one.place, one.why, [asdict(t) for t in one.targets])
        shown.append((about, spec(one), data(one, numbers(one)) if drawn else None))
    frame = (own.uid, own.title, own.tags, own.variables, own.links, own.kinds, own.usual, own.refresh)
    return json.dumps([repr(frame), shown], default=str)


def test_every_field_that_is_understood_changes_what_is_shown() -> None:  # J-12
    """Each leaf of each understood path of the committed files, once: nothing is only said to be understood."""
    tried: dict[str, str] = {}
    shown: set[str] = set()
    for file in COMMITTED:
        document = json.loads(file.read_text())
        before = ""
        for path, holder, key, value in list(leaves(document)):
            if path not in UNDERSTOOD or path in shown or tried.get(path, "").count(",") > 40:
                continue
            tried[path] = tried.get(path, "") + f"{file.name}, "
            before = before or picture(document)
            if path.endswith("color.mode"):
                kept = dict(holder)
                holder.update(OTHERS["color.mode"])
                after = picture(document)
                holder.clear()
                holder.update(kept)
            else:
                holder[key] = changed(path, copy.deepcopy(value))
                after = picture(document)
                holder[key] = value
            if after != before:
                shown.add(path)
    assert len(shown) > 60
    # Every target of theirs names its own source; they hide no column but the time, which is none here: see drawing.
    below = {"panels[].datasource.type", "panels[].transformations[].options.excludeByName.*"}
    assert tried.keys() - shown == below, {path: tried[path] for path in tried.keys() - shown}
    (own,) = read(dashboard(panel("logs", {"expr": "x"}, datasource=LOKI)), "x").panels
    assert own.targets[0].source == "loki"


def test_fields_of_a_file_are_found_each_once() -> None:
    document = dashboard(panel("table", transformations=[{"options": {"renameByName": {"a": "b", "c": "d"}}}]))
    assert "panels[].transformations[].options.renameByName.*" in list(fields(document))
    assert len(list(fields(document))) == len(set(fields(document)))


def test_words_and_kinds_are_those_of_the_generator() -> None:
    assert model.EMPTY_IS_FINE == generated.EMPTY_IS_FINE
    assert set(KINDS) == {"stat", "timeseries", "gauge", "bargauge", "table", "logs", "text"}


def test_every_unit_of_the_committed_dashboards_is_known_to_the_page() -> None:
    """units.js writes numbers with their units; its table is read as it stands."""
    known = set(re.findall(r"(\"?[\w%µ]+\"?): (?:plain|scaled)\(", (STATIC / "charts" / "units.js").read_text()))
    used = {
        value
        for file in COMMITTED
        for path, _, _, value in leaves(json.loads(file.read_text()))
        if path.endswith("defaults.unit")
    }
    assert len(used) > 8
    assert {unit for unit in used if not unit.startswith("suffix:")} - known == set()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        ('{"title": "a", "panels": []}', "has no uid"),
        ('{"uid": "a/b", "title": "a", "panels": []}', "has no uid"),
        ('{"uid": "a", "panels": []}', "has no title"),
        ('{"uid": "a", "title": "a"}', "has no list of panels"),
        ('{"uid": "a", "title": "a", "elements": {}}', "v2 format"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_broken_file_is_said_and_the_others_stay(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "good.json").write_text(json.dumps(dashboard()))
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "bad.json").write_text(content)
    library = Library((tmp_path,), FakeClock())
    assert list(library.dashboards) == ["mine"]
    (problem,) = library.problems
    assert problem.startswith("custom/bad.json: ")
    assert words in problem


def test_changed_new_and_removed_files_are_noticed(tmp_path: Path) -> None:
    clock = FakeClock()
    library = Library((tmp_path, tmp_path / "none"), clock)
    assert library.dashboards == {}
    (tmp_path / "a.json").write_text(json.dumps(dashboard(uid="a")))
    assert library.dashboards == {}  # it looks every two seconds
    clock.advance(3)
    assert library.get("a") is not None
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "b.json").write_text(json.dumps(dashboard(uid="b", title="Bee")))
    (tmp_path / "custom" / "again.json").write_text(json.dumps(dashboard(uid="a", title="Second")))
    clock.advance(3)
    assert [(one.uid, one.custom) for one in library.dashboards.values()] == [("b", True), ("a", False)]
    assert library.problems == ["custom/again.json: has the uid a of a.json"]
    (tmp_path / "a.json").unlink()
    (tmp_path / "custom" / "b.json").write_text("{")
    clock.advance(3)
    assert [one.title for one in library.dashboards.values()] == ["Second"]
    assert library.problems == ["custom/b.json: is not JSON: Expecting property name enclosed in double quotes:"
                                " line 1 column 2 (char 1)"]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (panel("piechart", target("up")), "panels of the type piechart are drawn by Grafana only"),
        (panel("table", target("up"), transformations=[{"id": "joinByField"}]), "transformation joinByField"),
        (panel("stat", target("up"), repeat="service"), "repeated"),
        (panel("stat", target("up", datasource={"type": "tempo"})), "comes from tempo"),
        (panel("stat", target("up", datasource="${DS_X}")), "which only Grafana asks"),
        (panel("stat"), "asks for nothing"),
        (panel("stat", target("up")), ""),
        (panel("logs", target("{a=~'.+'}", datasource=LOKI)), ""),
        (panel("text", options={"content": "words"}), ""),
    ],
)
def test_what_only_grafana_draws_says_so(document: dict[str, Any], why: str) -> None:
    (found,) = read(dashboard(document), "x").panels
    assert why in found.why if why else found.why == ""


def test_values_of_any_type_do_no_harm() -> None:
    """Every leaf of a rich file replaced by things it cannot be."""
    whole = json.loads((ROOT / "grafana/dashboards/service.json").read_text())
    whole["panels"] = [whole["panels"][0], *(one for one in whole["panels"] if one["type"] == "table")][:2]
    wrongs: tuple[Any, ...] = (None, -1, "x" * 50, [], {}, [{}], True, 1e300)
    for wrong in wrongs:
        for _, holder, key, value in list(leaves(whole)):
            holder[key] = wrong
            try:
                picture(whole)
            finally:
                holder[key] = value


def test_panels_of_a_folded_row_follow_it() -> None:
    """Grafana keeps the places that they had when they were shown last, which others have by now."""
    folded = {"type": "row", "panels": [panel("stat", target("up"), number=number) for number in (12, 11)]}
    head = {**panel("row", number=1), **folded}
    document = dashboard(panel("row", number=3), panel("stat", target("up"), number=4), head, panel("row", number=2))
    assert [one.number for one in read(document, "x").panels] == [1, 11, 12, 2, 3, 4]
    many = dashboard(*(panel("stat", target("up"), number=number) for number in range(1, 142)))
    assert len(read(many, "x").panels) == 141


def test_variables_are_read() -> None:
    document = dashboard(templating={"list": [
        variable(),
        {"type": "textbox", "name": "search", "query": "x"},
        {"type": "custom", "name": "n", "query": "1, 5, Ten : 10", "current": {"value": ["5"]}},
        {"type": "adhoc", "name": "filters"},
        {"type": "query", "name": "odd", "query": "query_result(up)"},
        {"type": "query", "name": "bad name", "query": ""},
    ]})  # fmt: skip
    service, search, custom, odd = read(document, "x").variables
    assert (service.metric, service.values_of, service.every, service.multi) == ('up{job="a"}', "service", ".*", True)
    assert (search.kind, search.default) == ("textbox", ("x",))
    assert (custom.options, custom.default) == (("1", "5", "10"), ("5",))
    assert (odd.metric, odd.values_of) == ("", "")
