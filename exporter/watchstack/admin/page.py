"""The page, its data, the export and the Grafana definition as handlers (A-28 to A-30); who may ask: access/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from watchstack.access import Role
from watchstack.admin.figures import DAY, PARTS, Figures
from watchstack.admin.html import asset, attached, html
from watchstack.endpoints import Answer, Handler, Request, content, json_answer
from watchstack.routes import Route
from watchstack.settings import Settings

GRAFANA = "py-framework-dashboard.json"  # the name that the document saves it under (J-09)
_SOURCES = {"summary": "summary", "health": "comprehensive"}  # part of the page to the route of J-08 that tells it
HOUR = 60.0  # minutes of history, unless it is told


class Page:
    """routes: that the application serves, among which the page finds its sources."""

    def __init__(self, settings: Settings, figures: Figures, routes: Iterable[Route]) -> None:
        self._settings = settings
        self._figures = figures
        paths = {route.name: route.path for route in routes}
        self._sources = {part: paths[name] for part, name in _SOURCES.items() if name in paths}
        self._run = paths.get("run", "")

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "admin": self._page,
            "admin_data": self._data,
            "admin_grafana": lambda request: attached(content(definition(), "application/json"), GRAFANA),
            "admin_export": self._export,
            "admin_css": asset("admin.css"),
            "admin_js": asset("admin.js"),
            "admin_charts": asset("charts.js"),
            "admin_icon": asset("icon.svg"),
        }

    def _page(self, request: Request) -> Answer:
        return html(
            "monitoring.html",
            request,
            environment=self._settings.environment,
            app_version=self._settings.app_version,
            admin=request.role == Role.ADMIN,
            role=request.role,
            csrf=request.csrf,
            sources={part: request.root + path for part, path in self._sources.items() if not request.owned(path)},
            run=request.root + self._run if self._run and not request.owned(self._run) else "",
        )

    def _data(self, request: Request) -> Answer:
        """J-02 to J-08."""
        names = (request.parameter("parts") or ",".join(PARTS)).split(",")
        if not set(names) <= set(PARTS):
            return json_answer({"error": f"parts are some of {', '.join(PARTS)}, separated by commas"}, 400)
        told = request.parameter("minutes")
        if told is not None and not (told.isascii() and told.isdecimal() and 1 <= int(told[:6]) <= DAY):
            return json_answer({"error": f"minutes is a whole number from 1 to {DAY:g}"}, 400)
        return json_answer(self._figures.parts(names, HOUR if told is None else float(told)))

    def _export(self, request: Request) -> Answer:
        """A-30."""
        headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        return attached(Answer(200, headers, self._figures.exported()), "monitoring-export.json")


@cache
def definition() -> bytes:
    """The dashboard for Grafana, as scripts/grafana_definition.py wrote it."""
    return (Path(__file__).parent / GRAFANA).read_bytes()
