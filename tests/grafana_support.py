"""A running Grafana server, asked through its API."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PASSWORD = "only-for-this-test"


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
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} answers {error.code}: {error.read().decode()}") from error

    def delete(self, path: str) -> Any:
        return self.call(path, method="DELETE")

    def ready(self) -> bool:
        try:
            return bool(self.call("/api/health")["database"] == "ok")
        except OSError:
            return False
