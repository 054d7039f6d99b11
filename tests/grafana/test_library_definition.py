"""The dashboard that an application gives away, imported in a real Grafana, and every query of it asked."""

from __future__ import annotations

import json
import time

import grafana_definition
import pytest
from grafana_support import SAMPLES, Grafana
from stackgen.live import Asker, Verdict, boards, examine

pytestmark = pytest.mark.grafana


def test_the_definition_is_imported_and_has_data(grafana: Grafana, asker: Asker) -> None:  # A-29 J-09 K-09
    given = json.loads(grafana_definition.TARGET.read_text("utf-8"))
    chosen = {"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus", "value": "prometheus"}
    grafana.call("/api/dashboards/import", {"dashboard": given, "inputs": [chosen], "overwrite": False})
    try:
        stored = grafana.call("/api/dashboards/uid/py-framework")["dashboard"]
        assert "DS_PROMETHEUS" not in json.dumps(stored["panels"])
        (mine,) = boards({"py-framework-dashboard.json": json.dumps(stored).encode()})
        limit = time.monotonic() + SAMPLES
        while (found := examine([mine], asker)).wrong and time.monotonic() < limit:
            time.sleep(2)
        assert [one.as_data() for one in found.wrong] == []
        assert sum(one.verdict is Verdict.OK for one in found.results) >= 15
    finally:
        grafana.delete("/api/dashboards/uid/py-framework")
