"""Ways between the dashboards: every one leads somewhere, at the same time, with the same services."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from stackgen.engines.docker_placement import COMPOSE
from stackgen.render import render
from trees import TREES, load_text, tree

OTHER = re.compile(r"^/d/([^/?]+)")


def boards(sources: str = "shipped", placed: str = "compose") -> dict[str, dict[str, Any]]:
    """Every dashboard by its uid."""
    files = tree(sources, placed)
    found = [json.loads(files[path]) for path in files if path.startswith("grafana/dashboards/")]
    return {one["uid"]: one for one in found}


def addresses(dashboard: dict[str, Any]) -> Iterator[str]:
    """Of the row of links, and of what can be clicked in a panel."""
    yield from (link["url"] for link in dashboard["links"] if link["type"] == "link")
    for panel in dashboard["panels"]:
        yield from (link["url"] for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links", []))


@pytest.mark.parametrize(("sources", "placed"), TREES)
def test_uids_and_titles_are_unique(sources: str, placed: str) -> None:
    files = [path for path in tree(sources, placed) if path.startswith("grafana/dashboards/")]
    found = boards(sources, placed)
    assert len(found) == len(files) >= 15
    assert len({one["title"] for one in found.values()}) == len(found)


def test_the_ways_between_the_dashboards_are_used() -> None:
    """That each of them leads to one that exists is looked at in test_render_dashboards."""
    led = {match[1] for one in boards().values() for address in addresses(one) if (match := OTHER.match(address))}
    assert {"watchstack-overview", "watchstack-service", "watchstack-api-errors"} <= led


def test_every_dashboard_leads_back_to_the_overview_and_to_the_logs_at_its_time() -> None:  # J-13
    for uid, dashboard in boards().items():
        links = {link["title"]: link for link in dashboard["links"]}
        assert uid == "watchstack-overview" or links["Overview"]["keepTime"]
        (pane,) = json.loads(parse_qs(urlsplit(links["Logs at this time"]["url"]).query)["panes"][0]).values()
        assert pane["range"] == {"from": "${__from}", "to": "${__to}"}
        assert pane["queries"][0]["datasource"] == {"type": "loki", "uid": "loki"}


def test_a_service_leads_to_its_logs_at_its_time() -> None:  # J-13
    found = [one for one in boards().values() if any(v["name"] == "service" for v in one["templating"].get("list", []))]
    assert len(found) >= 13
    for dashboard in found:
        (link,) = [link for link in dashboard["links"] if link["title"] == "Logs of these services"]
        (pane,) = json.loads(parse_qs(urlsplit(link["url"]).query)["panes"][0]).values()
        assert pane["queries"][0]["expr"] == '{environment=~".+",compose_service=~"${service:pipe}"}'
        assert pane["range"]["from"] == "${__from}"


def test_the_overview_leads_to_the_service_that_was_clicked() -> None:  # J-13
    (targets,) = [panel for panel in boards()["watchstack-overview"]["panels"] if panel["title"] == "Targets"]
    (link,) = targets["fieldConfig"]["defaults"]["links"]
    assert link["url"].startswith("/d/watchstack-service?var-service=${__field.labels.service}&from=${__from}")


def test_the_overview_and_the_service_lead_to_the_promises_and_back() -> None:  # J-13, N-10
    found = boards()
    for uid, chosen in (("watchstack-overview", False), ("watchstack-service", True)):
        (link,) = [link for link in found[uid]["links"] if link.get("url") == "/d/watchstack-slo"]
        assert (link["keepTime"], link["includeVars"]) == (True, chosen)
    (back,) = [link for link in found["watchstack-slo"]["links"] if link.get("url") == "/d/watchstack-service"]
    assert back["keepTime"]
    assert back["includeVars"]


def test_dashboards_of_one_preset_lead_to_one_another_with_their_services() -> None:  # K-05, K-06, K-07, K-08
    found = [one for one in boards().values() if "preset-api" in one["tags"]]
    assert len(found) == 4
    for dashboard in found:
        (link,) = [link for link in dashboard["links"] if link["tags"] == ["preset-api"]]
        assert link["includeVars"]


def test_all_have_the_same_time_range_and_are_not_edited_in_place() -> None:  # J-13
    for uid, dashboard in boards("rich").items():
        assert dashboard["time"] == {"from": "now-3h", "to": "now"}, uid
        assert dashboard["refresh"] == "30s", uid
        assert dashboard["editable"] is False, uid


def test_dashboards_of_an_exporter_are_there_where_it_runs(tmp_path: Path) -> None:
    assert not {"watchstack-postgres", "watchstack-redis"} & boards("shipped").keys()
    assert {"watchstack-postgres", "watchstack-redis"} <= boards("rich").keys()
    files = render(load_text(tmp_path, "profiles: [redis]\n"), COMPOSE)
    assert "grafana/dashboards/redis.json" in files
    assert "grafana/dashboards/postgres.json" not in files
