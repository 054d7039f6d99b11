"""A dashboard in Grafana's v2 form, built with Grafana's own SDK, so that its shape is Grafana's."""

from __future__ import annotations

import json
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    from grafana_foundation_sdk.builders import dashboardv2, logs, loki, prometheus, text, timeseries
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import dashboardv2 as model

V2 = dashboardv2


def _from(query: Any, uid: str) -> Any:
    return query.datasource(V2.Dashboardv2DataQueryKindDatasource().name(uid))


def elements() -> dict[str, Builder[Any]]:
    """Three panels over the datasources of another Grafana."""
    up = _from(prometheus.QueryV2().expr('up{job=~"$job"}').legend_format("{{job}}").range(True), "PBFA97CFB590B2093")
    written = _from(loki.QueryV2().expr('{environment=~".+"}'), "P8E80F9AEF21F6940")
    return {
        "up": V2.Panel()
        .id(1)
        .title("Up")
        .description("Which targets answer.")
        .data(
            V2.QueryGroup()
            .targets([V2.Target().query(up).ref_id("A")])
            .transformations([V2.Transformation().group("organize").options({"renameByName": {"a": "b"}})])
            .query_options(V2.QueryOptionsSpec().max_data_points(300))
        )
        .visualization(timeseries.VisualizationV2().unit("short")),
        "lines": V2.Panel()
        .id(2)
        .title("Lines")
        .data(V2.QueryGroup().targets([V2.Target().query(written).ref_id("A")]))
        .visualization(logs.VisualizationV2()),
        "words": V2.Panel().id(3).title("Words").visualization(text.VisualizationV2().content("hello")),
    }


def grid() -> Builder[Any]:
    """Two panels beside one another, the third below."""
    places = {"up": (0, 0, 12, 8), "lines": (12, 0, 12, 8), "words": (0, 8, 24, 4)}
    items = [V2.GridItem().name(name).x(x).y(y).width(w).height(h) for name, (x, y, w, h) in places.items()]
    return V2.Grid().items(items)


def auto() -> Builder[Any]:
    """Two in a line, placed by Grafana itself."""
    return V2.AutoGrid().max_column_count(2).items([V2.AutoGridItem().name(name) for name in ("up", "lines", "words")])


def rows() -> Builder[Any]:
    """A row with a grid, then one with an automatic one."""
    one = V2.Grid().items([V2.GridItem().name("up").x(6).y(0).width(12).height(8)])
    other = V2.AutoGrid().items([V2.AutoGridItem().name("lines"), V2.AutoGridItem().name("words")])
    return V2.Rows().rows([V2.Row().title("First").layout(one), V2.Row().title("Second").layout(other)])


def tabs() -> Builder[Any]:
    """Two tabs."""
    one = V2.Grid().items([V2.GridItem().name("up").x(0).y(0).width(24).height(8)])
    other = V2.Grid().items([V2.GridItem().name(name).x(0).y(0).width(24).height(8) for name in ("lines", "words")])
    return V2.Tabs().tabs([V2.Tab().title("One").layout(one), V2.Tab().title("Two").layout(other)])


def spec(layout: Builder[Any]) -> dict[str, Any]:
    """The content of a v2 dashboard, as Grafana 13's export without a resource gives it."""
    asked = _from(prometheus.QueryV2().expr("label_values(up, job)"), "PBFA97CFB590B2093")
    job = (
        V2.QueryVariable("job")
        .query(asked)
        .definition("label_values(up, job)")
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(text="All", value="$__all"))
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    ends = _from(prometheus.QueryV2().expr("up == 0"), "PBFA97CFB590B2093")
    built = (
        V2.Dashboard("Saved in v2")
        .tags(["mine"])
        .cursor_sync(model.DashboardCursorSync.CROSSHAIR)
        .time_settings(V2.TimeSettings().from_val("now-1h").to("now").auto_refresh("1m").timezone("browser"))
        .variables([job])
        .annotations([V2.AnnotationQuery().name("down").enable(True).icon_color("red").query(ends)])
        .elements(elements())
        .layout(layout)
        .build()
    )
    plain: dict[str, Any] = json.loads(JSONEncoder().encode(built))
    # A query variable's text stands in a field of its own, which the SDK's query does not have.
    plain["variables"][0]["spec"]["query"]["spec"] = {"query": "label_values(up, job)", "refId": "v"}
    return plain


def saved_as_v2(version: str = "v2", layout: Builder[Any] | None = None, name: str = "saved-v2") -> dict[str, Any]:
    """The resource that Grafana's API and its export give. v2beta1 and v2alpha1 name a few things differently."""
    plain = spec(layout or grid())
    if version != "v2":
        for element in plain["elements"].values():
            for one in element["spec"].get("data", {}).get("spec", {}).get("transformations", ()):
                one["kind"], one["spec"]["id"] = one.pop("group"), "organize"
    if version == "v2alpha1":
        for element in plain["elements"].values():
            shown = element["spec"]["vizConfig"]
            shown["kind"] = shown.pop("group")
            for one in element["spec"].get("data", {}).get("spec", {}).get("queries", ()):
                asked = one["spec"]["query"]
                kind = asked.pop("group")
                one["spec"]["datasource"] = {"type": kind, "uid": asked.pop("datasource")["name"]}
                asked["kind"] = kind
    return {
        "apiVersion": f"dashboard.grafana.app/{version}",
        "kind": "Dashboard",
        "metadata": {"name": name},
        "spec": plain,
    }
