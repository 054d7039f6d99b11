"""`check --live` fails where it must: a renamed recording rule, a broken panel, a Loki that does not answer.

The last test changes the rules of the running stack: nothing comes behind it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_kit import board, panel
from running import RunningStack
from stackgen.live import Asker, Result, Verdict, examine, read
from waiting import until

pytestmark = pytest.mark.grafana

RECORD = "service:http_requests:rate5m"
RENAMED = "service:http_requests:rate5min"


@pytest.fixture
def broken(stack: RunningStack) -> Iterator[Path]:
    """A dashboard that somebody wrote by hand."""
    file = stack.root / "grafana" / "dashboards" / "custom" / "broken.json"
    file.parent.mkdir(exist_ok=True)
    unknown = panel("Wrong uid", "up", datasource={"type": "prometheus", "uid": "no-such-uid"})
    asked = (panel("Fine", "up"), unknown, panel("Wrong PromQL", "sum("), panel("Nothing", "up_down"))
    file.write_text(json.dumps(board(*asked, uid="broken", title="Broken")))
    yield file
    file.unlink()


@pytest.mark.parametrize("through", ["Grafana", "Prometheus and Loki"])
def test_a_broken_panel_is_named_with_its_query(through: str, asker: Asker, stack: RunningStack, broken: Path) -> None:
    """By Grafana's query API as by the command itself."""
    if through == "Grafana":
        (mine,) = [one for one in read(stack.root) if one.uid == "broken"]
        found = [one.as_data() for one in examine([mine], asker).told]
    else:
        done = stack.command("check", "--live", "--json", check=False)
        assert done.returncode == 1
        found = json.loads(done.stdout)["live"]["findings"]
    told = {one["place"]: one for one in found if one["file"].endswith("custom/broken.json")}
    assert "Fine" not in told
    assert told["Wrong uid"]["verdict"] == told["Wrong PromQL"]["verdict"] == "error"
    assert "no datasource has the uid 'no-such-uid'; there are " in told["Wrong uid"]["why"]
    assert "parse error" in told["Wrong PromQL"]["why"]
    assert (told["Nothing"]["verdict"], told["Nothing"]["missing"][0]["metric"]) == ("empty", "up_down")


def test_a_loki_that_does_not_answer_is_told_once(asker: Asker, stack: RunningStack) -> None:
    """Through Grafana, which waits longer for it than the check does."""
    logs = [one for one in read(stack.root) if one.uid in ("watchstack-logs", "watchstack-host")]
    stack.freeze("loki")
    try:
        outcome = examine(logs, asker)
    finally:
        stack.thaw("loki")
    assert [one.place for one in outcome.told] == ["Loki"]
    assert "did not answer within" in outcome.told[0].why
    of_loki = [one for one in outcome.results if one.unasked]
    assert len(of_loki) >= 6
    assert {one.verdict for one in outcome.results if one.file.endswith("host.json")} <= {Verdict.OK, Verdict.DECLARED}


def test_a_renamed_recording_rule_fails_the_check(asker: Asker, stack: RunningStack) -> None:
    """In the sources of the running stack; the dashboards go on asking for the old name."""
    rules = stack.root / "rules" / "recording-services.yml"
    text = rules.read_text()
    assert text.count(f"record: {RECORD}\n") == 1
    rules.write_text(text.replace(f"record: {RECORD}\n", f"record: {RENAMED}\n"))
    stack.command("apply")
    service = [one for one in read(stack.root) if one.uid == "watchstack-service"]

    def empty() -> Result | None:
        """The panel's own query: others of the same look can be asked a moment later, when the old name has gone."""
        (now,) = [one for one in examine(service, asker).results if one.place == "Requests now"]
        return now if now.verdict is Verdict.EMPTY else None

    now = until(empty, 120, "the old name has gone")  # Prometheus marks that once: from now on every look is alike
    assert now.missing == ((RECORD, RENAMED),)
    done = stack.command("check", "--live", check=False)
    assert done.returncode == 1
    assert "grafana/dashboards/service.json: Requests now, query A: empty" in done.stdout
    assert f"no series has {RECORD}; did you mean {RENAMED}?" in done.stdout
