"""Panels about the requests to services, of which the dashboards of several subjects take what they need.

`only`: the matchers that choose the services. Steps: colours, from `limits`.
"""

from __future__ import annotations

from stackgen.render.dashboards.panels import (
    EMPTY_IS_FINE,
    PanelBuilder,
    Steps,
    ask,
    bars,
    listing,
    one_number,
    over_time,
    rows,
)
from stackgen.render.dashboards.panels import PROMETHEUS as ASKED
from stackgen.render.dashboards.queries import (
    STATUS_CLASSES,
    error_percent,
    of_all,
    percentiles,
    quantile,
    requests,
    share,
    status_class,
)

GREEN: Steps = ((None, "green"),)
MOST = 10  # routes in a list


def rate_now(only: str, steps: Steps = GREEN) -> PanelBuilder:
    return ask(
        one_number("reqps", steps),
        "Requests now",
        "Requests a second that the chosen services answer together, over 5 minutes. Compare with the same hour of "
        "another day; a sudden fall is as bad as a peak.",
        (requests(only), "requests"),
        instant=True,
    )


def errors_now(only: str, steps: Steps) -> PanelBuilder:
    return ask(
        one_number("percent", steps).decimals(2),
        "Errors now",
        "Share of the requests that were answered with a status of 500 or more, over 5 minutes. Normal is next to "
        "nothing; find the route below, then its exceptions and log lines.",
        (error_percent(only), "errors"),
        instant=True,
    )


def p95_now(only: str, steps: Steps) -> PanelBuilder:
    return ask(
        one_number("s", steps),
        "P95 response time",
        "19 of 20 requests were answered within this time, over 5 minutes. When it climbs look for one slow route, "
        "then at the database and the CPU.",
        (quantile(0.95, only), "P95"),
        instant=True,
    )


def average_now(only: str, steps: Steps) -> PanelBuilder:
    which = f'{{{only},statistic="avg"}}'
    return ask(
        one_number("s", steps),
        "Response time now (mean)",
        "Mean response time over 5 minutes, of the slowest of the chosen services. A few slow requests move it "
        "little: the P95 tells of those.",
        (f"max(service:http_request_duration_seconds:statistic5m{which})", "mean"),
        instant=True,
    )


def in_progress(only: str) -> PanelBuilder:
    return ask(
        one_number("short", GREEN),
        "Requests in progress",
        "Requests that are being answered at this moment. Normal is few and level; climbing without more requests "
        "means that something waits.",
        (f"sum(http_requests_in_progress{{{only}}})", "requests"),
        instant=True,
    )


def by_service(only: str) -> PanelBuilder:
    return ask(
        over_time("reqps").min(0),
        "Requests by service",
        "Requests a second to each of the chosen services, over 5 minutes. A service that falls to nothing gets "
        "none any more: look at what stands before it.",
        (f"sum by (service) (service:http_requests:rate5m{{{only}}})", "{{service}}"),
    )


def by_status(only: str) -> PanelBuilder:
    return ask(
        over_time("reqps").min(0),
        "Requests by status",
        "Requests a second by the class of their status, over 5 minutes. Normal is nearly all 2xx and 3xx; 4xx are "
        "callers' mistakes, 5xx the service's.",
        *((status_class(digit, only), f"{digit}xx") for digit in STATUS_CLASSES),
    )


def response_times(only: str, steps: Steps = GREEN) -> PanelBuilder:
    return ask(
        over_time("s", steps).min(0),
        "Response times",
        "Half, 95 % and 99 % of the requests were answered within these times, over 5 minutes. Apart they are slow "
        "for some, climbing together slow for all.",
        *percentiles(only),
    )


def error_share(only: str, steps: Steps) -> PanelBuilder:
    some, total = (f"sum by (service) (service:http_{what}:rate5m{{{only}}})" for what in ("errors", "requests"))
    return ask(
        over_time("percent", steps).min(0),
        "Errors",
        "Share of each service's requests that were answered with 500 or more, over 5 minutes. Normal is next to "
        "nothing; an edge at a mark of a deployment speaks for going back.",
        (share(some, total), "{{service}}"),
    )


def by_route(only: str) -> PanelBuilder:
    return ask(
        over_time("reqps").min(0),
        "Requests by route",
        f"The {MOST} busiest routes and their requests a second, over 5 minutes. Routes are templates, never paths. "
        "A new one at the top is a new caller or a loop.",
        (f"topk({MOST}, sum by (endpoint) (service:http_requests_by_route:rate5m{{{only}}}))", "{{endpoint}}"),
    )


def slow_routes(only: str) -> PanelBuilder:
    spent = f"sum by (endpoint) (service:http_request_duration_seconds_sum_by_route:rate5m{{{only}}})"
    count = f"sum by (endpoint) (service:http_request_duration_seconds_count_by_route:rate5m{{{only}}})"
    return ask(
        over_time("s").min(0),
        "Slowest routes",
        f"The {MOST} routes with the longest mean response time, over 5 minutes. What is slow all the time is a "
        "query to mend; what became slow is an incident.",
        (f"topk({MOST}, {spent} / ({count} > 0))", "{{endpoint}}"),
    )


def routes(only: str) -> PanelBuilder:
    """Rate, errors and duration of each route, one row a route."""
    by = "sum by (service, method, endpoint)"
    counted = f"{by} (service:http_requests_by_route:rate5m{{{only}}})"
    failed = f'{by} (service:http_requests_by_route:rate5m{{{only},status=~"5.."}})'
    spent = f"{by} (service:http_request_duration_seconds_sum_by_route:rate5m{{{only}}})"
    observed = f"{by} (service:http_request_duration_seconds_count_by_route:rate5m{{{only}}})"
    names = {
        "service": "service",
        "method": "method",
        "endpoint": "route",
        "Value #A": "requests a second",
        "Value #B": "errors, %",
        "Value #C": "mean time, s",
    }
    return (
        listing(names)
        .title("Routes")
        .description(
            "Every route: requests a second, share of errors, mean response time, over 5 minutes. Sort by the "
            "errors or the time to find the one that is ill."
        )
        .datasource(ASKED)
        .with_target(rows(counted))
        .with_target(rows(f"100 * ({of_all(failed, counted)}) / ({counted} > 0)", "B"))
        .with_target(rows(f"{spent} / ({observed} > 0)", "C"))
    )


def exceptions(only: str) -> PanelBuilder:
    return ask(
        over_time("short").min(0),
        "Exceptions",
        "Exceptions a second by their class that the application did not answer itself. Each is an error for "
        f"somebody: its lines are in the logs of that time. {EMPTY_IS_FINE} none was raised.",
        (f"sum by (error_type) (rate(http_exceptions_total{{{only}}}[5m]))", "{{error_type}}"),
    )


def failing_routes(only: str) -> PanelBuilder:
    return ask(
        over_time("reqps").min(0),
        "Errors by route",
        f"The {MOST} routes with most answers of 500 or more a second, over 5 minutes. One route: mend it. All of "
        f"them: look at the database and what the service calls. {EMPTY_IS_FINE} there was none.",
        (
            f'topk({MOST}, sum by (endpoint) (service:http_requests_by_route:rate5m{{{only},status=~"5.."}}))',
            "{{endpoint}}",
        ),
    )


def health(only: str) -> PanelBuilder:
    return ask(
        bars("short", [(None, "red"), (1, "green")], 1),
        "Health by component",
        "1: the health check of the component passes, 0: it fails. What is red is unreachable or too slow for the "
        f"service. {EMPTY_IS_FINE} the service has no health checks.",
        (f"min by (component) (service:health_check_status:min{{{only}}})", "{{component}}"),
        instant=True,
    )


def features(only: str) -> PanelBuilder:
    return ask(
        over_time("cpm").min(0),
        "Features",
        "Uses of each feature a minute, over 5 minutes. A feature that nobody uses after a deployment may be "
        f"broken. {EMPTY_IS_FINE} the application counts none.",
        (f"60 * sum by (feature) (rate(feature_usage_total{{{only}}}[5m]))", "{{feature}}"),
    )
