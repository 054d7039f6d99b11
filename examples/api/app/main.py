"""Activities: users register and plan what they do, in MongoDB.

python -m app.main serves on port 8000, or PORT.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pymongo.errors import ConnectionFailure, PyMongoError

from app.monitoring import add_monitoring_middleware, metrics_collector, user_activity_monitor
from app.store import Store

monitoring = metrics_collector.monitoring
files = [logging.FileHandler(path)] if (path := os.environ.get("LOG_FILE_PATH")) else []
logging.basicConfig(
    level=monitoring.settings.log_level,
    format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    handlers=[logging.StreamHandler(), *files],
)
logger = logging.getLogger("activities")
store = Store(monitoring)


class Registration(BaseModel):
    """A new user. method: how they registered."""

    name: str = Field(min_length=1, max_length=100)
    method: Literal["email", "google", "apple"] = "email"


class Activity(BaseModel):
    """What a user plans."""

    user_id: str = Field(min_length=1, max_length=24)
    title: str = Field(min_length=1, max_length=100)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    logger.info("activities are served")
    yield
    store.client.close()


app = FastAPI(title="Activities", lifespan=lifespan)
add_monitoring_middleware(app)


@app.get("/")
def index() -> dict[str, str]:
    return {"application": "activities"}


@app.post("/users", status_code=201)
def register(told: Registration) -> dict[str, str]:
    user_id = store.add("users", told.model_dump())
    user_activity_monitor.track_user_registration(user_id, told.method)
    metrics_collector.increment_counter("custom_events_total", labels={"event_type": "signup"})
    metrics_collector.set_gauge("active_users", store.count("users"))
    return {"id": user_id}


@app.post("/activities", status_code=201)
def plan(told: Activity) -> dict[str, str]:
    activity_id = store.add("activities", told.model_dump())
    user_activity_monitor.track_feature_usage(told.user_id, "activity_creation")
    return {"id": activity_id}


@app.get("/activities/{key}")
def get_activity(key: str) -> dict[str, Any]:
    found = store.get("activities", key)
    if found is None:
        raise HTTPException(404, "there is no such activity")
    user_activity_monitor.track_feature_usage(found["user_id"], "activity_view")
    return found


@app.get("/export")
def export() -> dict[str, str]:
    raise NotImplementedError("the export is the bug that this example ships, so that there is an error to see")


@app.exception_handler(PyMongoError)
def unavailable(request: Request, error: PyMongoError) -> JSONResponse:
    if isinstance(error, ConnectionFailure):
        monitoring.database.connection_error()
    logger.error("MongoDB does not answer: %s", type(error).__name__)
    return JSONResponse({"error": "the store does not answer"}, 503)


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")))
