"""Panels about the database and the cache of a service, as the library sees them from the application's side."""

from __future__ import annotations

from stackgen.render.dashboards.panels import EMPTY_IS_FINE, PanelBuilder, Steps, ask, one_number, over_time
from stackgen.render.dashboards.queries import of_all, share

NO_POOL = f"{EMPTY_IS_FINE} the application has no pool that tells."


def queries_now(only: str) -> PanelBuilder:
    return ask(
        one_number("ops", [(None, "green")]),
        "Queries now",
        "Database queries a second, over 5 minutes. Far more queries for the same requests: something asks one by one.",
        (f"sum(rate(db_queries_total{{{only}}}[5m]))", "queries"),
        instant=True,
    )


def failed_queries_now(only: str) -> PanelBuilder:
    some = f"sum(rate(db_query_errors_total{{{only}}}[5m]))"
    total = f"sum(rate(db_queries_total{{{only}}}[5m]))"
    return ask(
        one_number("percent", [(None, "green"), (1, "orange"), (5, "red")]).decimals(2),
        "Failed queries now",
        "Share of the database queries that failed, over 5 minutes. Normal is 0: see the lines of that time for the "
        "database's words.",
        (share(f"({of_all(some, total)})", total), "failed"),
        instant=True,
    )


def slowest_now(only: str, steps: Steps = ((None, "green"),)) -> PanelBuilder:
    return ask(
        one_number("s", steps),
        "Query time now (P95)",
        "19 of 20 queries ended within this time, over 5 minutes; the slowest of the chosen services. When it "
        "climbs look for one kind of query, then at locks and the disk.",
        (f"max(service:db_query_duration_seconds:p95_5m{{{only}}})", "P95"),
        instant=True,
    )


def connections_now(only: str, steps: Steps = ((None, "green"),)) -> PanelBuilder:
    return ask(
        one_number("short", steps),
        "Connections now",
        "Database connections in use by queries at this moment. Near the pool's size requests wait for one.",
        (f"sum(db_connections_active{{{only}}})", "connections"),
        instant=True,
    )


def queries(only: str) -> PanelBuilder:
    return ask(
        over_time("ops").min(0),
        "Queries by operation",
        "Database queries a second of each kind, over 5 minutes. Writes that stop while requests go on are an "
        "incident.",
        (f"sum by (operation) (rate(db_queries_total{{{only}}}[5m]))", "{{operation}}"),
    )


def query_times(only: str, steps: Steps = ((None, "green"),)) -> PanelBuilder:
    buckets = f"sum by (operation, le) (rate(db_query_duration_seconds_bucket{{{only}}}[5m]))"
    return ask(
        over_time("s", steps).min(0),
        "Query time (P95)",
        "19 of 20 queries of each kind ended within this time, over 5 minutes. One kind alone: its index; all of "
        "them: the disk or locks.",
        (f"histogram_quantile(0.95, {buckets})", "{{operation}}"),
    )


def mean_query_times(only: str) -> PanelBuilder:
    spent = f"sum by (operation) (rate(db_query_duration_seconds_sum{{{only}}}[5m]))"
    count = f"sum by (operation) (rate(db_query_duration_seconds_count{{{only}}}[5m]))"
    return ask(
        over_time("s").min(0),
        "Query time (mean)",
        "Mean duration of the queries of each kind, over 5 minutes. Climbing for one kind alone: an index is "
        "missing or a table has grown.",
        (f"{spent} / ({count} > 0)", "{{operation}}"),
    )


def failed_queries(only: str) -> PanelBuilder:
    return ask(
        over_time("ops").min(0),
        "Failed queries",
        "Queries a second that failed, by kind, and failed attempts to connect. Failed attempts to connect: the "
        f"database is down or full. {EMPTY_IS_FINE} none failed.",
        (f"sum by (operation) (rate(db_query_errors_total{{{only}}}[5m]))", "{{operation}}"),
        (f"sum(service:db_connection_errors:rate5m{{{only}}})", "connecting"),
    )


def connections(only: str, steps: Steps = ((None, "green"),)) -> PanelBuilder:
    return ask(
        over_time("short", steps).min(0),
        "Connections",
        "Database connections in use by queries, by service. A climb without more requests: queries hang or "
        "connections leak.",
        (f"sum by (service) (db_connections_active{{{only}}})", "{{service}}"),
    )


def pool(only: str) -> PanelBuilder:
    return ask(
        over_time("percent").min(0).max(100),
        "Connection pool",
        "Share of the pool's connections that are checked out. At 100 % requests wait: hold connections shorter, or "
        f"enlarge the pool. {NO_POOL}",
        (f"max by (service) (service:db_connection_pool_used:percent{{{only}}})", "{{service}}"),
    )


def cache_hits(only: str) -> PanelBuilder:
    hits = f'sum by (service) (rate(cache_requests_total{{{only},result="hit"}}[5m]))'
    total = f"sum by (service) (rate(cache_requests_total{{{only}}}[5m]))"
    return ask(
        over_time("percent").min(0).max(100),
        "Cache hits",
        "Share of the cache look-ups that found something, over 5 minutes. A sudden fall: the cache was emptied, or "
        f"its keys are others since a deployment. {EMPTY_IS_FINE} there is no cache.",
        (share(f"({of_all(hits, total)})", total), "{{service}}"),
    )
