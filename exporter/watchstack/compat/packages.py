"""What the files of each system's packages hold: names of the library and nothing of their own.

Modules for alerts, deployments, log aggregation and dashboards are not among them as long as the library has none.
Writing them: write.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from watchstack.catalogue import Preset


def _file(
    about: str,
    *lines: str,
    names: Iterable[str] = (),
    api: Iterable[str] = (),
    preset: Preset | None,
    imports: str = "",
) -> str:
    """A module. api: names taken from watchstack.api. imports: further ones. names: that those and the lines define."""
    taken = [*api, *(["default_preset"] if preset is not None else [])]
    parts = [f'"""{about}"""']
    if taken or imports:
        parts.append("")
    if "import sys" in imports:
        parts += ["import sys", ""]
        imports = imports.replace("import sys\n", "")
    if taken:
        parts.append(_import("watchstack.api", taken))
    if imports:
        parts.append(imports)
    if preset is not None:
        parts += ["", f'default_preset("{preset}")']
    last = [] if not lines else ["", *lines]
    if lines and not lines[0].startswith("if "):
        parts, last = [*parts, *last], []
    if exported := sorted({*api, *names}, key=_order):
        parts += ["", "__all__ = [", *(f'    "{name}",' for name in exported), "]"]
    return "\n".join([*parts, *last]) + "\n"


def _import(module: str, names: Iterable[str]) -> str:
    told = sorted(set(names), key=lambda name: (_order(name)[0], name.lower()))
    line = f"from {module} import {', '.join(told)}"
    if len(line) <= 88:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in told), ")"])


def _order(name: str) -> tuple[int, str]:
    """As sorters of imports have it: constants, classes, functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


_EMPTY = _file("A package.", preset=None)
_HEALTH = ("HealthCheck", "HealthCheckResult", "HealthChecker", "HealthStatus", "get_health_checker")
_METRICS = ("MetricsCollector", "UserActivityMonitor", "get_metrics_collector", "get_user_activity_monitor")
_MIDDLEWARE = ("MonitoringMiddleware", "add_monitoring_middleware", "monitor_database_operation")
_CONSTANTS = (
    *("ACTIVE_CONNECTIONS", "ERROR_COUNT", "MEMORY_USAGE", "OPENAI_API_CALLS", "OPENAI_API_COST"),
    *("REQUEST_COUNT", "REQUEST_DURATION"),
)
_SUBJECTS = ("backups", "cache", "database", "diagnostics", "telemetry", "timescale", "users")
_CHECKER = "health_checker = get_health_checker()"
_COLLECTOR = "metrics_collector = get_metrics_collector()"
_ACTIVITY = "user_activity_monitor = get_user_activity_monitor()"

_FLASK = {
    "config/__init__.py": _EMPTY,
    "config/monitoring.py": _file(
        "The settings of the monitoring, under the names of their variables.",
        api=["MonitoringConfig"],
        preset=Preset.FLASK,
    ),
    "scripts/__init__.py": _EMPTY,
    "scripts/health_check_demo.py": _file(
        "Asks this application for its health and its metrics: python -m scripts.health_check_demo",
        'if __name__ == "__main__":',
        "    sys.exit(main())",
        names=["HealthCheckClient", "main"],
        imports="import sys\n" + _import("watchstack.client", ["HealthCheckClient", "main"]),
        preset=None,
    ),
}

_API = {
    "app/__init__.py": _EMPTY,
    "app/monitoring/__init__.py": _file(
        "The monitoring of this application.",
        _CHECKER,
        _COLLECTOR,
        _ACTIVITY,
        api=(*_HEALTH, *_METRICS, "add_monitoring_middleware"),
        names=("health_checker", "metrics_collector", "user_activity_monitor"),
        preset=Preset.API,
    ),
    "app/monitoring/health.py": _file(
        "The health checks of this application.", _CHECKER, api=_HEALTH, names=["health_checker"], preset=Preset.API
    ),
    "app/monitoring/metrics.py": _file(
        "The metrics of this application.",
        _COLLECTOR,
        _ACTIVITY,
        api=_METRICS,
        names=("metrics_collector", "user_activity_monitor"),
        preset=Preset.API,
    ),
}

_FRAMEWORK = {
    "src/__init__.py": _EMPTY,
    "src/framework/__init__.py": _EMPTY,
    "src/framework/monitoring/__init__.py": _file(
        "The monitoring of this application.",
        api=(
            *("HealthChecker", "MetricsCollector", "MonitoringDashboard", "MonitoringMiddleware", "MonitoringRoutes"),
            *("get_health_checker", "get_metrics_collector"),
        ),
        preset=Preset.FRAMEWORK,
    ),
    "src/framework/monitoring/health_checker.py": _file(
        "Health checks: what they are and what they return.", api=_HEALTH, preset=Preset.FRAMEWORK
    ),
    "src/framework/monitoring/middleware.py": _file(
        "Requests, answers and database operations.", api=_MIDDLEWARE, preset=Preset.FRAMEWORK
    ),
}

_IOT = {
    "app/__init__.py": _file(
        "The application's package: `init_monitoring(app)` makes its metrics and sets up the middleware.",
        imports=_import("app.api.middleware.monitoring", ["init_monitoring"]),
        names=["init_monitoring"],
        preset=None,
    ),
    "app/core/__init__.py": _file(
        "What every part of the application uses.",
        imports=_import("app.core.metrics", (*_SUBJECTS, "metrics_collector")),
        names=(*_SUBJECTS, "metrics_collector"),
        preset=None,
    ),
    "app/core/metrics.py": _file(
        "The metrics of this application, one object a subject: `database.query`, `telemetry.ingested` and so on.",
        _COLLECTOR,
        *(f"{name} = metrics_collector.monitoring.{name}" for name in _SUBJECTS),
        api=["get_metrics_collector"],
        names=(*_SUBJECTS, "metrics_collector"),
        preset=Preset.IOT,
    ),
    "app/api/__init__.py": _EMPTY,
    "app/api/middleware/__init__.py": _EMPTY,
    "app/api/middleware/monitoring.py": _file(
        "Requests and answers: time, number, sizes, status codes, errors.",
        "init_monitoring = add_monitoring_middleware",
        api=["MonitoringMiddleware", "add_monitoring_middleware"],
        names=["init_monitoring"],
        preset=Preset.IOT,
    ),
    "app/api/routes/__init__.py": _EMPTY,
    "app/api/routes/health.py": _file(
        "The routes below /health: `register(app)` serves them, as the middleware does.",
        "health_routes = MonitoringRoutes()",
        "register = health_routes.register",
        api=["MonitoringRoutes"],
        names=("health_routes", "register"),
        preset=Preset.IOT,
    ),
}

_AI = {
    "shared_libs/__init__.py": _EMPTY,
    "shared_libs/monitoring/__init__.py": _file("The monitoring of this service.", api=(), preset=Preset.AI),
    "shared_libs/monitoring/health_checker.py": _file(
        "The health checks of this service.", _CHECKER, api=_HEALTH, names=["health_checker"], preset=Preset.AI
    ),
    "shared_libs/monitoring/metrics.py": _file(
        "The metrics of this service.",
        "metrics = get_metrics_collector()",
        api=("MetricsCollector", "get_metrics_collector", "track_endpoint_metrics"),
        names=("metrics", *_CONSTANTS),
        imports=_import("watchstack.api.constants", _CONSTANTS),
        preset=Preset.AI,
    ),
}

# Path below the folder -> content, by preset.
FILES: dict[Preset, dict[str, str]] = {
    Preset.FLASK: _FLASK,
    Preset.API: _API,
    Preset.FRAMEWORK: _FRAMEWORK,
    Preset.IOT: _IOT,
    Preset.AI: _AI,
}
