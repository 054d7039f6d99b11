"""The console's pages of knowledge over a real Prometheus, with what is really wrong there."""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import waiting
from console_kit import alert, body, console, signed_in
from console_parts import post_json, run_alertmanager, run_loki, stream
from flask.testing import FlaskClient
from knowledge_kit import lay_sources, run_town
from support import ROOT
from watchstack.console import Console, create_app
from watchstack.console.clock import SystemClock

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def town(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of the peers, once the shop's recording rules have figures."""
    folder = tmp_path_factory.mktemp("town")
    with (
        run_town(program, folder / "prometheus") as prometheus,
        run_alertmanager(program, folder / "alertmanager") as alertmanager,
        run_loki(program, folder / "loki") as loki,
    ):
        (folder / "loki" / "rules" / "fake").mkdir(parents=True)
        shutil.copy(ROOT / "loki" / "rules" / "fake" / "stack-config.yml", folder / "loki" / "rules" / "fake")
        yield {"prometheus": prometheus, "alertmanager": alertmanager, "loki": loki}


@pytest.fixture
def own(town: dict[str, str], tmp_path: Path) -> Iterator[Console]:
    made = console(tmp_path, SystemClock(), **town)  # type: ignore[arg-type]
    lay_sources(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def client(own: Console) -> FlaskClient:
    return signed_in(create_app(own).test_client())


def until(client: FlaskClient, path: str, good: Callable[[Any], object]) -> Any:
    """The first answer that is as a whole as it should be: on a busy machine a scrape may fail and end a series."""

    def look() -> Any:
        found = client.get(path).get_json()
        return found if good(found) else None

    return waiting.until(look, 2 * waiting.DEADLINE, lambda: json.dumps(client.get(path).get_json())[:3000])


def shown(client: FlaskClient, path: str, *words: str) -> str:
    """A page as soon as it has these words."""

    def look() -> str | None:
        page = text(client, path)
        return page if all(word in page for word in words) else None

    return waiting.until(look, why=lambda: f"{words} on {path}: {text(client, path)[-3000:]}")


def text(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
    return html.unescape(answer.get_data(as_text=True))


def test_rules_with_their_state_and_what_people_wrote(client: FlaskClient) -> None:
    told = until(client, "/api/rules?text=TwoAtOnce", lambda found: found["counts"]["broken"] == 1)
    [broken] = told["rules"]
    assert "many-to-many" in broken["error"] or "duplicate" in broken["error"]
    assert broken["written"] is None  # it stands in no source of this stack
    assert told["counts"]["unwritten"] == 6  # two broken or nasty ones, four promises
    both = until(client, "/api/rules/stack-config/stack_config_info", lambda found: len(found["rules"]) == 2)["rules"]
    assert {rule["part"] for rule in both} == {"Prometheus", "Loki"}
    memory = "/api/rules/host/HostHighMemoryUsage"
    [rule] = until(client, memory, lambda found: found["rules"][0]["state"] == "pending")["rules"]
    assert rule["written"]["source"].startswith("rules/host.yml:")
    assert rule["written"]["runbook"] == "host-high-memory-usage"
    assert [test["name"] for test in rule["written"]["tests"]][:2] == [
        "fires once the threshold was passed long enough",
        "quiet a moment before",
    ]
    assert rule["for_seconds"] == 300
    assert rule["active"][0]["value"] == "84"
    page = text(client, "/rules/host/HostHighMemoryUsage")
    assert 'system_memory_usage_percent{job="exporter"} > 80' in page
    assert "quiet a moment before" in page
    assert 'href="/runbooks/host' not in page  # this console has no such page, and does not lead into nothing
    [absent] = client.get("/api/rules?state=unloaded").get_json()["rules"]
    assert (absent["name"], absent["written"]["source"].split(":")[0]) == ("Watchdog", "rules/watchdog.yml")
    assert "has not loaded this rule" in text(client, "/rules/watchdog/Watchdog")
    nasty = text(client, "/rules/broken/Nasty")
    assert "<img src=x" not in client.get("/rules/broken/Nasty").get_data(as_text=True)
    assert "<img src=x onerror=alert(1)>" in nasty
    assert client.get("/rules/host/Nobody").status_code == 404
    listing = text(client, "/rules")
    assert listing.index("TwoAtOnce") < listing.index("HostMetricsMissing")  # worst first
    assert [rule["name"] for rule in client.get("/api/rules?team=web").get_json()["rules"]] == ["Nasty"]


WRONG = {
    "refused": ("connection refused", "Nothing listens"),
    "html": ("text/html", "no metrics"),
    "closed": ("401", "asks for a login"),
    "absent": ("404", "no page at this path"),
    "many": ("sample limit", "limits of this stack"),
    "slow": ("deadline", "within the scrape timeout"),
    "unnamed": ("no such host", "name of the host"),
}


def test_targets_say_what_is_wrong_and_what_to_do(client: FlaskClient) -> None:  # N-21
    def ready(found: Any) -> bool:
        errors = {one["job"]: one["error"] for one in found["targets"]}
        return (
            found["counts"] == {"down": 7, "unknown": 0, "up": 3}
            and any(one["samples"] and one["samples"] > 100 for one in found["targets"])
            and all(error in errors[job] for job, (error, _) in WRONG.items())
        )

    told = until(client, "/api/targets", ready)
    healths = [one["health"] for one in told["targets"]]
    assert healths == sorted(healths)  # down stands before up
    for job, (_, meaning) in WRONG.items():
        [target] = [one for one in told["targets"] if one["job"] == job]
        assert meaning in target["meaning"], job
        assert target["hint"], job
    shown(client, "/targets?health=down", "Nothing listens at this address.")
    assert "<img src=x" not in client.get("/targets").get_data(as_text=True)
    assert [one["job"] for one in client.get("/api/targets?service=vault").get_json()["targets"]] == [
        "absent",
        "closed",
    ]


def test_services_with_their_checks_and_figures(client: FlaskClient) -> None:  # J-14
    def ready(found: Any) -> bool:
        services = {one["name"]: one for one in found["services"]}
        shop = services.get("shop", {})
        figures = all(shop.get(name) for name in ("errors", "p95", "requests", "checks", "versions"))
        states = [services.get(name, {}).get("state") for name in ("shop", "till", "forgotten")]
        return figures and states == ["unhealthy", "down", "absent"]

    services = {one["name"]: one for one in until(client, "/api/services", ready)["services"]}
    shop = services["shop"]
    assert {check["name"]: check["healthy"] for check in shop["checks"]} == {"database": True, "cache": False}
    assert shop["requests"] > 0
    assert shop["errors"] == pytest.approx(10, rel=0.1)
    assert 1 < shop["p95"] <= 2.5
    assert shop["versions"] == ["2.7.1"]
    page = shown(client, "/services", "health checks fail: cache")
    assert "/dashboards/watchstack-service?var-service=shop" in page
    assert "<img src=x" not in client.get("/services").get_data(as_text=True)


def test_resources_of_hosts_containers_and_the_stack(client: FlaskClient) -> None:  # J-06
    def ready(found: Any) -> bool:
        host, container = (found[name][0] if found[name] else {} for name in ("hosts", "containers"))
        figures = (host.get("memory"), len(host.get("disks", ())) == 2, host.get("received"), host.get("sent"))
        told = all(figures) and container.get("cpu") and container.get("state") and container["healthy"] is False
        return bool(told) and (found["cost"]["series"] or 0) > 500 and bool(found["cost"]["groups"])

    told = until(client, "/api/resources", ready)
    [host] = told["hosts"]
    assert host["memory"] == 84
    assert {disk["mount"]: disk["percent"] for disk in host["disks"]} == {"/": 41, "/data": 96.5}
    assert host["received"] > host["sent"] > 0
    [container] = told["containers"]
    assert (container["name"], container["healthy"], container["state"]) == ("town-shop-1", False, "running")
    assert container["cpu"] > 0
    chart = until(client, "/api/resources/charts/cpu", lambda found: found["series"])
    assert chart["unit"] == "percent"
    assert [one["value"] for one in chart["thresholds"]] == [80, 90]
    assert chart["series"][0]["points"][-1][1] >= 20
    assert client.get("/api/resources/charts/up{}").status_code == 404
    assert 'data-chart="/api/resources/charts/disk' in text(client, "/resources?period=6h")


def test_insights_over_what_is_known(client: FlaskClient) -> None:
    alerts = (
        "requests of shop failed, more than 5 %",
        "Disk /data of",
        "is at 96.5 %; the threshold is 95 %",
        "Health check cache of shop fails",
        "The error budget of shop for availability is spent",
    )

    def ready(found: Any) -> bool:
        messages = " | ".join(one["message"] for one in found["alerts"])
        return all(alert in messages for alert in alerts) and not found["missing"]  # every question was understood

    told = until(client, "/api/insights?period=1h", ready)
    assert told["health_score"] == max(0, 100 + sum(one["points"] for one in told["reasons"]))
    assert told["health_score"] < 80
    assert all(one["message"] and one["action"] and one["link"].startswith("/") for one in told["recommendations"])
    assert told["areas"]["requests"]["state"] == "known"
    assert told["areas"]["before"]["state"] == "no data"  # it runs for less than an hour
    assert told["trends"].get("requests_per_second") is None
    assert 0 < told["confidence"] < 1
    shown(client, "/insights?period=1h", f"<b>{told['health_score']}</b>", "Not known:")


def test_exports_and_the_report(client: FlaskClient, own: Console, town: dict[str, str]) -> None:  # J-10, J-11, N-18
    began = time.time() - 600
    token = {"Authorization": "Bearer a-token-of-tests"}
    for status in ("firing", "resolved"):
        message = body(alert("=cmd|calc", status, start=began, service="shop"))
        assert client.post("/api/v1/inbox", json=message, headers=token).status_code == 200
    post_json(f"{town['alertmanager']}/api/v2/alerts", [{"labels": {"alertname": "Exported", "service": "shop"}}])

    def reported(found: Any) -> bool:
        """Some figures are unknown until a step of the hour has passed."""
        services = {one["service"]: one for one in found["services"]}
        figures = services.get("shop", {}).get("failed_percent") and found["promises"]
        seen = [services.get("till", {}).get(f"{name}_seconds") for name in ("away", "watched")]
        whole = figures and None not in seen and any(host["disk"] for host in found["hosts"])
        return bool(whole) and not found["missing"]

    until(client, "/api/report?period=1h", reported)
    until(client, "/api/services", lambda found: any(one["p95"] for one in found["services"]))
    told = client.get("/api/export?period=1h")
    assert 'filename="watchstack-export-' in told.headers["Content-Disposition"]
    everything = json.loads(told.data)
    assert [one["labels"]["alertname"] for one in everything["alerts"]] == ["Exported"]
    assert {one["alertname"] for one in everything["history"]} == {"=cmd|calc"}
    assert len(everything["config_version"][0]) == 64
    for name, most in (("rules", 100), ("targets", 9), ("services", 8)):
        assert len(everything[name]) >= most, name
    assert everything["insights"]["health_score"] is not None
    rows = list(csv.DictReader(io.StringIO(client.get("/api/export/alerts.csv?period=1h").get_data(as_text=True))))
    assert [(row["alertname"], row["duration_seconds"], row["status"]) for row in rows] == [
        ("'=cmd|calc", "300", "resolved")
    ]
    assert [note.target for note in own.audit.newest(limit=10, action="export")] == ["alerts.csv", "everything"]
    report = until(client, "/api/report?period=1h", reported)
    shop = next(one for one in report["services"] if one["service"] == "shop")
    assert 50 < shop["available_percent"] <= 100  # a scrape may fail on a busy machine
    assert shop["failed_percent"] == pytest.approx(10, rel=0.1)
    assert next(one for one in report["services"] if one["service"] == "till")["available_percent"] == 0
    assert report["alerts"]["total"] == 1
    assert report["alerts"]["resolve"]["median_seconds"] == 300
    assert report["hosts"][0]["disk"] == 96.5
    [promise] = report["promises"]
    assert promise == {
        "service": "shop",
        "slo": "availability",
        "objective_percent": 99.9,
        "reached_percent": pytest.approx(99.8, abs=0.2),  # one of the two rules may be an evaluation ahead
        "budget_left_percent": -100,
    }
    till = next(one for one in report["services"] if one["service"] == "till")
    assert 0 <= till["away_seconds"] < 1800  # only what was seen: it is not an hour that nobody looked at it
    assert 0 < till["watched_seconds"] < 1800
    page = text(client, "/report?period=1h")
    assert "=cmd|calc" in page
    assert "<img src=x" not in client.get("/report?period=1h").get_data(as_text=True)


def test_a_dashboard_is_downloaded_as_grafana_imports_it(town: dict[str, str], tmp_path: Path) -> None:
    from dataclasses import replace

    from console_kit import settings
    from watchstack.console.context import build

    own = build(replace(settings(tmp_path, **town), dashboards=(ROOT / "grafana" / "dashboards",)), SystemClock())
    client = signed_in(create_app(own).test_client(), "viewer")
    found = client.get("/api/export/dashboards/watchstack-overview")
    dashboard = json.loads(found.data)
    kept = json.loads((ROOT / "grafana" / "dashboards" / "overview.json").read_bytes())
    assert dashboard == {**kept, "id": None}
    assert 'filename="watchstack-overview.json"' in found.headers["Content-Disposition"]
    envelope = client.get("/api/export/dashboards/watchstack-overview?for=api").get_json()
    assert envelope == {"dashboard": dashboard, "overwrite": True}
    assert client.get("/api/export/dashboards/../../etc/passwd").status_code == 404
    assert client.get("/api/export?period=1h").status_code == 403  # of everything: for admins
    assert client.get("/api/export/alerts.csv").status_code == 403
    own.store.close()


def test_logs_are_searched_counted_and_grouped(client: FlaskClient, town: dict[str, str]) -> None:  # H-04, H-12, N-24
    lines = [f"user {n} paid {n}.50 from 10.0.0.{n} <script>alert(1)</script>" for n in range(30)]
    shop = {"job": "watchstack", "compose_service": "shop", "level": "info"}
    errors = {"job": "watchstack", "compose_service": "shop", "level": "error"}
    slow = [f"Slow Query: {n} ms at 0x{n:08x}" for n in (812, 913)]
    streams = [stream(shop, *lines), stream(errors, "payment refused a.b", "payment refused axb", *slow)]
    post_json(f"{town['loki']}/loki/api/v1/push", {"streams": streams})
    told = until(client, "/api/logs?service=shop", lambda found: len(found["lines"]) == 34)
    assert sum(sum(bar["counts"].values()) for bar in told["volume"]) == 34
    assert {level for bar in told["volume"] for level in bar["counts"]} == {"info", "error"}

    def found(**query: str) -> list[str]:
        answer = client.get("/api/logs", query_string={"service": "shop", **query}).get_json()
        return [line["line"] for line in answer["lines"]]

    assert len(found(level="error")) == 4
    assert found(q="slow query") == []
    assert len(found(q="slow query", mode="anycase")) == 2
    assert len(found(q="a.b", mode="anycase")) == 1  # a dot is a dot
    assert len(found(q="a.b", mode="regex")) == 2
    bad = client.get("/logs", query_string={"q": "a(", "mode": "regex"})
    assert bad.status_code == 400
    assert "Loki answered 400" in bad.get_data(as_text=True)
    shapes = client.get("/api/logs?service=shop&view=patterns").get_json()
    counted = {one["shape"]: one["count"] for one in shapes["patterns"]}
    assert counted["user <n> paid <n> from <address> <script>alert(<n>)</script>"] == 30
    assert counted["Slow Query: <n> ms at <id>"] == 2
    assert shapes["sampled"] == 34
    page = client.get("/logs?service=shop&level=error").get_data(as_text=True)
    around = html.unescape(page.split('href="/logs/context')[1].split('"')[0])
    context = client.get("/logs/context" + around).get_data(as_text=True)
    assert 'class="chosen"' in context
    assert "&lt;script&gt;" in context  # lines of the same stream around it
    assert "<script>alert" not in client.get("/logs?service=shop").get_data(as_text=True)


def test_lines_larger_than_any_answer_are_cut_by_loki(
    client: FlaskClient, town: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty lines of 100 kB, where no more than 1 MiB of an answer is read."""
    monkeypatch.setattr("watchstack.console.peers.ask.LARGEST", 1 << 20)
    lines = [f"dump {n} {{{{ .job }}}} {'ß' * 50_000}" for n in range(30)]
    streams = [stream({"job": "watchstack", "compose_service": "dump"}, *lines)]
    post_json(f"{town['loki']}/loki/api/v1/push", {"streams": streams})
    told = until(client, "/api/logs?service=dump", lambda found: len(found.get("lines", ())) == 30)
    assert {len(line["line"]) for line in told["lines"]} == {4001}
    assert told["lines"][0]["line"].startswith("dump 29 {{ .job }} ß")
    shapes = client.get("/api/logs?service=dump&view=patterns").get_json()
    assert [one["count"] for one in shapes["patterns"]] == [30]
