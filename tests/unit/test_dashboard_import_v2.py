"""Dashboards of Grafana's v2 form: everything that the classic form can say is kept, the rest is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import v2_kit
from stackgen.imports import Imported, ImportFault, Shelf, take


def taken(root: Path, content: Any) -> Imported:
    return take(json.dumps(content).encode(), Shelf.of(root), set())


def model(one: Imported) -> dict[str, Any]:
    return dict(json.loads(one.content))


def places(found: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    """Title and x, y, width, height of each panel."""
    return [(one["title"], tuple(one["gridPos"][key] for key in "xywh")) for one in found["panels"]]


@pytest.mark.parametrize("version", ["v2alpha1", "v2beta1", "v2"])
def test_every_version_becomes_the_same_classic_dashboard(tmp_path: Path, version: str) -> None:
    one = taken(tmp_path, v2_kit.saved_as_v2(version))
    assert (one.uid, one.title, one.panels) == ("saved-v2", "Saved in v2", 3)
    assert one.content == taken(tmp_path, v2_kit.saved_as_v2()).content
    assert one.notes[0].startswith("is in Grafana's v2 form")


def test_what_the_panels_say_is_kept(tmp_path: Path) -> None:
    found = model(taken(tmp_path, v2_kit.saved_as_v2()))
    up, lines, words = found["panels"]
    ours = {"type": "prometheus", "uid": "prometheus"}
    assert (up["id"], up["type"], up["description"]) == (1, "timeseries", "Which targets answer.")
    assert up["datasource"] == ours
    assert up["targets"] == [
        {"expr": 'up{job=~"$job"}', "legendFormat": "{{job}}", "range": True, "refId": "A", "datasource": ours}
    ]
    assert up["fieldConfig"]["defaults"]["unit"] == "short"
    assert up["options"]["legend"]["placement"] == "bottom"
    assert up["transformations"] == [{"id": "organize", "options": {"renameByName": {"a": "b"}}}]
    assert up["maxDataPoints"] == 300
    assert lines["targets"][0]["datasource"] == {"type": "loki", "uid": "loki"}
    assert (words["type"], words["options"]["content"]) == ("text", "hello")
    assert places(found) == [("Up", (0, 0, 12, 8)), ("Lines", (12, 0, 12, 8)), ("Words", (0, 8, 24, 4))]


def test_what_stands_around_the_panels_is_kept(tmp_path: Path) -> None:
    found = model(taken(tmp_path, v2_kit.saved_as_v2()))
    assert not {"elements", "layout", "apiVersion", "timeSettings", "variables"} & found.keys()
    assert found["time"] == {"from": "now-1h", "to": "now"}
    assert (found["refresh"], found["timezone"], found["graphTooltip"], found["tags"]) == ("1m", "browser", 1, ["mine"])
    (job,) = found["templating"]["list"]
    assert (job["type"], job["hide"], job["refresh"], job["sort"]) == ("query", 0, 2, 1)
    assert job["query"] == {"query": "label_values(up, job)", "refId": "v"}
    assert (job["multi"], job["includeAll"], job["allValue"]) == (True, True, ".*")
    assert job["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    (down,) = found["annotations"]["list"]
    assert (down["name"], down["expr"], down["datasource"]["uid"]) == ("down", "up == 0", "prometheus")


def test_the_time_picker_and_versions_of_panels_are_kept(tmp_path: Path) -> None:
    content = v2_kit.saved_as_v2()
    content["spec"]["timeSettings"] |= {
        "autoRefreshIntervals": ["1m", "5m"], "hideTimepicker": True, "nowDelay": "1m", "weekStart": "monday",
        "fiscalYearStartMonth": 4, "quickRanges": [{"display": "d", "from": "now-1d", "to": "now"}],
    }  # fmt: skip
    content["spec"] |= {"liveNow": True, "preload": False}
    content["spec"]["elements"]["up"]["spec"]["vizConfig"]["version"] = "13.1.0"
    found = model(taken(tmp_path, content))
    assert found["timepicker"] == {
        "refresh_intervals": ["1m", "5m"], "hidden": True, "nowDelay": "1m",
        "quick_ranges": [{"display": "d", "from": "now-1d", "to": "now"}],
    }  # fmt: skip
    assert (found["weekStart"], found["fiscalYearStartMonth"], found["liveNow"]) == ("monday", 4, True)
    assert "preload" not in found
    assert found["panels"][0]["pluginVersion"] == "13.1.0"


def test_what_repeats_does_so_in_its_direction_and_folded_rows_are_told(tmp_path: Path) -> None:
    content = v2_kit.saved_as_v2()
    over = {"mode": "variable", "value": "job", "direction": "v", "maxPerRow": 2}
    content["spec"]["layout"]["spec"]["items"][0]["spec"]["repeat"] = over
    found = model(taken(tmp_path, content))["panels"]
    assert [found[0].get(key) for key in ("repeat", "repeatDirection", "maxPerRow")] == ["job", "v", 2]
    assert "repeat" not in found[1]
    rows = v2_kit.saved_as_v2(layout=v2_kit.rows())
    rows["spec"]["layout"]["spec"]["rows"][0]["spec"] |= {
        "collapse": True,
        "repeat": {"mode": "variable", "value": "job"},
    }
    one = taken(tmp_path, rows)
    assert "rows that were folded are open now" in one.notes
    assert model(one)["panels"][0]["repeat"] == "job"
    assert "rows that were folded are open now" not in taken(tmp_path, v2_kit.saved_as_v2(layout=v2_kit.rows())).notes


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (v2_kit.auto, [("Up", (0, 0, 12, 9)), ("Lines", (12, 0, 12, 9)), ("Words", (0, 9, 12, 9))]),
        (
            v2_kit.rows,
            [
                ("First", (0, 0, 24, 1)),
                ("Up", (6, 1, 12, 8)),
                ("Second", (0, 9, 24, 1)),
                ("Lines", (0, 10, 8, 9)),
                ("Words", (8, 10, 8, 9)),
            ],
        ),
        (
            v2_kit.tabs,
            [
                ("One", (0, 0, 24, 1)),
                ("Up", (0, 1, 24, 8)),
                ("Two", (0, 9, 24, 1)),
                ("Lines", (0, 10, 24, 8)),
                ("Words", (0, 10, 24, 8)),
            ],
        ),
    ],
)
def test_layouts_become_places_on_the_grid(tmp_path: Path, layout: Any, expected: list[Any]) -> None:
    one = taken(tmp_path, v2_kit.saved_as_v2(layout=layout()))
    assert places(model(one)) == expected
    assert ("tabs are rows now" in one.notes) == (layout is v2_kit.tabs)
    assert [panel["id"] for panel in model(one)["panels"]] == list(range(1, len(expected) + 1))


def test_the_bare_spec_of_the_export_is_taken_too(tmp_path: Path) -> None:
    """Grafana 13 calls this form "classic" in places; it has neither a version nor a uid."""
    one = taken(tmp_path, v2_kit.spec(v2_kit.grid()))
    assert one.uid == "saved-in-v2"
    assert "its uid is saved-in-v2: it had none" in one.notes


def test_what_the_classic_form_cannot_say_is_told(tmp_path: Path) -> None:
    content = v2_kit.saved_as_v2()
    content["spec"]["variables"].append({"kind": "SwitchVariable", "spec": {"name": "on", "current": "true"}})
    one = taken(tmp_path, content)
    assert "variable 'on' (SwitchVariable) has no classic form and is left out" in one.notes
    assert [variable["name"] for variable in model(one)["templating"]["list"]] == ["job"]


def test_the_text_of_an_older_query_variable_is_found(tmp_path: Path) -> None:
    content = v2_kit.saved_as_v2()
    content["spec"]["variables"][0]["spec"]["query"]["spec"] = {"__legacyStringValue": "label_values(job)"}
    assert model(taken(tmp_path, content))["templating"]["list"][0]["query"] == "label_values(job)"


def test_a_foreign_datasource_in_v2_is_refused_by_panel(tmp_path: Path) -> None:
    content = v2_kit.saved_as_v2()
    content["spec"]["elements"]["up"]["spec"]["data"]["spec"]["queries"][0]["spec"]["query"]["group"] = "mysql"
    with pytest.raises(ImportFault, match="panel \"Up\" asks a datasource of type 'mysql'"):
        taken(tmp_path, content)


def test_an_element_that_is_not_there_is_told(tmp_path: Path) -> None:
    content = v2_kit.saved_as_v2()
    del content["spec"]["elements"]["up"]
    with pytest.raises(ImportFault, match=r"no dashboard of the v2 form that is known here \(KeyError: 'up'\)"):
        taken(tmp_path, content)
