"""The AI example for the files that test it: how it is started, its model's answers, its health."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from examples_kit import Example, Recorder
from services_kit import Program, Proxy, conninfo
from waiting import until

MODELS = json.dumps({"object": "list", "data": []}).encode()
WRITTEN = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Rise at six."}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 4000, "completion_tokens": 1000, "total_tokens": 5000},
    }
).encode()  # fmt: skip
CHAT = "/v1/chat/completions"
GENERATE = "/api/user/ann/routine/generate"
GOAL = {"goal": "sleep better"}
TIMEOUT = "4"  # seconds: so long that no check needs it on a busy machine
SERVICES = {"database", "redis", "openai", "system", "responsiveness"}


def ai_example(folder: Path, line: Proxy, redis_server: Program, model: Recorder, **environ: str) -> Example:
    """The example with its back ends, not started. environ: over what it is started with."""
    own = {
        "DATABASE_URL": conninfo(line.port), "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}",
        "OPENAI_API_KEY": "key-of-a-test", "OPENAI_BASE_URL": f"{model.url}/v1",
        "HEALTH_CHECK_INTERVAL": "0.3", "HEALTH_CHECK_TIMEOUT": TIMEOUT,
    }  # fmt: skip
    command = ("-m", "services.api_gateway.openai_main")
    return Example("ai", *command, port=8000, folder=folder, **{**own, **environ})


def health(example: Example) -> dict[str, Any]:
    found: dict[str, Any] = example.ask("/api/health").json()
    return found


def seen(example: Example, good: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The first health that is as it should be."""

    def look() -> dict[str, Any] | None:
        found = health(example)
        return found if good(found) else None

    return until(look, why=lambda: health(example))
