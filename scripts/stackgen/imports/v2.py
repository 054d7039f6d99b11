"""A dashboard of Grafana's v2 form as a classic one: panels, variables, annotations, time settings.

The forms v2alpha1, v2beta1 and v2 name a few things differently; all are taken. Places are in `v2_layout`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackgen.imports.faults import ImportFault
from stackgen.imports.v2_layout import places, renamed

SCHEMA = 42  # of the classic form that all of this is written in
CURSOR = {"Off": 0, "Crosshair": 1, "Tooltip": 2}
HIDE = {"dontHide": 0, "hideLabel": 1, "hideVariable": 2, "inControlsMenu": 3}
REFRESH = {"never": 0, "onDashboardLoad": 1, "onTimeRangeChanged": 2}
SORT = ("disabled", "alphabeticalAsc", "alphabeticalDesc", "numericalAsc", "numericalDesc",
        "alphabeticalCaseInsensitiveAsc", "alphabeticalCaseInsensitiveDesc", "naturalAsc", "naturalDesc")  # fmt: skip
VARIABLES = {
    "QueryVariable": "query",
    "TextVariable": "textbox",
    "ConstantVariable": "constant",
    "DatasourceVariable": "datasource",
    "IntervalVariable": "interval",
    "CustomVariable": "custom",
    "GroupByVariable": "groupby",
    "AdhocVariable": "adhoc",
}
OPTIONS = ("timeFrom", "timeShift", "maxDataPoints", "interval", "cacheTimeout", "hideTimeOverride")


def classic(spec: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The classic dashboard without a uid, and what could not be kept. Raises ImportFault."""
    notes: list[str] = []
    try:
        model: dict[str, Any] = {
            "title": spec.get("title"),
            "description": spec.get("description") or "",
            "tags": list(spec.get("tags") or ()),
            "editable": spec.get("editable", True),
            "graphTooltip": CURSOR.get(str(spec.get("cursorSync")), 0),
            "links": list(spec.get("links") or ()),
            **_times(spec.get("timeSettings") or {}),
            **renamed(spec, {"liveNow": "liveNow", "preload": "preload"}),
            "schemaVersion": SCHEMA,
            "templating": {"list": [_variable(one, notes) for one in spec.get("variables") or ()]},
            "annotations": {"list": [_annotation(one["spec"]) for one in spec.get("annotations") or ()]},
            "panels": _panels(spec, notes),
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ImportFault(
            f"is no dashboard of the v2 form that is known here ({type(error).__name__}: {error})"
        ) from error
    model["templating"]["list"] = [one for one in model["templating"]["list"] if one]
    return model, notes


def _times(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The time that is shown at first, how often it is renewed, and what the picker offers."""
    picker = renamed(spec, {"autoRefreshIntervals": "refresh_intervals", "quickRanges": "quick_ranges",
                            "hideTimepicker": "hidden", "nowDelay": "nowDelay"})  # fmt: skip
    return {
        "time": {"from": spec.get("from", "now-6h"), "to": spec.get("to", "now")},
        "timezone": spec.get("timezone", ""),
        "refresh": spec.get("autoRefresh", ""),
        **renamed(spec, {"weekStart": "weekStart", "fiscalYearStartMonth": "fiscalYearStartMonth"}),
        **({"timepicker": picker} if picker else {}),
    }


def _panels(spec: Mapping[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    elements = spec["elements"]
    for number, place in enumerate(places(spec["layout"], notes), 1):
        if place.element is None:
            found.append({"type": "row", "title": place.title, "collapsed": False, "panels": []})
        else:
            found.append(_panel(elements[place.element]))
        found[-1] |= {"id": number, "gridPos": place.grid, **place.repeat}
    return found


def _panel(element: Mapping[str, Any]) -> dict[str, Any]:
    spec = element["spec"]
    if element.get("kind") == "LibraryPanel":
        return {"title": spec.get("title"), "libraryPanel": spec["libraryPanel"]}
    shown, data = spec["vizConfig"], spec["data"]["spec"]
    drawn = shown["spec"]
    panel = {
        "title": spec.get("title", ""),
        "description": spec.get("description") or "",
        "type": shown.get("group") or shown["kind"],
        "transparent": bool(spec.get("transparent")),
        "links": list(spec.get("links") or ()),
        "options": drawn.get("options") or {},
        "fieldConfig": drawn.get("fieldConfig") or {"defaults": {}, "overrides": []},
        "targets": [_target(one["spec"]) for one in data.get("queries") or ()],
        "transformations": [_transformation(one) for one in data.get("transformations") or ()],
    }
    if version := shown.get("version") or drawn.get("pluginVersion"):  # without one Grafana takes it for an old panel
        panel["pluginVersion"] = version
    options = data.get("queryOptions") or {}
    panel |= {name: options[name] for name in OPTIONS if options.get(name) is not None}
    sources = [target["datasource"] for target in panel["targets"] if target.get("datasource")]
    if sources:
        same = all(one == sources[0] for one in sources)
        panel["datasource"] = sources[0] if same else {"type": "datasource", "uid": "-- Mixed --"}
    return panel


def _target(query: Mapping[str, Any]) -> dict[str, Any]:
    asked = query["query"]
    target = {**asked.get("spec", {}), "refId": query.get("refId", "A"), "datasource": _datasource(asked, query)}
    if query.get("hidden"):
        target["hide"] = True
    return target


def _datasource(query: Mapping[str, Any], beside: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """v2 and v2beta1: the type is the query's group, the uid the datasource's name; v2alpha1: both stand beside it."""
    older = (beside or {}).get("datasource")
    if isinstance(older, Mapping):
        return dict(older)
    kind = query.get("group") or query.get("kind")
    uid = (query.get("datasource") or {}).get("name")
    return {**({"type": kind} if kind and kind != "DataQuery" else {}), **({"uid": uid} if uid else {})}


def _transformation(given: Mapping[str, Any]) -> dict[str, Any]:
    spec = given.get("spec") or {}
    name = spec.get("id") or given.get("group") or given.get("kind")
    kept = {key: spec[key] for key in ("disabled", "filter", "topic") if spec.get(key) is not None}
    return {"id": name, "options": spec.get("options") or {}, **kept}


def _variable(given: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    kind, spec = VARIABLES.get(str(given["kind"])), dict(given["spec"])
    if kind is None:
        notes.append(f"variable '{spec.get('name')}' ({given['kind']}) has no classic form and is left out")
        return {}
    spec |= {"type": kind, "hide": HIDE.get(str(spec.get("hide")), 0)}
    if "refresh" in spec:
        spec["refresh"] = REFRESH.get(str(spec["refresh"]), 1)
    if kind == "query":
        spec["sort"] = SORT.index(spec["sort"]) if spec.get("sort") in SORT else 0
        spec["datasource"] = _datasource(spec["query"], spec)
        asked = dict(spec["query"].get("spec") or {})
        # What the classic form had as a text alone, v2 keeps under a name of its own.
        spec["query"] = asked.pop("__legacyStringValue", None) or asked or spec.get("definition", "")
    elif kind == "datasource":
        spec["query"] = spec.pop("pluginId", "")
    elif kind in ("adhoc", "groupby"):
        spec["datasource"] = _datasource(given, spec) if "group" in given else spec.get("datasource")
    return spec


def _annotation(spec: Mapping[str, Any]) -> dict[str, Any]:
    query = spec.get("query") or {}
    older: Mapping[str, Any] = spec.get("legacyOptions") or {}
    kept = {key: spec[key] for key in ("name", "enable", "hide", "iconColor", "filter") if key in spec}
    asked: Sequence[str] = ("expr", "step", "titleFormat", "textFormat", "tagKeys", "useValueForTime")
    flat = {key: query["spec"][key] for key in asked if key in (query.get("spec") or {})}
    built_in = {"builtIn": 1, "type": "dashboard"} if spec.get("builtIn") else {}
    return {**older, **flat, **kept, **built_in, "datasource": _datasource(query, spec)}
