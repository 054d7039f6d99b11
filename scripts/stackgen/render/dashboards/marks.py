"""Marks over the panels of a dashboard: alerts that fire, deployments, restarts. Grafana's word is annotations.

Each can be switched off at the top of the dashboard, and is about the services that the dashboard shows. The series
come from rules/recording-services.yml.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackgen.render.common import Source
from stackgen.render.dashboards.panels import PROMETHEUS
from stackgen.render.dashboards.sdk import dashboard

STEP = "60s"  # marks closer together than this are one
MOST = 50  # alerts that are marked at one moment: a dashboard stays quick when everything is down
FRESH = 3600  # seconds: so long is a deployment asked for, so that few points are read for each
FIRING = 'alertstate="firing",alertname!="Watchdog"'
SERVICE = "/d/watchstack-service?var-service={{service}}"
SUBJECTS = {  # dashboards that are about no service, and the alerts about what they show
    "watchstack-host": 'alertname=~"Host.*"',
    "watchstack-containers": 'alertname=~"Container.*"',
    "watchstack-postgres": 'alertname=~"Postgres.*"',
    "watchstack-redis": 'alertname=~"Redis.*"',
    "watchstack-itself": 'service="watchstack"',
}


def marks(source: Source, uid: str, only: str) -> Iterator[dashboard.AnnotationQuery]:
    """only: matchers that choose the services, "" for a dashboard that is about all of them or about none."""
    about = only or SUBJECTS.get(uid, "")
    chosen = f"{FIRING},{about}" if about else FIRING
    alerts = f"max by (alertname, severity, service, team, subject) (ALERTS{{{chosen}}})"
    console = f'<a href="{source.stack.address.rstrip("/")}/alerts">in the console</a>'
    requests = f'<a href="{SERVICE}">its requests</a>'
    yield (
        _mark("Alerts", "red", f"topk({MOST}, {alerts})", "{{alertname}}")
        .text_format(f"{{{{severity}}}} {{{{service}}}} {{{{subject}}}}<br>{console}, {requests}")
        .tag_keys("severity,team")
    )
    yield (
        _mark("Deployments", "blue", _since("service:deployed:timestamp_seconds", only), "{{service}} {{version}}")
        .text_format(f"Version {{{{version}}}} of {{{{service}}}} was started<br>{requests}")
        .tag_keys("environment,team")
        .use_value_for_time(True)
    )
    yield (
        _mark("Restarts", "purple", _since("service:started:timestamp_seconds", only), "{{service}}")
        .enable(bool(only))
        .text_format(f"A process of {{{{service}}}} was started<br>{requests}")
        .tag_keys("environment,team")
        .use_value_for_time(True)
    )


def _mark(name: str, colour: str, expr: str, title: str) -> dashboard.AnnotationQuery:
    built = dashboard.AnnotationQuery().name(name).datasource(PROMETHEUS).enable(True).icon_color(colour)
    return built.expr(expr).step(STEP).title_format(title)


def _since(metric: str, only: str) -> str:
    """The moments as milliseconds, which is what Grafana takes for a time; those of the last hour at every step."""
    return f"1000 * ({metric}{{{only}}} > time() - {FRESH})" if only else f"1000 * ({metric} > time() - {FRESH})"
