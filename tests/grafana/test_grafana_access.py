"""Who gets into Grafana with the settings of docker-compose.yml: nobody but who shows the password that was made."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from grafana_support import PASSWORD, Grafana

pytestmark = pytest.mark.grafana

CLOSED = ["/api/search", "/api/datasources", "/api/org", "/api/admin/settings", "/api/users", "/api/frontend/settings",
          "/api/dashboards/uid/overview", "/api/annotations", "/api/serviceaccounts/search"]  # fmt: skip
QUERY = {"queries": [{"refId": "A", "datasource": {"uid": "prometheus"}, "expr": "up"}], "from": "now-5m", "to": "now"}


def status(grafana: Grafana, path: str, user: str = "", password: str = "", body: Any = None) -> int:
    """Of an answer to somebody with that name and password, or with none."""
    headers = {"Content-Type": "application/json"}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    content = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(grafana.url + path, content, headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_stranger_sees_nothing(grafana: Grafana) -> None:  # M-03
    shown = {path: status(grafana, path) for path in CLOSED}
    assert set(shown.values()) <= {401, 403}, shown
    assert status(grafana, "/api/ds/query", body=QUERY) == 401
    assert status(grafana, "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up") == 401
    assert status(grafana, "/api/search", "admin", PASSWORD) == 200
    assert status(grafana, "/api/ds/query", "admin", PASSWORD, QUERY) == 200


@pytest.mark.parametrize("password", ["admin", "admin123", "", "grafana", "password"])
def test_known_passwords_do_not_let_in(grafana: Grafana, password: str) -> None:  # M-17, X-18
    assert status(grafana, "/api/org", "admin", password) == 401
    assert status(grafana, "/login", body={"user": "admin", "password": password}) in (400, 401)


def test_nobody_signs_up(grafana: Grafana) -> None:
    body = {"email": "a@b.test", "username": "eve", "password": "eve-eve-eve", "name": "eve"}
    assert 400 <= status(grafana, "/api/user/signup", body=body) < 500
    assert 400 <= status(grafana, "/api/user/signup/step2", body=body) < 500
    assert status(grafana, "/api/org", "eve", "eve-eve-eve") == 401
