"""Which fields of Grafana's JSON the console draws by, which it leaves aside and why, and which it has never heard of.

A path names a field: `[]` for each of a list, `*` for a key that people choose, `<kind>` for one kind of panel alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

UNDERSTOOD = frozenset((
    "uid", "title", "tags[]", "refresh", "time.from", "time.to", "annotations.list[].datasource.type",
    "annotations.list[].enable", "annotations.list[].expr", "annotations.list[].iconColor", "annotations.list[].name",
    "annotations.list[].step", "annotations.list[].tagKeys", "annotations.list[].textFormat",
    "annotations.list[].titleFormat", "annotations.list[].useValueForTime", "links[].includeVars", "links[].keepTime",
    "links[].tags[]", "links[].targetBlank", "links[].title", "links[].type", "links[].url",
    "templating.list[].allValue", "templating.list[].current.value", "templating.list[].current.value[]",
    "templating.list[].description", "templating.list[].hide", "templating.list[].includeAll",
    "templating.list[].label", "templating.list[].multi", "templating.list[].name", "templating.list[].query",
    "templating.list[].query.query", "templating.list[].sort", "templating.list[].type", "panels[].id",
    "panels[].type", "panels[].title", "panels[].description", "panels[].gridPos.x", "panels[].gridPos.y",
    "panels[].gridPos.w", "panels[].gridPos.h", "panels[].interval", "panels[].maxDataPoints", "panels[].repeat",
    "panels[].datasource.type", "panels[].links[].title", "panels[].links[].url", "panels[].targets[].expr",
    "panels[].targets[].legendFormat", "panels[].targets[].refId", "panels[].targets[].instant",
    "panels[].targets[].range", "panels[].targets[].hide", "panels[].targets[].interval", "panels[].targets[].step",
    "panels[].targets[].queryType", "panels[].targets[].datasource.type", "panels[].transformations[].id",
    "panels[].transformations[].options.excludeByName.*", "panels[].transformations[].options.includeByName.*",
    "panels[].transformations[].options.indexByName.*", "panels[].transformations[].options.renameByName.*",
    "panels[].fieldConfig.defaults.unit", "panels[].fieldConfig.defaults.decimals",
    "panels[].fieldConfig.defaults.min", "panels[].fieldConfig.defaults.max",
    "panels[].fieldConfig.defaults.displayName", "panels[].fieldConfig.defaults.noValue",
    "panels[].fieldConfig.defaults.color.mode", "panels[].fieldConfig.defaults.color.fixedColor",
    "panels[].fieldConfig.defaults.thresholds.mode", "panels[].fieldConfig.defaults.thresholds.steps[].color",
    "panels[].fieldConfig.defaults.thresholds.steps[].value", "panels[].fieldConfig.defaults.mappings[].type",
    "panels[].fieldConfig.defaults.mappings[].options.*", "panels[].fieldConfig.defaults.mappings[].options.*.color",
    "panels[].fieldConfig.defaults.mappings[].options.*.text", "panels[].fieldConfig.defaults.links[].title",
    "panels[].fieldConfig.defaults.links[].url", "panels[].fieldConfig.defaults.custom.lineWidth",
    "panels[].fieldConfig.defaults.custom.fillOpacity", "panels[].fieldConfig.defaults.custom.drawStyle",
    "panels[].fieldConfig.defaults.custom.showPoints", "panels[].fieldConfig.defaults.custom.spanNulls",
    "panels[].fieldConfig.defaults.custom.stacking.mode", "panels[].fieldConfig.defaults.custom.thresholdsStyle.mode",
    "panels[].fieldConfig.defaults.custom.hideFrom.viz", "panels[].fieldConfig.overrides[]",
    "panels[].fieldConfig.overrides[].matcher.id", "panels[].fieldConfig.overrides[].matcher.options",
    "panels[].fieldConfig.overrides[].properties[].id", "panels[].fieldConfig.overrides[].properties[].value",
    "panels[].options<stat>.colorMode", "panels[].options<stat>.graphMode", "panels[].options<stat>.textMode",
    "panels[].options<stat>.reduceOptions.calcs[]", "panels[].options<gauge>.reduceOptions.calcs[]",
    "panels[].options<bargauge>.reduceOptions.calcs[]", "panels[].options<timeseries>.legend.calcs[]",
    "panels[].options<timeseries>.legend.displayMode", "panels[].options<timeseries>.legend.showLegend",
    "panels[].options<timeseries>.tooltip.mode", "panels[].options<timeseries>.tooltip.sort",
    "panels[].options<table>.sortBy[].displayName", "panels[].options<table>.sortBy[].desc",
    "panels[].options<logs>.showTime", "panels[].options<logs>.sortOrder", "panels[].options<logs>.wrapLogMessage",
    "panels[].options<text>.content", "panels[].options<text>.mode",
))  # fmt: skip

_EDITING = "how Grafana's editor offers it"
_OWN_LAYOUT = "the console lays values out by the room there is"
_MENU = "Grafana's menus alone"
_SAME_TAB = "a way within the console stays in its tab"
IGNORED = {
    "description": "says where the file comes from",
    "schemaVersion": "Grafana's own bookkeeping",
    "version": "Grafana's own bookkeeping",
    "id": "Grafana's own bookkeeping",
    "weekStart": "no range begins at a week here",
    "fiscalYearStartMonth": "no range is a fiscal year here",
    "timezone": "always the browser's",
    "editable": _EDITING,
    "graphTooltip": "the crosshair is always shared",
    "preload": "how Grafana's page is loaded",
    "liveNow": "how Grafana's page is loaded",
    "timepicker.*": "the console's own choice of ranges",
    "annotations.list[].builtIn": "Grafana's own annotations have no query",
    "annotations.list[].datasource.uid": "the type says which part is asked: there is one of each",
    "annotations.list[].hide": "each kind has its switch",
    "links[].asDropdown": "dashboards of a tag are always a list that opens",
    "links[].icon": _MENU,
    "links[].tooltip": _MENU,
    "templating.list[].allowCustomValue": "an address may name any value",
    "templating.list[].auto": _EDITING,
    "templating.list[].auto_count": _EDITING,
    "templating.list[].auto_min": _EDITING,
    "templating.list[].current.selected": "its value says it",
    "templating.list[].current.text": "its value says it",
    "templating.list[].datasource.type": "values come from Prometheus",
    "templating.list[].datasource.uid": "values come from Prometheus",
    "templating.list[].definition": "the query says it",
    "templating.list[].options[].*": "read anew each time",
    "templating.list[].query.refId": "a variable has one query",
    "templating.list[].refresh": "values are asked for whenever the range changes",
    "templating.list[].regex": "only Grafana narrows the offered values",
    "templating.list[].skipUrlSync": "every value stands in the address",
    "panels[].datasource.uid": "the type says which part is asked: there is one of each",
    "panels[].targets[].datasource.uid": "the type says which part is asked: there is one of each",
    "panels[].targets[].editorMode": _EDITING,
    "panels[].targets[].format": "the kind of the panel says it",
    "panels[].targets[].exemplar": "exemplars are not drawn",
    "panels[].targets[].maxLines": "the console's own bound on lines",
    "panels[].links[].targetBlank": _SAME_TAB,
    "panels[].pluginVersion": "Grafana's own bookkeeping",
    "panels[].repeatDirection": "says nothing without repeat",
    "panels[].transparent": "every panel has its card",
    "panels[].fieldConfig.defaults.links[].asDropdown": _MENU,
    "panels[].fieldConfig.defaults.links[].icon": _MENU,
    "panels[].fieldConfig.defaults.links[].includeVars": "the address names its variables",
    "panels[].fieldConfig.defaults.links[].keepTime": "the address names its time",
    "panels[].fieldConfig.defaults.links[].placement": _MENU,
    "panels[].fieldConfig.defaults.links[].tags[]": _MENU,
    "panels[].fieldConfig.defaults.links[].targetBlank": _SAME_TAB,
    "panels[].fieldConfig.defaults.links[].tooltip": _MENU,
    "panels[].fieldConfig.defaults.links[].type": "a value leads to an address",
    "panels[].fieldConfig.defaults.mappings[].options.*.index": "Grafana's order in its editor",
    "panels[].fieldConfig.defaults.custom.align": "numbers and words stand alike on the left",
    "panels[].fieldConfig.defaults.custom.inspect": _EDITING,
    "panels[].options<stat>.justifyMode": _OWN_LAYOUT,
    "panels[].options<stat>.orientation": _OWN_LAYOUT,
    "panels[].options<stat>.percentChangeColorMode": "no change is shown",
    "panels[].options<stat>.showPercentChange": "no change is shown",
    "panels[].options<stat>.wideLayout": _OWN_LAYOUT,
    "panels[].options<gauge>.minVizHeight": _OWN_LAYOUT,
    "panels[].options<gauge>.minVizWidth": _OWN_LAYOUT,
    "panels[].options<gauge>.orientation": _OWN_LAYOUT,
    "panels[].options<gauge>.sizing": _OWN_LAYOUT,
    "panels[].options<gauge>.showThresholdLabels": "the ring shows the colours, the value its number",
    "panels[].options<gauge>.showThresholdMarkers": "the ring is always there",
    "panels[].options<bargauge>.displayMode": "bars are plain",
    "panels[].options<bargauge>.legend.calcs[]": "every bar has its name",
    "panels[].options<bargauge>.legend.displayMode": "every bar has its name",
    "panels[].options<bargauge>.legend.placement": "every bar has its name",
    "panels[].options<bargauge>.legend.showLegend": "every bar has its name",
    "panels[].options<bargauge>.maxVizHeight": _OWN_LAYOUT,
    "panels[].options<bargauge>.minVizHeight": _OWN_LAYOUT,
    "panels[].options<bargauge>.minVizWidth": _OWN_LAYOUT,
    "panels[].options<bargauge>.namePlacement": _OWN_LAYOUT,
    "panels[].options<bargauge>.orientation": "bars always lie",
    "panels[].options<bargauge>.showUnfilled": "the rail is always there",
    "panels[].options<bargauge>.sizing": _OWN_LAYOUT,
    "panels[].options<bargauge>.valueMode": "values stand in the colour of the text, which can be read",
    "panels[].options<timeseries>.legend.placement": "the legend stands below, also on a phone",
    "panels[].options<table>.cellHeight": _OWN_LAYOUT,
    "panels[].options<table>.footer.*": "tables have no footer",
    "panels[].options<table>.frameIndex": "the first with rows",
    "panels[].options<table>.showHeader": "a table without its header cannot be read",
    "panels[].options<table>.showTypeIcons": _MENU,
    "panels[].options<logs>.dedupStrategy": "every line is shown",
    "panels[].options<logs>.enableLogDetails": "a line shows where it comes from",
    "panels[].options<logs>.prettifyLogMessage": "lines stand as they were written",
    "panels[].options<logs>.showCommonLabels": "a line shows where it comes from",
    "panels[].options<logs>.showLabels": "a line shows where it comes from",
    "panels[].options<logs>.showLogContextToggle": "the log page shows what stands around",
}
_CHOSEN = ("excludeByName", "includeByName", "indexByName", "renameByName", "timepicker", "footer")


def fields(document: Any) -> Iterator[str]:
    """The path of every value of a dashboard, each once."""
    found: dict[str, None] = {}
    if isinstance(document, dict):
        _walk({key: value for key, value in document.items() if key != "panels"}, "", found)
        for panel in document.get("panels") or ():
            if isinstance(panel, dict):
                rest = {key: value for key, value in panel.items() if key not in ("options", "panels")}
                _walk(rest, "panels[]", found)
                _walk(panel.get("options", {}), f"panels[].options<{panel.get('type', '')}>", found)
    yield from found


def unknown(document: Any) -> list[str]:
    """Fields that are neither understood nor left aside on purpose; Grafana alone shows what they do."""
    return [path for path in fields(document) if path not in UNDERSTOOD and not _ignored(path)]


def _ignored(path: str) -> bool:
    if path in IGNORED:
        return True
    parts = path.split(".")
    return any(".".join([*parts[:number], "*"]) in IGNORED for number in range(1, len(parts)))


def _walk(value: Any, path: str, found: dict[str, None]) -> None:
    if isinstance(value, dict):
        free = path.endswith(tuple(f"{'.' if '.' in path else ''}{name}" for name in _CHOSEN))
        mapped = re.search(r"mappings\[\]\.options$", path) is not None
        for key, inner in value.items():
            name = "*" if free or (mapped and key != "result") else key
            _walk(inner, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list):
        if not value or not isinstance(value[0], (dict, list)):
            found.setdefault(f"{path}[]")
        for inner in value:
            _walk(inner, f"{path}[]", found)
    elif not path.endswith("[]"):
        found.setdefault(path)
