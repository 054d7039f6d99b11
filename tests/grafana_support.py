"""A running Grafana server, asked through its API."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from running import RunningStack
from waiting import until

PASSWORD = "only-for-this-test"
PATIENCE = 60  # seconds for one answer
SAMPLES = 300  # seconds until everything has data: rates need samples, and the youngest reach a chart's end last


def checked_live(stack: RunningStack) -> CompletedProcess[str]:
    """`./stack check --live`, once it finds nothing wrong."""
    asked: list[CompletedProcess[str]] = []

    def good() -> bool:
        asked[:] = [stack.command("check", "--live", check=False)]
        return asked[0].returncode == 0

    until(good, SAMPLES, lambda: f"every query has data: {asked[0].stdout}{asked[0].stderr}")
    return asked[0]


class Refusal(AssertionError):
    """Grafana answered with a status that is no success."""


class Grafana:
    """Grafana's server as a process. log: everything it printed."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log
        self._authorization = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def call(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> Any:
        """JSON of an API call, with POST when there is a body; the error's body is part of the failure."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refusal(f"{path} answers {error.code}: {error.read().decode()}") from error

    def delete(self, path: str) -> Any:
        return self.call(path, method="DELETE")

    def ready(self) -> bool:
        """Until its database is made it answers 503; before that it does not listen."""
        try:
            return bool(self.call("/api/health")["database"] == "ok")
        except (OSError, Refusal):
            return False

    def dashboard(self, uid: str) -> dict[str, Any] | None:
        """A dashboard and what Grafana says of it, None while there is none of this uid."""
        try:
            return dict(self.call(f"/api/dashboards/uid/{uid}"))
        except Refusal as refused:
            if " answers 404: " not in str(refused):
                raise
            return None
