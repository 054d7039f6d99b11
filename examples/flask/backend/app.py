"""Mingus: expenses in SQL, sums in Redis, logins at Supabase, payments at Stripe; watched from its first request.

python backend/app.py serves on port 5003, or PORT.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `config` and `scripts` lie beside `backend`

import redis
from config.monitoring import MonitoringConfig
from flask import Flask, request
from sqlalchemy.exc import SQLAlchemyError
from store import Store
from watchstack import Monitoring

config = MonitoringConfig()
app = Flask("mingus")
monitoring = Monitoring(app, settings=config.settings)
store = Store(monitoring, config.REDIS_URL)
APIS = {
    "supabase": os.environ.get("SUPABASE_URL", "https://mingus.supabase.co"),
    "stripe": os.environ.get("STRIPE_URL", "https://api.stripe.com"),
}
for name, url in APIS.items():
    monitoring.health.watch_web(name, url)


@app.get("/")
def index() -> dict[str, str]:
    return {"application": "mingus", "version": config.APP_VERSION}


@app.post("/api/expenses")
def add_expense() -> tuple[dict[str, Any], int]:
    told = request.get_json()
    category, cents = told.get("category"), told.get("cents")
    if not isinstance(category, str) or not isinstance(cents, int) or not 0 < cents < 2**31:
        return {"error": "category is text, cents a whole number above 0"}, 400
    return {"id": store.add(category[:50], cents)}, 201


@app.get("/api/expenses/<int:key>")
def get_expense(key: int) -> tuple[dict[str, Any], int]:
    found = store.get(key)
    return (found, 200) if found is not None else ({"error": "there is no such expense"}, 404)


@app.get("/api/sums")
def get_sums() -> dict[str, int]:
    return store.sums()


@app.post("/api/login")
def login() -> tuple[dict[str, Any], int]:
    code, _ = _post("supabase", "/auth/v1/token?grant_type=password", request.get_json())
    monitoring.users.login(success=code == 200)
    if code in (200, 400, 401):
        return ({"welcome": True}, 200) if code == 200 else ({"error": "wrong name or password"}, 401)
    return {"error": "logins are not possible now"}, 502


@app.post("/api/payments")
def pay() -> tuple[dict[str, Any], int]:
    code, found = _post("stripe", "/v1/payment_intents", request.get_json())
    return ({"payment": found.get("id")}, 201) if code == 200 else ({"error": "payments are not possible now"}, 502)


@app.get("/api/report")
def report() -> dict[str, str]:
    raise NotImplementedError("the report is the bug that this example ships, so that there is an error to see")


@app.errorhandler(SQLAlchemyError)
@app.errorhandler(redis.RedisError)
def unavailable(error: Exception) -> tuple[dict[str, str], int]:
    app.logger.error("%s: %s", type(error).__name__, error)
    return {"error": "the store does not answer"}, 503


def _post(api: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    """Status and JSON of another service's answer; 599 and nothing when there is none, which counts as an error."""
    asked = urllib.request.Request(APIS[api] + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}
    except (OSError, ValueError) as error:
        monitoring.error(api, error)
        return 599, {}


if __name__ == "__main__":
    app.run(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "5003")))
