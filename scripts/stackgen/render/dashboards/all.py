"""Which dashboards there are, by the name of their file. What each shows is said in its module."""

from __future__ import annotations

from stackgen.render.dashboards import mingus, tug
from stackgen.render.dashboards.ai import ai_service
from stackgen.render.dashboards.alerts import alerts
from stackgen.render.dashboards.containers import containers
from stackgen.render.dashboards.esp import esp_platform
from stackgen.render.dashboards.framework import framework
from stackgen.render.dashboards.host import host
from stackgen.render.dashboards.itself import itself
from stackgen.render.dashboards.logs import logs
from stackgen.render.dashboards.overview import overview
from stackgen.render.dashboards.postgres import postgres
from stackgen.render.dashboards.redis import redis
from stackgen.render.dashboards.service import service
from stackgen.render.dashboards.slo import slo
from stackgen.render.grafana import Dashboard

DASHBOARDS: dict[str, Dashboard] = {
    "overview": overview,
    "service": service,
    "slo": slo,
    "host": host,
    "containers": containers,
    "alerts": alerts,
    "logs": logs,
    "itself": itself,
    "flask-health": mingus.mingus_health,
    "flask-overview": mingus.overview,
    "flask-performance": mingus.performance,
    "flask-resources": mingus.resources,
    "flask-alerts": mingus.alerts,
    "iot-platform": esp_platform,
    "api-overview": tug.api_overview,
    "api-resources": tug.system_resources,
    "api-database": tug.database_performance,
    "api-errors": tug.error_tracking,
    "framework": framework,
    "ai-service": ai_service,
    "postgres": postgres,
    "redis": redis,
}
