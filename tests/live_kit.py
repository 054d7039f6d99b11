"""Small dashboards for tests, as classic JSON."""

from __future__ import annotations

import json
from typing import Any

PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
LOKI = {"type": "loki", "uid": "loki"}


def panel(title: str, *exprs: str, description: str = "", **more: Any) -> dict[str, Any]:
    """A panel over Prometheus, or what `datasource` names. more: over what is here, and `target` over each target."""
    over = more.pop("target", {})
    datasource = more.pop("datasource", PROMETHEUS)
    targets = [
        {"refId": ref, "datasource": datasource, "expr": expr, "range": True, **over}
        for ref, expr in zip("ABCDEFGH", exprs, strict=False)
    ]
    place = {"x": 0, "y": 0, "w": 12, "h": 8}
    return {"id": 1, "type": "timeseries", "title": title, "description": description, "datasource": datasource,
            "targets": targets, "gridPos": place, **more}  # fmt: skip


def lines(title: str, expr: str, **more: Any) -> dict[str, Any]:
    """A panel of log lines."""
    return panel(title, expr, datasource=LOKI, type="logs", target={"queryType": "range"}, **more)


def variable(name: str, query: str, **more: Any) -> dict[str, Any]:
    """A variable whose values Prometheus gives, all of them chosen."""
    return {"name": name, "type": "query", "datasource": PROMETHEUS, "query": {"query": query, "refId": "v"},
            "includeAll": True, "multi": True, "allValue": ".*",
            "current": {"text": "All", "value": "$__all"}, **more}  # fmt: skip


def board(*panels: dict[str, Any], uid: str = "own", title: str = "Own", **more: Any) -> dict[str, Any]:
    """variables, annotations: lists; everything else as it is."""
    numbered = [{**one, "id": number} for number, one in enumerate(panels, 1)]
    return {
        "uid": uid,
        "title": title,
        "schemaVersion": 42,
        "panels": numbered,
        "templating": {"list": more.pop("variables", [])},
        "annotations": {"list": more.pop("annotations", [])},
        **more,
    }


def written(**dashboards: dict[str, Any]) -> dict[str, bytes]:
    """File to bytes, as if they lay below grafana/dashboards."""
    return {f"grafana/dashboards/{name}.json": json.dumps(one).encode() for name, one in dashboards.items()}
