"""The console with a real Alertmanager: firing, resolved, heartbeats, silence, and a console that was away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from console_kit import bearer, recording, settings
from support import choose_ports
from waiting import until

pytestmark = pytest.mark.native

ALERTMANAGER = """
route:
  receiver: inbox
  group_by: [alertname, service, environment]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
  routes:
    - receiver: watchdog
      matchers: ['alertname="Watchdog"']
      group_wait: 0s
      group_interval: 1s
      repeat_interval: 1s
receivers:
  - name: inbox
    webhook_configs:
      - url: {console}/api/v1/inbox
        send_resolved: true
        http_config: &token {{authorization: {{type: Bearer, credentials_file: {token}}}}}
  - name: watchdog
    webhook_configs:
      - url: {console}/api/v1/watchdog
        send_resolved: true
        http_config: *token
"""


SILENCE = 8  # seconds; the heartbeats come each second, and later where three lanes share two processors


def get(url: str) -> Any:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=bearer("viewer")), timeout=30) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            content = error.read()
    return json.loads(content)


class Pair:
    """An Alertmanager and a console that know each other."""

    def __init__(self, folder: Path, program: Path, **config: Any) -> None:
        console, alertmanager = choose_ports(2)
        self.folder, self.program = folder, program
        self.console, self.alertmanager = f"http://127.0.0.1:{console}", f"http://127.0.0.1:{alertmanager}"
        self.settings = settings(folder, alertmanager=self.alertmanager, **config)
        (folder / "alertmanager.yml").write_text(
            ALERTMANAGER.format(console=self.console, token=self.settings.secrets / "inbox-token")
        )
        self.began: dict[str, datetime] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_console(self) -> None:
        made = self.settings
        environment = {
            "PATH": os.environ["PATH"],
            "CONSOLE_LISTEN": self.console.removeprefix("http://"),
            "CONSOLE_DATA": str(made.data),
            "CONSOLE_CONFIG": str(made.config),
            "CONSOLE_SECRETS": str(made.secrets),
        }
        self._start("console", [sys.executable, "-m", "watchstack.console"], environment)
        until(lambda: get(f"{self.console}/health/ready")["status"] == "healthy")

    def start_alertmanager(self) -> None:
        command = [
            str(self.program),
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/alertmanager",
            f"--web.listen-address={self.alertmanager.removeprefix('http://')}",
            f"--web.external-url={self.alertmanager}",
            "--cluster.listen-address=",
        ]
        self._start("alertmanager", command, {"PATH": os.environ["PATH"]})
        until(lambda: get(f"{self.alertmanager}/api/v2/status")["config"])

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def stop(self, name: str, kill: bool = False) -> None:
        process = self.processes.pop(name)
        process.kill() if kill else process.terminate()
        process.wait(60)

    def fire(self, name: str, *, lasts: float = 300, **labels: str) -> None:
        """Tells Alertmanager of an alert as Prometheus does; with lasts=0 that it is over."""
        now = datetime.now(UTC)
        one = {
            "labels": {"alertname": name, "severity": "critical"} | labels,
            "annotations": {"summary": f"{name} <b>it is</b>", "description": "value 91 %, threshold 80 %"},
            "startsAt": self.began.setdefault(name, now - timedelta(seconds=5)).isoformat(),
            "endsAt": (now + timedelta(seconds=lasts)).isoformat(),
            "generatorURL": "http://prometheus.test/graph",
        }
        request = urllib.request.Request(
            f"{self.alertmanager}/api/v2/alerts", json.dumps([one]).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200

    def entries(self, query: str = "") -> list[dict[str, Any]]:
        found = get(f"{self.console}/api/v1/inbox{query}")
        assert isinstance(found, list)
        return found

    def told(self, name: str) -> list[str]:
        """Statuses of an alert in the inbox, oldest first."""
        return [entry["status"] for entry in reversed(self.entries(f"?alertname={name}"))]


@contextmanager
def pair(folder: Path, program: Path, **config: Any) -> Iterator[Pair]:
    made = Pair(folder, program, **config)
    try:
        made.start_console()
        made.start_alertmanager()
        yield made
    finally:
        for name in list(made.processes):
            made.stop(name, kill=True)


def test_a_real_alert_fires_and_resolves_into_the_inbox(tmp_path: Path, program: Callable[..., Path]) -> None:
    with pair(tmp_path, program("alertmanager")) as both:
        both.fire("HighMemoryUsage", service="shop", instance="a:1", team="web", zone="ü 💥\n<script>")
        until(lambda: both.told("HighMemoryUsage") == ["firing"])
        entry = both.entries()[0]
        assert entry["annotations"] == {
            "description": "value 91 %, threshold 80 %",
            "summary": "HighMemoryUsage <b>it is</b>",
        }
        assert (entry["service"], entry["instance"], entry["team"], entry["severity"]) == (
            "shop",
            "a:1",
            "web",
            "critical",
        )
        assert entry["labels"]["zone"] == "ü 💥\n<script>"
        assert (entry["receiver"], entry["endsAt"]) == ("inbox", None)
        assert entry["externalURL"] == both.alertmanager
        both.fire("HighMemoryUsage", lasts=0, service="shop", instance="a:1", team="web", zone="ü 💥\n<script>")
        until(lambda: both.told("HighMemoryUsage") == ["firing", "resolved"])
        first, second = both.entries()[1], both.entries()[0]
        assert first["fingerprint"] == second["fingerprint"]
        assert first["startsAt"] == second["startsAt"] < second["endsAt"]
        until(lambda: get(f"{both.console}/health")["peers"]["alertmanager"]["up"])


def test_what_is_sent_while_the_console_is_away_arrives_later(tmp_path: Path, program: Callable[..., Path]) -> None:
    with pair(tmp_path, program("alertmanager")) as both:
        both.fire("Before", service="shop")
        until(lambda: both.told("Before") == ["firing"])
        both.stop("console", kill=True)
        both.fire("Meanwhile", service="shop")
        refused = "connection refused"  # at least one attempt has failed
        until(lambda: refused in (tmp_path / "alertmanager.log").read_text())
        both.start_console()
        until(lambda: both.told("Meanwhile") == ["firing"], 120)
        assert both.told("Before") == ["firing"]


def test_without_a_token_alerts_wait_until_there_is_one(tmp_path: Path, program: Callable[..., Path]) -> None:
    with pair(tmp_path, program("alertmanager")) as both:
        token = both.settings.secrets / "inbox-token"
        right = token.read_text()
        token.unlink()
        both.fire("Guarded", service="shop")
        failed = (tmp_path / "alertmanager.log", tmp_path / "console.log")
        until(lambda: any("inbox-token" in log.read_text() or "no inbox token" in log.read_text() for log in failed))
        assert both.told("Guarded") == []
        token.write_text(right)
        until(lambda: both.told("Guarded") == ["firing"], 120)


def test_the_loss_of_alertmanager_is_noticed_and_its_return_too(tmp_path: Path, program: Callable[..., Path]) -> None:
    with recording() as recorder:
        notify = {"name": "outside", "kind": "webhook", "options": {"url": recorder.url}}
        watchdog = {"silence_seconds": SILENCE, "notify": notify}
        with pair(tmp_path, program("alertmanager"), watchdog=watchdog) as both:
            both.fire("Watchdog")
            until(lambda: get(f"{both.console}/health")["watchdog"]["lastSeen"])
            seen = get(f"{both.console}/health")["watchdog"]["lastSeen"]
            until(lambda: get(f"{both.console}/health")["watchdog"]["lastSeen"] > seen)  # it is repeated
            assert both.told("Watchdog") == []
            assert both.told("AlertingSilent") == []
            both.stop("alertmanager", kill=True)
            ended = datetime.now(UTC)
            until(lambda: both.told("AlertingSilent") == ["firing"])
            until(lambda: len(recorder.requests) == 1)
            [alarm] = both.entries("?alertname=AlertingSilent")
            assert datetime.fromisoformat(alarm["receivedAt"]) - ended < timedelta(seconds=SILENCE + 16)
            health = get(f"{both.console}/health")
            assert (health["status"], health["watchdog"]["alarm"]) == ("unhealthy", True)
            assert get(f"{both.console}/health/ready")["status"] == "healthy"
            both.start_alertmanager()
            both.fire("Watchdog")
            until(lambda: both.told("AlertingSilent") == ["firing", "resolved"])
            until(lambda: len(recorder.requests) == 2)
            assert [recorder.json(number)["status"] for number in (0, 1)] == ["firing", "resolved"]
            until(lambda: get(f"{both.console}/health")["status"] == "healthy")
