"""The table of the library's own endpoints: path, method, presets, access, and what answers (requirements A).

What a handler does lives in health/serving.py, inspection.py and admin/, the bodies' schemas in schemas.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from watchstack.access import LOGIN, Access, Gate
from watchstack.catalogue import Preset
from watchstack.endpoints import Endpoints, Handler
from watchstack.settings import SettingError, Settings

PROMETHEUS = "prometheus"  # in place of a schema: the body is Prometheus's
MEDIA = {  # likewise, with its content type
    "plain": "text/plain",
    "html": "text/html",
    "css": "text/css",
    "javascript": "text/javascript",
    "svg": "image/svg+xml",
}
OPENAPI_PATH = "/monitoring/openapi.json"  # the same in every preset


@dataclass(frozen=True)
class Route:
    """One endpoint.

    name: of its handler. presets: that serve it; without a preset all are served, and an empty tuple means in each.
    answers: status code to the name of the body's schema, or what stands in its place: PROMETHEUS, a key of MEDIA, ""
    for no body. parameters: of the query, and what they do. form: fields of the body, and what they are.
    """

    name: str
    path: str
    about: str
    answers: Mapping[int, str]
    presets: tuple[Preset, ...] = ()
    method: str = "GET"
    access: Access = Access.OPEN
    parameters: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    rows: str = ""


UNLIMITED = ("live",)  # a refused liveness probe would have the application restarted, and it costs nothing
_FLASK, _API, _FRAMEWORK, _IOT, _AI = ((one,) for one in Preset)


def _health(schema: str) -> dict[int, str]:
    """The codes of Y-10."""
    return {200: schema, 503: schema}


METRICS_ROUTE = Route("metrics", "/metrics", "The metrics for Prometheus", {200: PROMETHEUS}, rows="A-01 A-11")
_FORMAT = {"format": "json or prometheus, whatever the Accept header says"}
_NOW = {
    "types": "true: count the objects by type, which stops the application for a moment",
    "tracemalloc": "true: the largest allocations, where tracemalloc runs",
}
_PARTS = {
    "parts": "some of summary, health, performance, history, separated by commas; all by default",
    "minutes": "how far the history looks back, 60 by default, a day at most",
}

ROUTES = (
    Route("live", "/health/live", "The process runs; asks nothing else", {200: "live"}, rows="A-32"),
    Route("ready", "/health/ready", "The checks that are critical", _health("timed"), rows="A-33"),
    Route("startup", "/health/startup", "The database pool is initialised, the required tables exist",
          _health("timed"), _IOT, rows="A-34"),
    Route("basic", "/health", "The status of the whole", _health("basic"), _FLASK, rows="A-06"),
    Route("standard", "/health/standard", "Every check in one consistent shape", _health("standard"), _FLASK,
          rows="A-02"),
    Route("health_metrics", "/health/metrics", "Health with the figures of resources, or the metrics for Prometheus",
          {**_health("metrics"), 400: "plain", 404: "plain"}, (*_FLASK, *_IOT), parameters=_FORMAT,
          rows="A-03 A-04 A-05 A-35"),
    Route("detailed", "/health/detailed", "Every check with message and details, and what the stores tell",
          _health("detailed"), (*_FLASK, *_IOT), rows="A-07 A-31"),
    Route("database", "/health/database", "The database alone", {**_health("one"), 404: "error"}, _FLASK, rows="A-08"),
    Route("redis", "/health/redis", "Redis alone", {**_health("one"), 404: "error"}, _FLASK, rows="A-09"),
    Route("external", "/health/external", "The APIs of other services", _health("external"), _FLASK, rows="A-10"),
    Route("monitoring_health", "/monitoring/health", "Every check by name, with message and details",
          _health("monitoring"), _API, rows="A-12"),
    Route("live", "/monitoring/health/live", "The process runs; asks nothing else", {200: "live"}, _API, rows="A-13"),
    Route("ready", "/monitoring/health/ready", "The checks that are critical", _health("timed"), _API, rows="A-14"),
    Route("metrics_json", "/monitoring/metrics/json", "The same metrics as JSON", {200: "metrics_json"}, _API,
          access=Access.RESTRICTED, rows="A-16"),
    Route("status", "/monitoring/status", "Process, host, requests and checks in one answer", {200: "status"}, _API,
          access=Access.RESTRICTED, rows="A-17"),
    Route("debug", "/monitoring/debug/info", "Memory, garbage collection and threads of the process",
          {200: "debug"}, _API, access=Access.SENSITIVE, parameters=_NOW, rows="A-18"),
    Route("summary", "/api/metrics/summary", "The most telling figures", {200: "summary"}, _FRAMEWORK,
          access=Access.VIEWER, rows="A-20"),
    Route("performance", "/api/metrics/performance", "A score with its reasons, alerts, advice and trends",
          {200: "performance"}, _FRAMEWORK, access=Access.VIEWER, rows="A-21"),
    Route("comprehensive", "/api/health", "Every check, run side by side, with a summary", _health("comprehensive"),
          (*_FRAMEWORK, *_AI), parameters={"code": "200: answer so, whatever the status is"}, rows="A-22 A-36 X-02"),
    Route("simple", "/api/health/simple", "Asks the database at once; for load balancers", _health("simple"), _AI,
          rows="A-37"),
    Route("check", "/api/health/{check_name}", "The newest result of one check",
          {**_health("check"), 404: "error"}, _FRAMEWORK, rows="A-23"),
    Route("run", "/api/health/{check_name}/run", "Runs one check at once and tells its result",
          {**_health("check"), 404: "error"}, _FRAMEWORK, "POST", Access.ADMIN, rows="A-24"),
    Route("stats", "/api/monitoring/stats", "Health, uptime, version and environment", {200: "stats"}, _AI,
          rows="A-38"),
    Route("admin", "/admin/monitoring", "The page: live figures, health, alerts, charts", {200: "html"},
          access=Access.VIEWER, rows="A-28 J-01"),
    Route("admin_data", "/admin/monitoring/data", "What the page shows", {200: "admin_data", 400: "error"},
          access=Access.VIEWER, parameters=_PARTS, rows="J-02 J-05 J-06"),
    Route("admin_grafana", "/admin/monitoring/grafana", "A dashboard to import in Grafana", {200: "grafana"},
          access=Access.VIEWER, rows="A-29 J-09"),
    Route("admin_export", "/admin/monitoring/export", "All that the monitoring knows", {200: "admin_export"},
          access=Access.ADMIN, rows="A-30 J-10"),
    Route("login_form", LOGIN, "The page to sign in with a token", {200: "html", 403: "html"},
          parameters={"next": "the page to go to then"}, rows="M-05"),
    Route("login", LOGIN, "Begins a session of 8 hours", {303: "", 401: "html", 403: "html"}, method="POST",
          form={"token": "the admin's or the viewer's", "next": "the page to go to"}, rows="M-05 M-06"),
    Route("logout", "/admin/monitoring/logout", "Ends the session in this browser", {303: "", 403: "error"},
          method="POST", form={"csrf_token": "as the page has it"}, rows="M-05"),
    Route("admin_css", "/admin/monitoring/admin.css", "How the page looks", {200: "css"}, rows="J-01"),
    Route("admin_js", "/admin/monitoring/admin.js", "What keeps the page live", {200: "javascript"}, rows="J-02"),
    Route("admin_charts", "/admin/monitoring/charts.js", "What draws its charts", {200: "javascript"}, rows="J-05"),
    Route("admin_icon", "/admin/monitoring/icon.svg", "Its icon", {200: "svg"}, rows="J-01"),
    Route("openapi", OPENAPI_PATH, "This description", {200: "openapi"}),
)  # fmt: skip


def served(settings: Settings) -> list[Route]:
    """What an application with these settings serves; the static paths before those with parameters (X-04).

    Raises SettingError for metrics at the path of another endpoint.
    """
    preset = settings.preset
    found = [route for route in ROUTES if not route.presets or preset is None or preset in route.presets]
    if settings.prometheus_enabled:
        taken = {route.path for route in found}
        if settings.prometheus_path in taken - {"/health/metrics"}:  # which gives metrics and health
            raise SettingError("PROMETHEUS_PATH", settings.prometheus_path, "a path that no other endpoint here has")
        paths = [settings.prometheus_path]
        if preset is None:  # the same registry under the paths of all systems
            paths += ["/monitoring/metrics", "/api/metrics"]
        metrics = [_metrics(path, settings) for path in dict.fromkeys(paths) if path not in taken]
        return [*metrics, *found]
    return [route for route in found if route.name != "metrics_json"]


def install(endpoints: Endpoints, routes: list[Route], handlers: Mapping[str, Handler], gate: Gate) -> None:
    """Puts the handlers of the routes in place, behind the gate. Raises KeyError for a route without a handler."""
    for route in routes:
        handler = gate.guarded(route.access, handlers[route.name], limited=route.name not in UNLIMITED)
        endpoints.add(route.path, handler, method=route.method, waits=route.name not in ("live", "metrics", "openapi"))


def _metrics(path: str, settings: Settings) -> Route:
    """M-22: the framework's path is open; M-01: those of the API package are not in production."""
    restricted = path.startswith("/monitoring/") or settings.preset is Preset.API
    return replace(METRICS_ROUTE, path=path, access=Access.RESTRICTED if restricted else Access.OPEN)
