"""What every generated panel is made with: queries, thresholds, sizes, and the words that say when empty is healthy.

Which panels there are is said in the modules of the subjects. Only panel types that the console draws too are used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from stackgen.render.dashboards.sdk import (
    Builder,
    JSONEncoder,
    PromQueryFormat,
    bargauge,
    common,
    common_model,
    dashboard,
    gauge,
    logs,
    loki,
    model,
    prometheus,
    stat,
    table,
    timeseries,
)
from stackgen.render.grafana import LOKI_UID, PROMETHEUS_UID

COLUMNS = 24
TAG = "watchstack"  # every generated dashboard has it
EMPTY_IS_FINE = "Empty is fine:"  # in a panel's description, then the reason; every other panel must return data

PROMETHEUS = common_model.DataSourceRef("prometheus", PROMETHEUS_UID)
LOKI = common_model.DataSourceRef("loki", LOKI_UID)

Target = Builder[Any]
Steps = Sequence[tuple[float | None, str]]  # from this value on, this colour; None for the lowest


class PanelBuilder(Protocol):
    """What the builders of all panel types have in common."""

    def build(self) -> model.Panel: ...
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: common_model.DataSourceRef) -> Self: ...
    def height(self, h: int) -> Self: ...
    def span(self, w: int) -> Self: ...
    def with_target(self, target: Target) -> Self: ...


P = TypeVar("P", bound=PanelBuilder)
Placed = Sequence[tuple[PanelBuilder, int, int]]  # builder, width, height


@dataclass(frozen=True)
class Frame:
    """What stands around the panels. tags: beside TAG; title and uid never change."""

    title: str
    uid: str
    links: Sequence[Builder[model.DashboardLink]]
    variables: Sequence[Builder[model.VariableModel]] = ()
    tags: Sequence[str] = ()
    marks: Sequence[Builder[model.AnnotationQuery]] = ()


def ask(panel: P, title: str, description: str, *queries: tuple[str, str], instant: bool = False) -> P:
    """The panel with its words and its PromQL queries, each an expression and its legend: A, B, C and so on."""
    panel.title(title).description(description).datasource(PROMETHEUS)
    for ref, (expr, legend) in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(query(expr, legend, ref, instant=instant))
    return panel


def query(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False) -> Target:
    """A PromQL query over time, or at the end of the time range with instant=True."""
    built = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(PROMETHEUS).legend_format(legend)
    return built.instant() if instant else built.range()


def rows(expr: str, ref: str = "A") -> Target:
    """A PromQL query for a table: one row a series, its labels and its value now."""
    built = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(PROMETHEUS)
    return built.instant().format(PromQueryFormat.TABLE)


def lines(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False) -> Target:
    """A LogQL query over time, or at the end of the time range with instant=True."""
    built = loki.Dataquery().expr(expr).ref_id(ref).datasource(LOKI).legend_format(legend)
    return built.query_type("instant" if instant else "range")


def steps(values: Steps) -> Builder[model.ThresholdsConfig]:
    """Thresholds in absolute values."""
    thresholds = [model.Threshold(value=value, color=colour) for value, colour in values]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(thresholds)


def one_number(unit: str, thresholds: Steps) -> stat.Panel:
    """One value now, coloured by its thresholds."""
    return (
        stat.Panel()
        .unit(unit)
        .thresholds(steps(thresholds))
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def over_time(unit: str, thresholds: Steps = ((None, "green"),)) -> timeseries.Panel:
    """Lines over time; thresholds above the lowest are drawn as lines."""
    panel = (
        timeseries.Panel()
        .unit(unit)
        .thresholds(steps(thresholds))
        .line_width(1)
        .fill_opacity(10)
        .show_points(common_model.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_model.LegendDisplayMode.LIST)
            .placement(common_model.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
    )
    if len(thresholds) > 1:
        mode = common_model.GraphThresholdsStyleMode.LINE
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(mode))
    return panel


def dial(unit: str, thresholds: Steps) -> gauge.Panel:
    """A gauge from 0 to 1 for each series, coloured by its thresholds."""
    return (
        gauge.Panel()
        .unit(unit)
        .min(0)
        .max(1)
        .thresholds(steps(thresholds))
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def bars(unit: str, thresholds: Steps, top: float) -> bargauge.Panel:
    """One bar a series, up to `top`."""
    return (
        bargauge.Panel()
        .unit(unit)
        .min(0)
        .max(top)
        .thresholds(steps(thresholds))
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def listing(columns: dict[str, str]) -> table.Panel:
    """A table of the `rows` of its queries, merged. columns: their titles by label or `Value`, in their order."""
    organise = {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(columns)},
        "renameByName": {name: title for name, title in columns.items() if title != name},
    }
    return (
        table.Panel()
        .with_transformation(model.DataTransformerConfig("merge", options={}))
        .with_transformation(model.DataTransformerConfig("organize", options=organise))
    )


def log_lines() -> logs.Panel:
    """Log lines, newest first."""
    return (
        logs.Panel()
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(common_model.LogsSortOrder.DESCENDING)
        .dedup_strategy(common_model.LogsDedupStrategy.NONE)
    )


def build(frame: Frame, origin: str, panels: Placed) -> dict[str, Any]:
    """The dashboard as plain data. panels: laid out row by row; origin: its description."""
    built = (
        dashboard.Dashboard(frame.title)
        .uid(frame.uid)
        .tags([TAG, *frame.tags])
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
    )
    for link in frame.links:
        built.link(link)
    for variable in frame.variables:
        built.with_variable(variable)
    for mark in frame.marks:
        built.annotation(mark)
    plain: dict[str, Any] = json.loads(JSONEncoder().encode(built.build()))
    for entry in (*plain["links"], *plain["annotations"].get("list", [])):
        entry.pop("placement", None)  # the SDK's default hides it in a menu
    plain["panels"] = [_placed(panel, number, place) for number, (panel, place) in enumerate(_grid(panels), start=1)]
    return {"description": origin, **plain}


def _grid(panels: Placed) -> list[tuple[PanelBuilder, dict[str, int]]]:
    """Places panels from left to right; a row is as high as its highest panel and 24 columns wide."""
    placed = []
    x = y = row = 0
    for panel, width, height in panels:
        if x + width > COLUMNS:
            x, y, row = 0, y + row, 0
        placed.append((panel, {"x": x, "y": y, "w": width, "h": height}))
        x, row = x + width, max(row, height)
    return placed


def _placed(panel: PanelBuilder, number: int, place: dict[str, int]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(JSONEncoder().encode(panel.build()))
    return {"id": number, **plain, "gridPos": place}
