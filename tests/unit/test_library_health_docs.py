"""docs/health.md: its probes are the catalogue's and are answered, its settings and checks are those of the library."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from shop_kit import shops
from support import ROOT
from watchstack import Monitoring, Settings
from watchstack.routes import ROUTES
from watchstack.settings import variable

__all__ = ["shops"]  # the fixture
TEXT = (ROOT / "docs" / "health.md").read_text(encoding="utf-8")
PROBES = [yaml.safe_load(found) for found in re.findall(r"```yaml\n(.*?)```", TEXT, re.S)]


def probe(path: str, **times: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": 8000}, **times}


def test_the_probes_are_those_of_the_requirements() -> None:
    assert PROBES[0] == {
        "livenessProbe": probe("/health/live", initialDelaySeconds=30, periodSeconds=10),  # N-14
        "readinessProbe": probe("/health/ready", initialDelaySeconds=10, periodSeconds=5),  # N-15
        "startupProbe": probe("/health/startup", failureThreshold=30, periodSeconds=10),  # N-16
    }
    paths = {one["httpGet"]["path"] for one in PROBES[1].values()}
    assert paths == {"/monitoring/health/live", "/monitoring/health/ready"}  # N-17


@pytest.mark.parametrize(("preset", "number"), [("iot", 0), ("api", 1)])
def test_the_probes_are_answered(shops: Any, preset: str, number: int) -> None:
    shop = shops(preset)
    for one in PROBES[number].values():
        assert shop.get(one["httpGet"]["path"]).status == "200"


def test_how_often_others_ask_is_told() -> None:  # C-09
    assert "a load balancer every 30 s, Kubernetes every 10 s for liveness and 5 s for readiness" in TEXT
    assert "systems every 60 s" in " ".join(TEXT.split())


def test_every_check_and_every_setting_is_named_as_it_is() -> None:
    words = set(re.findall(r"`([a-z_]+)`", TEXT))
    environ = {
        "DATABASE_URL": "sqlite://", "MONGODB_URL": "mongodb://127.0.0.1:1", "OPENAI_API_KEY": "x",
        "HEALTH_TIMESCALEDB": "true", "HEALTH_REQUIRED_TABLES": "a", "HEALTH_NETWORK_TARGETS": "a:1",
        "REDIS_URL": "redis://127.0.0.1:1",
    }  # fmt: skip
    for preset in (None, "framework", "api"):
        monitoring = Monitoring(settings=Settings.from_environ(environ, preset=preset))
        names = {check.name for check in (*monitoring.health.checks, *monitoring.health.startup)}
        assert names <= words
        monitoring.stop()
    known = {variable(name) for name in Settings.__dataclass_fields__}
    assert set(re.findall(r"`([A-Z][A-Z_]+[A-Z0-9_]*)`", TEXT)) - {"TOKEN"} <= known
    paths = set(re.findall(r"`(/[a-z/_{}.]+)`", TEXT))
    assert paths <= {route.path for route in ROUTES}
