"""A notebook in FastHTML: registration and logins, notes in SQLite, the front page from a cache; watched throughout.

python app.py serves on port 8000, or PORT; dev.py is the same for development.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import time
from typing import Any

import uvicorn
from fasthtml.common import H1, A, Div, FastHTML, JSONResponse, Li, Request, Ul
from src.framework.monitoring import get_health_checker, get_metrics_collector
from src.framework.monitoring.health_checker import HealthCheck, HealthStatus
from src.framework.monitoring.middleware import add_monitoring_middleware
from store import Cache, Store

logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s %(name)s %(message)s")
monitoring = get_metrics_collector().monitoring
store, cache = Store(), Cache()
sessions: dict[str, float] = {}  # session to when it ends
SESSION = 3600.0  # seconds


def unavailable(request: Request, error: Exception) -> JSONResponse:
    logging.getLogger("notebook").error("%s: %s", type(error).__name__, error)
    return JSONResponse({"error": "the database does not answer"}, 503)


app = FastHTML(
    exception_handlers={sqlite3.Error: unavailable},
    secret_key=secrets.token_hex(32),
    default_hdrs=False,
    session_cookie="notebook",
)
app = add_monitoring_middleware(app)


def active_sessions() -> int:
    """How many have not ended; those that have are forgotten."""
    now = time.time()
    for key in [key for key, ends in list(sessions.items()) if ends < now]:
        sessions.pop(key, None)
    return len(sessions)


def check_custom_service() -> HealthCheck:
    """The document's example of a check of one's own: the notebook is not full."""
    number = store.count()
    status = HealthStatus.HEALTHY if number < 100_000 else HealthStatus.CRITICAL
    return HealthCheck(name="custom_service", status=status, message=f"{number} notes", details={"notes": number})


get_health_checker().register_check(
    "custom_service", "The notebook has room", check_custom_service, interval_seconds=60
)
monitoring.health.watch_database(store, tables=())
monitoring.health.watch_cache(cache)
monitoring.health.watch_sessions(active_sessions)


@app.get("/")
def index() -> Any:
    shown = cache.get("titles")
    if shown is None:
        monitoring.cache.miss()
        shown = store.titles()
        with monitoring.cache.operation("set"):
            cache.set("titles", shown)
    else:
        monitoring.cache.hit()
    return Div(H1("Notebook"), Ul(*(Li(A(title, href=f"/notes/{key}")) for key, title in shown)))


@app.post("/register")
async def register(request: Request) -> JSONResponse:
    told = await request.form()
    if store.register(str(told.get("name", ""))[:50], str(told.get("password", ""))):
        monitoring.users.registered("form")
        monitoring.users.audit("user_registered")
    return JSONResponse({"message": "the name is yours if it was free"}, 202)  # and nobody learns which are taken


@app.post("/login")
async def login(request: Request, session) -> JSONResponse:
    told = await request.form()
    good = store.login(str(told.get("name", ""))[:50], str(told.get("password", "")))
    monitoring.users.login(success=good)
    if not good:
        monitoring.users.audit("login_failed")
        return JSONResponse({"error": "wrong name or password"}, 401)
    session["key"] = secrets.token_hex(16)
    sessions[session["key"]] = time.time() + SESSION
    monitoring.users.sessions(active_sessions())
    return JSONResponse({"welcome": True})


@app.post("/logout")
def logout(session) -> JSONResponse:
    sessions.pop(session.pop("key", ""), None)
    monitoring.users.sessions(active_sessions())
    return JSONResponse({"bye": True})


@app.post("/notes")
async def add_note(request: Request, session) -> JSONResponse:
    if session.get("key") not in sessions:
        return JSONResponse({"error": "log in first"}, 401)
    told = await request.form()
    key = store.add(str(told.get("title", "untitled"))[:80])
    with monitoring.cache.operation("delete"):
        cache.delete("titles")
    get_metrics_collector().increment_counter("custom_events_total", labels={"event_type": "note"})
    return JSONResponse({"id": key}, 201)


@app.get("/notes/{key}")
def get_note(key: int) -> Any:
    title = store.note(key)
    return JSONResponse({"error": "there is no such note"}, 404) if title is None else Div(H1(title))


@app.get("/broken")
def broken() -> None:
    raise RuntimeError("the bug that this example ships, so that there is an error to see")


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")))
