"""Ways from one dashboard to the next: to the overview, to the others, to the logs at that time, to the console.

And the variables by which a dashboard is narrowed to some services. What is drawn is said in the modules of the
subjects.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from stackgen.render.common import Source
from stackgen.render.dashboards.marks import marks
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, LOKI, PROMETHEUS, TAG, Frame
from stackgen.render.dashboards.sdk import Builder, dashboard, model

OVERVIEW_UID = "watchstack-overview"
SERVICE_UID = "watchstack-service"
SLO_UID = "watchstack-slo"
CHOSEN = 'service=~"$service"'
EVERY_LOG = '{environment=~".+"}'
# Of containers that Compose knows by the service's name; natively of the examples.
SERVICE_LOGS = '{environment=~".+",compose_service=~"${service:pipe}"}'
ALL = "$__all"  # Grafana's own word for every option of a variable

Link = Builder[model.DashboardLink]
Variable = Builder[model.VariableModel]


def frame(source: Source, title: str, uid: str, preset: str = "", variables: Sequence[Variable] = ()) -> Frame:
    """What stands around a dashboard's panels. preset: narrowed to services that use it, with ways between its own."""
    own = [services(preset)] if preset else []
    only = of_preset(preset) if preset else CHOSEN if uid in (SERVICE_UID, SLO_UID) else ""
    return Frame(
        title,
        uid,
        _links(source, uid, preset),
        [*own, *variables],
        [f"preset-{preset}"] if preset else [],
        list(marks(source, uid, only)),
    )


def _links(source: Source, uid: str, preset: str) -> list[Link]:
    found: list[Link] = []
    if uid != OVERVIEW_UID:
        found.append(_link("Overview", f"/d/{OVERVIEW_UID}").keep_time(True))
    if preset:
        found.append(_link("Service", f"/d/{SERVICE_UID}").keep_time(True).include_vars(True))
        found.append(_tagged(f"Dashboards of {preset}", f"preset-{preset}").include_vars(True))
    if uid == SLO_UID:
        found.append(_link("Service", f"/d/{SERVICE_UID}").keep_time(True).include_vars(True))
    if uid in (OVERVIEW_UID, SERVICE_UID):
        found.append(_link("Promises", f"/d/{SLO_UID}").keep_time(True).include_vars(uid == SERVICE_UID))
    if preset or uid in (SERVICE_UID, SLO_UID):
        found.append(_link("Logs of these services", explore(SERVICE_LOGS)))
    found.append(_link("Logs at this time", explore(EVERY_LOG)))
    found.append(_tagged("All dashboards", TAG))
    found.append(_link("Console: inbox and runbooks", source.stack.address).target_blank(True))
    return found


def explore(expr: str) -> str:
    """Address of Grafana's Explore with a LogQL query, over the time range that the dashboard shows."""
    query = {"refId": "A", "datasource": {"type": LOKI.type_val, "uid": LOKI.uid}, "expr": expr}
    span = {"from": "${__from}", "to": "${__to}"}
    pane = {"a": {"datasource": LOKI.uid, "queries": [query], "range": span}}
    panes = json.dumps(pane, separators=(",", ":"))
    return f"/explore?schemaVersion=1&panes={quote(panes, safe='${}_')}"


def of_preset(preset: str) -> str:
    """The matchers that a panel of a preset's dashboard puts into its selectors."""
    return f'preset="{preset}",{CHOSEN}'


def services(preset: str = "") -> Variable:
    """Which services are shown. preset: only those that use it; without, all that answer HTTP requests."""
    which = f'up{{preset="{preset}"}}' if preset else "service:http_requests:rate5m"
    uses = f"uses the preset {preset}" if preset else "exports http_requests_total"
    return variable("service", "Service", which, f"{EMPTY_IS_FINE} no service of stack.yml {uses} then.")


def variable(name: str, label: str, metric: str, description: str) -> Variable:
    """The values of a label of a metric: all of them at first, one or several by choice."""
    text = f"label_values({metric}, {name})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(PROMETHEUS)
        .query({"query": text, "refId": f"variable-{name}"})
        .definition(text)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value=ALL))
    )


def search() -> Variable:
    """A text that log lines are searched by; every line at first."""
    built = dashboard.TextBoxVariable("search").label("Search").default_value("")
    return built.description("A text or a regular expression; small and capital letters are the same.")


def to_service() -> dashboard.DashboardLink:
    """From what was clicked to the requests of its service, at the time that is shown."""
    address = f"/d/{SERVICE_UID}?var-service=${{__field.labels.service}}&from=${{__from}}&to=${{__to}}"
    return dashboard.DashboardLink("This service's requests").url(address)


def _link(title: str, address: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).url(address)


def _tagged(title: str, *tags: str) -> dashboard.DashboardLink:
    built = dashboard.DashboardLink(title).type(model.DashboardLinkType.DASHBOARDS).tags(list(tags))
    return built.as_dropdown(True).keep_time(True)
