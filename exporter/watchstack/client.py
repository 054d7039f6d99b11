"""`HealthCheckClient`: asks a running application for its health and metrics (G-01 to G-03). Standard library alone.

As a script it walks through every endpoint that the application serves: scripts/health_check_demo.py.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

ADDRESS = "http://localhost:5003"  # where the first system's document has its application
VARIABLE = "HEALTH_CHECK_URL"
_STANDARD = ("/health/standard", "/health/detailed", "/monitoring/health", "/api/health")
_METRICS = ("/health/metrics?format=json", "/monitoring/status", "/api/monitoring/stats", "/api/health")
_PROMETHEUS = ("/metrics", "/monitoring/metrics", "/api/metrics", "/health/metrics?format=prometheus")
_DESCRIPTION = "/monitoring/openapi.json"


class NoAnswer(ConnectionError):
    """Nothing answers at an address, or nothing that is one of the library's endpoints: says which and what to do."""


class HealthCheckClient:
    """Asks one application. base_url: its address, by default HEALTH_CHECK_URL or http://localhost:5003.

    timeout: seconds for each answer. token: for the endpoints that want one, by default MONITORING_ADMIN_TOKEN.
    Each method returns a dict with `data`, `status_code`, `path` and `elapsed_ms`, and raises NoAnswer.
    """

    def __init__(self, base_url: str | None = None, *, timeout: float = 10.0, token: str | None = None) -> None:
        self.base_url = (base_url or os.environ.get(VARIABLE) or ADDRESS).rstrip("/")
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"{self.base_url} is no address: it begins with http:// or https://")
        self._timeout = timeout
        self._token = token if token is not None else os.environ.get("MONITORING_ADMIN_TOKEN", "")

    def get_standard_health(self) -> dict[str, Any]:
        """`data`: the parsed JSON of `/health/standard`, or of what the application has in its place."""
        return self._first(_STANDARD, parsed=True)

    def get_metrics_health(self) -> dict[str, Any]:
        """`data`: the parsed JSON of `/health/metrics`, or of what the application has in its place."""
        return self._first(_METRICS, parsed=True)

    def get_prometheus_metrics(self) -> dict[str, Any]:
        """`data`: the text of the metrics."""
        return self._first(_PROMETHEUS, parsed=False)

    def get(self, path: str, *, parsed: bool = True) -> dict[str, Any]:
        """Any answer, whatever its status. parsed: JSON as data, else text; what is no JSON stays text."""
        headers = {"Accept": "application/json"} if parsed else {"Accept": "text/plain"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.base_url + path, headers=headers)
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, body = error.code, error.read()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise NoAnswer(
                f"nothing answers at {self.base_url}: {reason}. Start the application, "
                f"or give its address as an argument or in {VARIABLE}"
            ) from None
        took = round((time.perf_counter() - began) * 1000, 1)
        return {"data": _body(body, parsed), "status_code": status, "path": path, "elapsed_ms": took}

    def paths(self) -> list[str]:
        """What the application serves to a plain GET, by its own description."""
        told = self.get(_DESCRIPTION)["data"]
        found = told.get("paths", {}) if isinstance(told, Mapping) else {}
        return [path for path, methods in found.items() if "get" in methods and "{" not in path]

    def _first(self, paths: Sequence[str], *, parsed: bool) -> dict[str, Any]:
        for path in paths:
            found = self.get(path, parsed=parsed)
            if found["status_code"] in (200, 503) and isinstance(found["data"], dict if parsed else str):
                return found
        raise NoAnswer(f"{self.base_url} answers, but serves none of {', '.join(paths)}: is it monitored?")


def main(arguments: list[str] | None = None) -> int:
    """Asks for everything and tells about it. 0: all is well, 1: it is not or nothing answers, 2: usage."""
    parser = argparse.ArgumentParser(description="Asks a running application for its health and its metrics.")
    parser.add_argument("url", nargs="?", help=f"its address; by default ${VARIABLE} or {ADDRESS}")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for each answer")
    chosen = parser.parse_args(arguments)
    try:
        client = HealthCheckClient(chosen.url, timeout=chosen.timeout)
        return _tell(client)
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 1
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2


def _tell(client: HealthCheckClient) -> int:
    print(f"asking {client.base_url}")
    health = client.get_standard_health()
    status = health["data"].get("status") or health["data"].get("overall_status")
    print(f"health: {status} ({health['path']}, {health['elapsed_ms']} ms)")
    figures = client.get_metrics_health()
    print(f"figures: {', '.join(figures['data'])} ({figures['path']})")
    metrics = client.get_prometheus_metrics()
    series = [line for line in metrics["data"].splitlines() if line and not line.startswith("#")]
    print(f"metrics: {len(series)} series, {len(metrics['data'])} characters ({metrics['path']})")
    for path in client.paths():
        found = client.get(path)
        print(f"  {found['status_code']} {path} ({found['elapsed_ms']} ms)")
    return 0 if status in ("healthy", "degraded") else 1


def _body(body: bytes, parsed: bool) -> Any:
    text = body.decode(errors="replace")
    if not parsed:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
