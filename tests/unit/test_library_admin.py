"""The admin page of an application: its HTML and headers, its data, the export, the Grafana definition, its series."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import grafana_definition
import pytest
from jsonschema import Draft202012Validator
from library_kit import Ask, drive_asgi, drive_wsgi
from shop_kit import DOWN, Still, shops
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.routing import Route as StarletteRoute
from support import ROOT
from watchstack import Monitoring, Settings
from watchstack.admin.figures import told_settings
from watchstack.admin.html import KINDS
from watchstack.admin.series import MOST, Series
from watchstack.catalogue_data import DURATION_BUCKETS
from watchstack.health.check import Result, Status
from watchstack.history import History, Point

__all__ = ["shops"]  # the fixture

TOKENS = {"MONITORING_ADMIN_TOKEN": "admin's", "MONITORING_VIEWER_TOKEN": "viewer's"}
ADMIN = (("authorization", "Bearer admin's"),)
VIEWER = (("authorization", "Bearer viewer's"),)
PAGE = "/admin/monitoring"
EVIL = "<script>alert(1)</script>\"'&{{7*7}}"


class Tags(HTMLParser):
    """Every start tag with its attributes, and all text."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def addresses(self) -> set[str]:
        """What the page asks for or leads to."""
        return {value for _, found in self.tags for key in ("href", "src", "action") if (value := found.get(key))}


def data(shop: Any, query: str = "", headers: Any = ADMIN) -> Any:
    return shop.json(f"{PAGE}/data", query=query, headers=headers)


# The page.


def test_the_page_and_what_it_leads_to(shops: Any) -> None:  # A-28 J-01
    for preset in ("framework", "iot", None):
        shop = shops(preset, environ={**TOKENS, "ENVIRONMENT": "staging"})
        page = Tags(shop.get(PAGE, headers=ADMIN).body)
        assert "staging" in page.text
        for address in page.addresses():
            path, _, query = address.partition("?")
            assert shop.get(path, query=query, headers=ADMIN).status == "200", address
        viewers = Tags(shop.get(PAGE, headers=VIEWER).body)
        assert page.addresses() - viewers.addresses() == {f"{PAGE}/export"}


def test_the_sources_are_those_of_the_document_where_they_are_served(shops: Any) -> None:  # J-08
    main = {
        name: value
        for tag, found in page_of(shops("framework", environ=TOKENS)).tags
        if tag == "main"
        for name, value in found.items()
    }
    assert main["data-summary"] == "/api/metrics/summary"
    assert main["data-health"] == "/api/health"
    assert main["data-run"] == "/api/health/{check_name}/run"
    main = {
        name: value
        for tag, found in page_of(shops("iot", environ=TOKENS)).tags
        if tag == "main"
        for name, value in found.items()
    }
    assert main.keys() & {"data-summary", "data-health"} == set()
    assert main["data-data"] == f"{PAGE}/data"


def page_of(shop: Any, headers: Any = ADMIN) -> Tags:
    return Tags(shop.get(PAGE, headers=headers).body)


def test_a_source_that_the_application_has_itself_is_not_the_pages() -> None:  # J-08
    async def mine(request: Any) -> JSONResponse:
        return JSONResponse({"mine": True})

    monitoring = Monitoring(settings=Settings.from_environ(TOKENS, preset="framework"), sampler=Still())
    app = monitoring.init_asgi(Starlette(routes=[StarletteRoute("/api/health", mine)]))  # type: ignore[arg-type]
    body = drive_asgi(app, Ask(path=PAGE, headers=ADMIN)).body
    assert b"data-health" not in body
    assert b'data-summary="/api/metrics/summary"' in body
    monitoring.stop()


def test_the_page_of_an_application_below_another(shops: Any) -> None:
    shop = shops("framework", environ=TOKENS)
    outer = Starlette(routes=[Mount("/inner", shop.asgi)])
    page = Tags(drive_asgi(outer, Ask(path=f"/inner{PAGE}", headers=ADMIN)).body)
    assert all(address.startswith("/inner/admin/") for address in page.addresses())
    assert drive_asgi(outer, Ask(path=f"/inner{PAGE}/admin.js")).status == "200"
    away = drive_asgi(outer, Ask(path=f"/inner{PAGE}", headers=(("accept", "text/html"),)))
    assert away.headers["location"].startswith("/inner/admin/monitoring/login?next=/admin/monitoring")
    assert (
        'data-summary="/inner/api/metrics/summary"'
        in drive_asgi(outer, Ask(path=f"/inner{PAGE}", headers=ADMIN)).body.decode()
    )


def test_headers_and_policy_of_the_pages(shops: Any) -> None:
    shop = shops("framework", environ=TOKENS)
    for path in (PAGE, f"{PAGE}/login"):
        for reply in (
            drive_wsgi(shop.flask, Ask(path=path, headers=ADMIN)),
            drive_asgi(shop.asgi, Ask(path=path, headers=ADMIN)),
        ):
            policy = dict(one.split(" ", 1) for one in reply.headers["content-security-policy"].split("; "))
            assert policy.pop("default-src") == policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
            assert set(policy.values()) == {"'self'"}
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["x-frame-options"] == "DENY"
            assert reply.headers["cache-control"] == "no-store"
            page = Tags(reply.body)
            assert [
                tag for tag, found in page.tags if "style" in found or any(key.startswith("on") for key in found)
            ] == []
            assert [found for tag, found in page.tags if tag == "script" and not found.get("src")] == []
            assert "style" not in {tag for tag, _ in page.tags}


@pytest.mark.parametrize("name", KINDS)
def test_the_files_of_the_page(shops: Any, name: str) -> None:
    shop = shops("framework")  # open, also where there is no token
    reply = shop.get(f"{PAGE}/{name}")
    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == ("200", KINDS[name])
    assert reply.body == (ROOT / "exporter/watchstack/admin/static" / name).read_bytes()
    assert reply.headers["cache-control"] == "max-age=86400"
    for other in ("../page.py", "%2e%2e/page.py", "page.py", "admin.css/", "", "monitoring.html"):
        assert shop.get(f"{PAGE}/{other}").status == "404"


def test_scripts_write_text_and_ask_nothing_of_the_outside() -> None:
    folder = ROOT / "exporter/watchstack/admin/static"
    scripts = "".join((folder / name).read_text() for name in KINDS if name.endswith(".js"))
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
        assert word not in scripts
    everything = "".join((folder / name).read_text() for name in KINDS)
    assert set(re.findall(r"https?://[^\s\"']+", everything)) == {"http://www.w3.org/2000/svg"}


def test_markup_in_settings_stays_text(shops: Any) -> None:  # M-16
    shop = shops("framework", environ={**TOKENS, "ENVIRONMENT": EVIL, "APP_VERSION": EVIL})
    page = page_of(shop)
    assert [found.get("src") for tag, found in page.tags if tag == "script"] != []
    assert all(found.get("src") for tag, found in page.tags if tag == "script")
    assert EVIL in page.text


# Its data.


def test_the_data_of_the_page(shops: Any) -> None:  # J-02 J-03 J-04 J-06
    shop = shops("framework", environ=TOKENS, database=DOWN)
    found = data(shop)
    assert found["health"]["overall_status"] == "critical"
    assert found["health"]["checks"]["database"]["message"] == "Database error: refused"
    assert {one["severity"] for one in found["performance"]["alerts"]} >= {"critical"}
    assert found["summary"]["system"]["cpu_percent"] == 12.5
    assert found["summary"]["system"]["memory_percent"] == 40.0
    assert found["summary"]["system"]["disk_percent"] == 40.0
    assert found["history"]["now"]["cpu_percent"] == 12.5
    assert found["thresholds"]["cpu"] == [100.0, 90.0]
    assert shop.get("/api/health").status == "503"  # the data is 200 all the same


def test_the_data_is_that_of_the_sources(shops: Any) -> None:  # J-08
    shop = shops("framework", environ=TOKENS)
    found = data(shop)
    same = ("overall_status", "summary")
    assert {key: found["health"][key] for key in same} == {key: shop.json("/api/health")[key] for key in same}
    assert found["summary"].keys() == shop.json("/api/metrics/summary", headers=ADMIN).keys()
    assert found["performance"].keys() == shop.json("/api/metrics/performance", headers=ADMIN).keys()


def test_parts_of_the_data(shops: Any) -> None:
    shop = shops("framework", environ=TOKENS)
    head = {"timestamp", "version", "environment", "preset", "uptime_seconds", "thresholds"}
    assert data(shop, "parts=history,performance").keys() == head | {"history", "performance"}
    assert data(shop, "minutes=15")["history"]["minutes"] == 15
    for query in (
        "parts=all",
        "parts=history,",
        "minutes=0",
        "minutes=1441",
        "minutes=",
        "minutes=1.5",
        "minutes=" + "9" * 40,
    ):
        assert shop.get(f"{PAGE}/data", query=query, headers=ADMIN).status == "400", query


# The export.


def test_the_export_has_everything(shops: Any) -> None:  # A-30 J-10
    shop = shops("framework", environ={**TOKENS, "DATABASE_URL": "postgresql://shop:hunter2@db/shop"})
    drive_wsgi(shop.flask, Ask(path="/nowhere"))
    reply = shop.get(f"{PAGE}/export", headers=ADMIN)
    assert reply.headers["content-disposition"] == 'attachment; filename="monitoring-export.json"'
    found = json.loads(reply.body)
    assert found.keys() >= {"summary", "health", "performance", "history", "settings", "metrics"}
    names = {one["name"] for one in found["metrics"]}
    assert {"http_requests", "http_request_duration_seconds", "system_cpu_usage_percent", "application_info"} <= names
    assert found["health"]["checks"]["database"]["status"] == "healthy"
    assert found["settings"]["METRICS_RETENTION_HOURS"] == 24.0


def test_no_secret_is_exported(shops: Any) -> None:  # A-30 M-16
    secrets = {name: f"hunter2-{name}" for name in ("ALERT_SLACK_WEBHOOK", "SMTP_PASSWORD", "OPENAI_API_KEY")}
    addresses = {"MONGODB_URL": "mongodb://u:hunter2@h/", "OPENAI_BASE_URL": "https://u:hunter2@api.example/v1"}
    settings = Settings.from_environ({**TOKENS, **secrets, **addresses, "REDIS_URL": "redis://:hunter2@r/0"})
    told = told_settings(settings)
    assert "hunter2" not in json.dumps(told)
    assert "admin's" not in json.dumps(told)
    assert told["SMTP_PASSWORD"] == told["MONITORING_ADMIN_TOKEN"] == "set"
    assert told["DATABASE_URL"] == ""
    assert told["OPENAI_BASE_URL"] == "https://…@api.example/v1"
    assert "MONITORING_PRESET" in told


def test_the_export_where_metrics_are_off(shops: Any) -> None:
    shop = shops("framework", environ={**TOKENS, "PROMETHEUS_ENABLED": "false"})
    drive_wsgi(shop.flask, Ask(path="/nowhere"))
    found = shop.json(f"{PAGE}/export", headers=ADMIN)
    assert found["metrics"] == []
    assert found["summary"]["requests"]["total"] >= 1


def test_what_others_wrote_is_data_in_the_export(shops: Any) -> None:  # M-16
    evil = Result(Status.CRITICAL, f"refused\n{EVIL}", response_time_ms=-1)
    shop = shops("framework", environ=TOKENS, database=evil)
    shop.monitoring.measures.increment_counter("odd_total", {"kind": f'"}}]\n{EVIL}'})
    found = shop.json(f"{PAGE}/export", headers=ADMIN)
    assert EVIL in found["health"]["checks"]["database"]["message"]
    labels = [one["labels"] for family in found["metrics"] if family["name"] == "odd" for one in family["samples"]]
    assert {one["kind"] for one in labels} == {f'"}}]\n{EVIL}'}
    for path in (f"{PAGE}/export", f"{PAGE}/data"):
        assert shop.get(path, headers=ADMIN).headers["content-type"] == "application/json"


# The Grafana definition.


def test_the_definition_is_the_generated_dashboard(shops: Any) -> None:  # A-29 J-09 K-09
    served = shops("framework", environ=TOKENS).get(f"{PAGE}/grafana", headers=VIEWER)
    assert served.headers["content-disposition"] == 'attachment; filename="py-framework-dashboard.json"'
    how = "run: PYTHONPATH=scripts:exporter python scripts/grafana_definition.py"
    assert served.body.decode() == grafana_definition.written(), how


def test_the_definition_asks_for_its_datasource() -> None:
    found = json.loads(grafana_definition.TARGET.read_text())
    generated = json.loads((ROOT / "grafana/dashboards/framework.json").read_text())
    assert [one["name"] for one in found["__inputs"]] == ["DS_PROMETHEUS"]
    assert found["id"] is None
    assert found["uid"] != generated["uid"]  # it may stand beside the provisioned one
    assert [panel["title"] for panel in found["panels"]] == [panel["title"] for panel in generated["panels"]]
    told = json.dumps(found)
    assert '"uid": "prometheus"' not in told
    assert set(re.findall(r"\$\{DS_\w+\}", told)) == {"${DS_PROMETHEUS}"}
    schema = {"type": "object", "required": ["panels", "schemaVersion", "title", "uid", "time", "templating"]}
    Draft202012Validator(schema).validate(found)


# The series of the charts.


def points(number: int, spacing: float = 60.0) -> History:
    """A request a second that takes 20 ms; every tenth fails."""
    history = History(24)
    for index in range(number):
        history.add(point(index * spacing, index * spacing))
    return history


def point(at: float, requests: float) -> Point:
    durations = [0.0] * (len(DURATION_BUCKETS) + 1)
    durations[2] = requests
    took: Any = {"durations": tuple(durations), "seconds": requests * 0.02}
    return Point(at, requests=requests, errors=requests / 10, cpu=50.0, memory=None, **took)


def test_rates_and_shares_of_the_history() -> None:  # J-05
    lines = Series(points(5)).lines(60, point(250, 250), offset=1000)
    assert [one["at"] for one in lines] == [1060, 1120, 1180, 1240]
    for one in lines:
        assert one["requests_per_second"] == 1
        assert one["error_percent"] == 10
        assert one["mean_ms"] == 20
        assert DURATION_BUCKETS[1] * 1000 <= one["p95_ms"] <= DURATION_BUCKETS[2] * 1000
        assert (one["cpu_percent"], one["memory_percent"]) == (50, None)


def test_the_newest_figures_are_those_of_the_last_minute() -> None:  # J-02
    history = points(3)  # until 120 s
    now = point(150, 120 + 60)
    assert Series(history).newest(now, 0)["requests_per_second"] == round((180 - 60) / 90, 3)
    quiet = Series(history).newest(point(400, 120), 0)
    assert (quiet["requests_per_second"], quiet["error_percent"], quiet["p95_ms"]) == (0, None, None)
    alone = points(1)
    assert Series(alone).newest(point(0, 0), 0)["requests_per_second"] is None


def test_a_long_history_is_thinned_and_cut() -> None:
    history = points(1440)
    now = point(1440 * 60, 1440 * 60)
    day, hour = Series(history).lines(1440, now, 0), Series(history).lines(60, now, 0)
    assert len(day) <= MOST
    assert len(hour) == 59
    assert day[-1]["at"] == hour[-1]["at"] == 1439 * 60
    assert {one["requests_per_second"] for one in day} == {1}


def test_the_clock_of_the_charts_is_the_wall(shops: Any) -> None:
    shop = shops("framework", environ=TOKENS)
    found = data(shop)["history"]
    assert abs(found["now"]["at"] - time.time()) < 60
