"""grafana/: provisioning of datasources and dashboards, and files to import. What one shows is said in `dashboards`.

The uids are fixed: every panel names its datasource by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackgen.render.common import STACK, Source, duration
from stackgen.render.dump import header, to_json, to_yaml

DATASOURCES = "grafana/provisioning/datasources/watchstack.yml"
PROVIDER = "grafana/provisioning/dashboards/watchstack.yml"
DASHBOARDS = "grafana/dashboards"
IMPORTS = "grafana/import"  # for a Grafana of one's own: provisioning does not read it
FOLDER = "Watchstack"
PROMETHEUS_UID = "prometheus"
LOKI_UID = "loki"
ALERTMANAGER_UID = "alertmanager"

IMPORTED = ("flask-health",)  # in the envelope that Grafana's API takes
NEEDED = {"postgres": "postgres-exporter", "redis": "redis-exporter"}  # dashboard to the part all of it comes from

Dashboard = Callable[[Source, str], dict[str, Any]]


def render(source: Source, dashboards: Mapping[str, Dashboard]) -> dict[str, bytes]:
    """Provisioning where Grafana is placed, and every dashboard: the console draws them as well."""
    files = {}
    for name, dashboard in dashboards.items():
        if name in NEEDED and not source.runs(NEEDED[name]):
            continue
        path = f"{DASHBOARDS}/{name}.json"
        files[path] = to_json(dashboard(source, header(path, STACK)))
    for name in IMPORTED:
        path = f"{IMPORTS}/{name}.json"
        origin = header(path, STACK)
        files[path] = to_json({"description": origin, "dashboard": dashboards[name](source, origin), "overwrite": True})
    if source.runs("grafana"):
        files[DATASOURCES] = to_yaml(_datasources(source), header(DATASOURCES, STACK))
        files[PROVIDER] = to_yaml(_provider(source), header(PROVIDER, STACK))
    return files


def _datasources(source: Source) -> dict[str, Any]:
    interval = duration(source.stack.intervals.scrape)
    return {
        "apiVersion": 1,
        "prune": True,
        "datasources": [
            _datasource(source, "Prometheus", PROMETHEUS_UID, {"httpMethod": "POST", "timeInterval": interval}),
            _datasource(source, "Loki", LOKI_UID, {"maxLines": 1000}),
            _datasource(
                source,
                "Alertmanager",
                ALERTMANAGER_UID,
                {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
            ),
        ],
    }


def _datasource(source: Source, name: str, uid: str, options: dict[str, Any]) -> dict[str, Any]:
    """A datasource's type, uid and part have one name."""
    return {
        "name": name,
        "type": uid,
        "uid": uid,
        "access": "proxy",
        "url": source.placement[uid].url,
        "isDefault": uid == PROMETHEUS_UID,
        "editable": False,
        "jsonData": options,
    }


def _provider(source: Source) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "watchstack",
                "type": "file",
                "folder": FOLDER,
                "folderUid": "watchstack",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": f"{source.placement['grafana'].config}/dashboards"},
            }
        ],
    }
