"""The dashboard of the AI service (preset ai): health, requests, calls of models, what they cost, who uses what."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import Source
from stackgen.render.dashboards import datastore, machine, traffic
from stackgen.render.dashboards.limits import limits
from stackgen.render.dashboards.links import frame, of_preset
from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, Steps, ask, build, one_number, over_time

TITLE = "AI Service"
UID = "watchstack-ai"
PRESET = "ai"
ONLY = of_preset(PRESET)
GREEN: Steps = ((None, "green"),)
NO_CALLS = f"{EMPTY_IS_FINE} no model was called yet."


def ai_service(source: Source, origin: str) -> dict[str, Any]:
    """The dashboard as plain data. origin: what stands in its description."""
    slow, failing = limits(source, "ai_response_time_seconds"), limits(source, critical="ai_error_percent")
    panels: list[tuple[PanelBuilder, int, int]] = [
        (traffic.rate_now(ONLY), 4, 4),
        (traffic.errors_now(ONLY, failing), 4, 4),
        (traffic.p95_now(ONLY, slow), 4, 4),
        (cost_today(source), 4, 4),
        (cost_a_call(), 4, 4),
        (model_errors_now(source), 4, 4),
        (traffic.health(ONLY), 8, 8),
        (traffic.response_times(ONLY, slow), 8, 8),
        (traffic.error_share(ONLY, failing), 8, 8),
        (calls(), 8, 8),
        (cost_an_hour(), 8, 8),
        (cost_trend(source), 8, 8),
        (traffic.features(ONLY), 8, 8),
        (registrations(), 8, 8),
        (usage_trend(), 8, 8),
        (application_errors(), 8, 8),
        (datastore.connections(ONLY, limits(source, "ai_connections")), 8, 8),
        (datastore.query_times(ONLY), 8, 8),
        (machine.process_memory(ONLY), 8, 8),
        (machine.process_cpu(ONLY, limits(source, "ai_process_cpu_percent")), 8, 8),
        (traffic.by_route(ONLY), 8, 8),
    ]
    return build(frame(source, TITLE, UID, PRESET), origin, panels)


def cost_today(source: Source) -> PanelBuilder:
    return ask(
        one_number("currencyUSD", limits(source, "ai_openai_daily_dollars")).decimals(2),
        "Cost of a day",
        "What the calls of models cost within the last 24 hours, in US dollars. Over the line the alert fires: see "
        f"who calls which model below. {NO_CALLS}",
        (f"sum(service:holisticos_openai_cost_dollars:increase1d{{{ONLY}}})", "cost"),
        instant=True,
    )


def cost_a_call() -> PanelBuilder:
    cost = f"sum(rate(holisticos_openai_cost_total{{{ONLY}}}[5m]))"
    return ask(
        one_number("currencyUSD", GREEN).decimals(4),
        "Cost of a call",
        f"Mean cost of one call of a model, over 5 minutes. A jump: longer prompts, or a dearer model. {NO_CALLS}",
        (f"{cost} / (sum(rate(holisticos_openai_calls_total{{{ONLY}}}[5m])) > 0)", "cost"),
        instant=True,
    )


def model_errors_now(source: Source) -> PanelBuilder:
    return ask(
        one_number("percent", limits(source, "ai_openai_error_percent")).decimals(1),
        "Failed calls",
        "Share of the calls of models that failed, over 15 minutes; the worst of the chosen services. The provider "
        f"is down, or the limit of calls is reached. {NO_CALLS}",
        (f"max(service:holisticos_openai_errors:percent15m{{{ONLY}}})", "failed"),
        instant=True,
    )


def calls() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Calls of models",
        "Calls a minute of each model by their outcome, over 5 minutes. Failures of one model: use another "
        f"meanwhile. {NO_CALLS}",
        (
            f"60 * sum by (model, status) (rate(holisticos_openai_calls_total{{{ONLY}}}[5m]))",
            "{{model}} {{status}}",
        ),
    )


def cost_an_hour() -> PanelBuilder:
    return ask(
        over_time("currencyUSD").min(0),
        "Cost an hour",
        "What the calls of models cost within the hour before, by service, in US dollars. A peak without more "
        f"requests is a loop or misuse. {NO_CALLS}",
        (f"sum by (service) (service:holisticos_openai_cost_dollars:increase1h{{{ONLY}}})", "{{service}}"),
    )


def cost_trend(source: Source) -> PanelBuilder:
    return ask(
        over_time("currencyUSD", limits(source, "ai_openai_daily_dollars")).min(0),
        "Cost of a day, trend",
        "What the calls of models cost within the 24 hours before, and what a day at the last hour's pace would cost. "
        + NO_CALLS,
        (f"sum(service:holisticos_openai_cost_dollars:increase1d{{{ONLY}}})", "24 hours"),
        (f"24 * sum(service:holisticos_openai_cost_dollars:increase1h{{{ONLY}}})", "at this pace"),
    )


def registrations() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Users",
        "Logins and registrations a minute, over 5 minutes. None where there always were some: the login is broken. "
        f"{EMPTY_IS_FINE} the application counts none.",
        (f"60 * sum(rate(logins_total{{{ONLY}}}[5m]))", "logins"),
        (f"60 * sum(rate(user_registrations_total{{{ONLY}}}[5m]))", "registrations"),
    )


def usage_trend() -> PanelBuilder:
    now = f"sum(service:http_requests:rate5m{{{ONLY}}})"
    return ask(
        over_time("reqps").min(0),
        "Use, trend",
        "Requests a second now, and a day and a week before. Far off both: an incident, or a campaign. "
        f"{EMPTY_IS_FINE} the service is not that old.",
        (now, "now"),
        (f"{now[:-1]} offset 1d)", "a day before"),
        (f"{now[:-1]} offset 1w)", "a week before"),
    )


def application_errors() -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Errors by place",
        "Errors a minute that the application tells of, by where and what. The place that is new since a deployment "
        f"comes first. {EMPTY_IS_FINE} it tells of none.",
        (
            f"60 * sum by (exported_service, error_type) (rate(holisticos_errors_total{{{ONLY}}}[5m]))",
            "{{exported_service}} {{error_type}}",
        ),
    )
