"""prometheus.yml, Loki's and the others' files: what each source says arrives where it belongs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native_placement import placement
from stackgen.placement import Placement
from stackgen.render import config_digest, render
from stackgen.render.common import duration
from trees import load_text, tree

NATIVE = placement(Path("/srv/watchstack"))


def prometheus(folder: Path, stack: str, placed: Placement = COMPOSE) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(render(load_text(folder, stack), placed)["prometheus/prometheus.yml"])
    return content


def jobs(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {job["job_name"]: job for job in config["scrape_configs"]}


def test_intervals(tmp_path: Path) -> None:  # L-20
    assert prometheus(tmp_path, "environment: x\n")["global"] == {
        "scrape_interval": "15s",
        "scrape_timeout": "10s",
        "evaluation_interval": "15s",
        "external_labels": {"environment": "x"},
    }
    short = prometheus(tmp_path, "intervals: {scrape: 5s, evaluation: 1m}\n")["global"]
    assert (short["scrape_interval"], short["scrape_timeout"], short["evaluation_interval"]) == ("5s", "5s", "1m")


def test_a_job_for_every_part_that_runs(tmp_path: Path) -> None:
    always = {"prometheus", "alertmanager", "loki", "promtail", "node-exporter", "exporter", "console", "containers"}
    assert set(jobs(prometheus(tmp_path, "environment: x\n"))) == always | {"grafana"}
    assert set(jobs(prometheus(tmp_path, "environment: x\n", NATIVE))) == always
    every = jobs(prometheus(tmp_path, "profiles: [redis, postgres, blackbox]\ncollector: alloy\n"))
    profiles = {"redis-exporter", "postgres-exporter", "blackbox-exporter"}
    assert set(every) == (always - {"promtail"}) | {"grafana", "alloy"} | profiles
    assert every["loki"]["static_configs"] == [
        {"targets": ["loki:3100"], "labels": {"service": "watchstack", "environment": "production"}}
    ]


def test_rules_and_alertmanager_are_connected(tmp_path: Path) -> None:  # L-26
    config = prometheus(tmp_path, "environment: x\n")
    assert config["rule_files"] == ["rules/*.yml"]
    assert config["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]


def test_a_service_with_everything(tmp_path: Path) -> None:
    stack = """
services:
  - name: app
    preset: framework
    targets: ["host.docker.internal:8000", "b:1"]
    metrics_path: /api/metrics
    scheme: https
    interval: 5s
    timeout: 2s
    team: web
    labels: {tier: front}
teams: {web: {critical: [inbox]}}
"""
    labels = {"service": "app", "preset": "framework", "team": "web", "environment": "production", "tier": "front"}
    for placed, host in ((COMPOSE, "host.docker.internal"), (NATIVE, "127.0.0.1")):
        assert jobs(prometheus(tmp_path, stack, placed))["app"] == {  # L-22
            "job_name": "app",
            "metrics_path": "/api/metrics",
            "scheme": "https",
            "scrape_interval": "5s",
            "scrape_timeout": "2s",
            "static_configs": [{"targets": [f"{host}:8000", "b:1"], "labels": labels}],
        }


def test_a_service_with_nothing_but_a_target(tmp_path: Path) -> None:
    stack = "services: [{name: app, targets: ['a:1']}]\n"
    assert jobs(prometheus(tmp_path, stack))["app"] == {
        "job_name": "app",
        "static_configs": [{"targets": ["a:1"], "labels": {"service": "app", "environment": "production"}}],
    }


def test_a_short_interval_brings_a_short_timeout(tmp_path: Path) -> None:
    stack = "services: [{name: app, targets: ['a:1'], interval: 5s}, {name: slow, targets: ['b:1'], interval: 1m}]\n"
    found = jobs(prometheus(tmp_path, stack))
    assert (found["app"]["scrape_interval"], found["app"]["scrape_timeout"]) == ("5s", "5s")
    assert found["slow"]["scrape_interval"] == "1m"
    assert "scrape_timeout" not in found["slow"]


def test_discovery_carries_the_labels_by_relabelling(tmp_path: Path) -> None:
    stack = """
services:
  - {name: a, dns: {names: [tasks.a], type: A, port: 80}, labels: {price: "$1"}}
  - {name: b, files: [targets/b.yml]}
"""
    found = jobs(prometheus(tmp_path, stack))
    assert found["a"]["dns_sd_configs"][0] | {"refresh_interval": "x"} == {
        "names": ["tasks.a"], "type": "A", "port": 80, "refresh_interval": "x",
    }  # fmt: skip
    assert found["a"]["relabel_configs"] == [
        {"target_label": "service", "replacement": "a"},
        {"target_label": "environment", "replacement": "production"},
        {"target_label": "price", "replacement": "$$1"},
    ]
    assert found["b"]["file_sd_configs"] == [{"files": ["targets/b.yml"]}]
    assert "static_configs" not in found["b"]


def test_probes_go_through_blackbox(tmp_path: Path) -> None:
    stack = "services: [{name: app, targets: ['a:1'], probe: 'http://host.docker.internal:80/x?y=1'}]\n"
    found = jobs(prometheus(tmp_path, stack, NATIVE))
    assert "blackbox-exporter" in found
    assert found["probe"]["static_configs"][0]["targets"] == ["http://127.0.0.1:80/x?y=1"]
    assert found["probe"]["relabel_configs"] == [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": "127.0.0.1:9115"},
    ]
    assert "probe" not in jobs(prometheus(tmp_path, "services: [{name: app, targets: ['a:1']}]\n"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(15, "15s"), (60, "1m"), (90, "90s"), (3600, "1h"), (86400, "1d"), (0.25, "250ms"), (1.5, "1500ms"), (0, "0s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_loki_listens_and_keeps_as_the_stack_says(tmp_path: Path) -> None:  # M-10
    model = load_text(tmp_path, "retention: {logs: 30d}\n")
    for placed, address, rules in (
        (COMPOSE, "0.0.0.0", "/etc/loki/rules"),
        (NATIVE, "127.0.0.1", "/srv/watchstack/.stack/config/loki/rules"),
    ):
        config = yaml.safe_load(render(model, placed)["loki/loki.yml"])
        assert config["server"]["http_listen_address"] == address
        assert config["server"]["grpc_listen_address"] == "127.0.0.1"
        assert config["ruler"]["storage"]["local"]["directory"] == rules
        assert config["limits_config"]["retention_period"] == "30d"
        assert config["compactor"]["retention_enabled"] is True
        assert config["compactor"]["delete_request_store"] == "filesystem"
        assert config["schema_config"]["configs"][0]["store"] == "tsdb"
        assert config["schema_config"]["configs"][0]["schema"] == "v13"
        assert config["analytics"] == {"reporting_enabled": False}


def test_the_console_knows_whom_to_call(tmp_path: Path) -> None:
    stack = """
address: https://watch.example.com
receivers: {hook: {webhook: {url: "https://h/"}}}
watchdog: {notify: hook, silence: 3m}
intervals: {scrape: 1m}
"""
    model = load_text(tmp_path, stack)
    config = json.loads(render(model, NATIVE)["console/console.json"])
    assert config["watchdog"] == {
        "silence_seconds": 180.0,
        "notify": {"name": "hook", "kind": "webhook", "options": {"url": "https://h/"}},
    }
    assert config["scrape_seconds"] == 60
    assert config["outside_receivers"] == ["hook"]
    assert (config["prometheus"], config["grafana"]) == ("http://127.0.0.1:9090", "")
    quiet = json.loads(render(load_text(tmp_path), COMPOSE)["console/console.json"])
    assert quiet["watchdog"]["notify"] is None
    assert quiet["grafana"] == "http://grafana:3000"


def test_the_digest_follows_every_source_and_every_file(tmp_path: Path) -> None:
    first = render(load_text(tmp_path, "environment: a\n"), COMPOSE)
    again = render(load_text(tmp_path, "environment: a\n"), COMPOSE)
    assert first == again
    digests = {
        config_digest(first),
        config_digest(render(load_text(tmp_path, "environment: a\n# a comment\n"), COMPOSE)),
        config_digest(render(load_text(tmp_path, "environment: b\n"), COMPOSE)),
        config_digest(render(load_text(tmp_path, "environment: a\n"), NATIVE)),
    }
    assert len(digests) == 4
    for path in ("prometheus/rules/stack-config.yml", "loki/rules/fake/stack-config.yml"):
        rule = yaml.safe_load(first[path])["groups"][0]["rules"][0]
        assert rule == {"record": "stack_config_info", "expr": "vector(1)", "labels": {"sha256": config_digest(first)}}
    with pytest.raises(ValueError, match="no digest"):
        config_digest({"prometheus/rules/stack-config.yml": b""})


def test_datasources_have_fixed_uids() -> None:
    content = yaml.safe_load(tree("shipped", "compose")["grafana/provisioning/datasources/watchstack.yml"])
    assert {one["uid"]: (one["type"], one["url"]) for one in content["datasources"]} == {
        "prometheus": ("prometheus", "http://prometheus:9090"),
        "loki": ("loki", "http://loki:3100"),
        "alertmanager": ("alertmanager", "http://alertmanager:9093"),
    }
    provider = yaml.safe_load(tree("shipped", "compose")["grafana/provisioning/dashboards/watchstack.yml"])
    assert provider["providers"][0]["options"] == {"path": "/etc/grafana/dashboards"}
    assert not [path for path in tree("shipped", "native") if path.startswith("grafana/provisioning")]
