"""HolisticOS: routines that a language model writes, kept in the database and for a minute in Redis.

python -m services.api_gateway.openai_main serves on port 8000, or PORT.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import redis.asyncio as redis
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field
from shared_libs.database.connection_pool import db_pool
from shared_libs.monitoring.metrics import metrics, track_endpoint_metrics
from watchstack.api import add_monitoring_middleware

MODEL, SECONDS = "gpt-4o", 60
DOLLARS = {"prompt_tokens": 2.5e-6, "completion_tokens": 10e-6}  # for a token, by OpenAI's price list of 2024
UPSERT = """INSERT INTO routines (user_id, routine) VALUES (:user, :routine)
 ON CONFLICT (user_id) DO UPDATE SET routine = excluded.routine"""

monitoring = metrics.monitoring
settings = monitoring.settings
logging.basicConfig(level=settings.log_level, format="%(levelname)s %(name)s: %(message)s")
logger = logging.getLogger("holisticos")
cache = redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)


class Wishes(BaseModel):
    """What a routine is wanted for."""

    goal: str = Field(min_length=1, max_length=200)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.start_time = time.time()
    logger.info("🚀 HolisticOS started with monitoring enabled")
    yield
    await cache.aclose()
    await db_pool.close()


app = FastAPI(title="HolisticOS", lifespan=lifespan)
monitoring.database.watch_pool(db_pool)
monitoring.health.watch_database(db_pool)
add_monitoring_middleware(app)


@app.get("/")
async def index(request: Request) -> dict[str, Any]:
    return {"application": "HolisticOS", "uptime_seconds": time.time() - request.app.state.start_time}


@app.post("/api/user/{user_id}/routine/generate")
@track_endpoint_metrics("routine_generation")
async def generate(user_id: str, wishes: Wishes, request: Request) -> dict[str, str]:
    try:
        routine, cost = await _written(wishes.goal)
        metrics.track_openai_call(MODEL, "success", cost)
    except Exception as error:
        metrics.track_openai_call(MODEL, "error", 0)
        metrics.track_error("routine_generation", type(error).__name__)
        raise
    with monitoring.database.query("upsert"):
        await db_pool.execute_one(UPSERT, user=user_id[:50], routine=routine)
    await _kept(user_id, routine)
    monitoring.users.feature("routine_generation")
    return {"user_id": user_id, "routine": routine}


@app.get("/api/user/{user_id}/routine")
async def get_routine(user_id: str) -> dict[str, str]:
    try:
        with monitoring.cache.operation("get"):
            routine = await cache.get(f"routine:{user_id}")
    except redis.RedisError:
        routine = None
    monitoring.cache.miss() if routine is None else monitoring.cache.hit()
    if routine is None:
        with monitoring.database.query("select"):
            row = await db_pool.execute_one("SELECT routine FROM routines WHERE user_id = :user", user=user_id)
        if row is None:
            raise HTTPException(404, "there is no routine of this user")
        routine = row["routine"]
        await _kept(user_id, routine)
    return {"user_id": user_id, "routine": routine}


async def _written(goal: str) -> tuple[str, float]:
    """The model's answer and what it cost in dollars. Raises what the client raises, for a missing key too."""
    key, address = settings.openai_api_key or None, settings.openai_base_url or None
    async with openai.AsyncOpenAI(api_key=key, base_url=address, timeout=10, max_retries=0) as client:
        found = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"A daily routine for this goal: {goal}"}]
        )
    used = found.usage.model_dump() if found.usage is not None else {}
    return found.choices[0].message.content or "", sum(used.get(name, 0) * price for name, price in DOLLARS.items())


async def _kept(user_id: str, routine: str) -> None:
    """Puts a routine into Redis, which may be gone."""
    try:
        with monitoring.cache.operation("set"):
            await cache.set(f"routine:{user_id}", routine, ex=SECONDS)
    except redis.RedisError as error:
        logger.warning("Redis does not keep a routine: %s", error)


if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")))
