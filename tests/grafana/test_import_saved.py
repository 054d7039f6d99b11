"""`./stack dashboard import`: what was saved in a real Grafana comes back from the checkout, with data in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from grafana_support import Grafana
from live_kit import board, lines, panel, variable
from running import RunningStack
from stackgen.live import Asker, Result, Verdict, examine, read
from v2_kit import saved_as_v2
from waiting import until

pytestmark = pytest.mark.grafana


def give_data(stack: RunningStack, asker: Asker, uid: str) -> None:
    """Every query of the dashboard that lies in the checkout, through Grafana."""
    (mine,) = [one for one in read(stack.root) if one.uid == uid]

    def results() -> list[Result]:
        return [one for one in examine([mine], asker).results if not one.place.startswith("annotation")]

    wanted = dict.fromkeys(("variable job", "Up", "Lines"), Verdict.OK)
    until(lambda: {one.place: one.verdict for one in results()} == wanted, why=lambda: f"{uid} has data: {results()}")


def test_a_saved_dashboard_is_exported_imported_and_shown_again(
    grafana: Grafana, asker: Asker, stack: RunningStack, tmp_path: Path
) -> None:
    """Saved over a datasource of another name, exported by Grafana's API, gone from Grafana, then provisioned."""
    team = {"name": "Team", "uid": "teams-own", "type": "prometheus", "access": "proxy", "url": stack.url("prometheus")}
    grafana.call("/api/datasources", team)
    asks = panel("Up", 'up{job=~"$job"}', datasource={"type": "prometheus", "uid": "teams-own"})
    saved = board(
        asks,
        lines("Lines", '{environment=~".+"}'),
        uid="hand-made",
        title="Made by hand",
        variables=[variable("job", "label_values(up, job)", datasource={"type": "prometheus", "uid": "teams-own"})],
    )
    grafana.call("/api/dashboards/db", {"dashboard": saved})
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps(grafana.call("/api/dashboards/uid/hand-made")))
    grafana.delete("/api/dashboards/uid/hand-made")
    grafana.delete("/api/datasources/uid/teams-own")

    said = stack.command("dashboard", "import", str(exported)).stdout
    assert "custom/made-by-hand.json is written" in said
    assert "datasource 'teams-own' is Prometheus here" in said
    stack.command("render")
    grafana.call("/api/admin/provisioning/dashboards/reload", {})

    served = until(lambda: grafana.dashboard("hand-made"), why="Grafana has read it")
    assert served["meta"]["provisioned"]
    assert served["meta"]["folderTitle"] == "Watchstack"
    uids = [one["targets"][0]["datasource"]["uid"] for one in served["dashboard"]["panels"]]
    assert uids == ["prometheus", "loki"]
    give_data(stack, asker, "hand-made")


def test_a_dashboard_of_the_v2_form_is_shown_by_provisioning_too(
    grafana: Grafana, asker: Asker, stack: RunningStack, tmp_path: Path
) -> None:
    file = tmp_path / "v2.json"
    file.write_text(json.dumps(saved_as_v2()))
    said = stack.command("dashboard", "import", str(file), "--name", "from-v2").stdout
    assert "turned into the classic one" in said
    grafana.call("/api/admin/provisioning/dashboards/reload", {})
    served = until(lambda: grafana.dashboard("saved-v2"), why="Grafana has read it")["dashboard"]
    assert [one["title"] for one in served["panels"] if one["type"] != "row"] == ["Up", "Lines", "Words"]
    give_data(stack, asker, "saved-v2")
