"""The check of an OpenAI-compatible API (C-47 to C-49)."""

from __future__ import annotations

import importlib
import importlib.util
import time
from typing import Any

from watchstack.health.check import Check, Result, Status


class OpenAICheck:
    """Lists the models with an async client of its own, which lives as long as a run does.

    An application's client is bound to its own event loop, so it cannot serve here. base_url: "" for the service's own.
    A key that is refused is critical, everything else degraded. The key never appears in a message.
    Raises ImportError where the package openai is not installed.
    """

    def __init__(self, api_key: str, base_url: str = "", *, seconds: float = 10.0) -> None:
        if importlib.util.find_spec("openai") is None:
            raise ImportError("the package openai is not installed")
        self._api_key = api_key
        self._base_url = base_url or None
        self._seconds = seconds

    async def __call__(self) -> Result:
        openai: Any = importlib.import_module("openai")
        began = time.perf_counter()
        try:
            async with openai.AsyncOpenAI(
                api_key=self._api_key, base_url=self._base_url, timeout=self._seconds, max_retries=0
            ) as client:
                await client.models.list()
        except openai.APITimeoutError as error:
            return timed_out(self._seconds, type(error).__name__)
        except Exception as error:
            return self._failed(error, getattr(error, "status_code", None))
        took = round((time.perf_counter() - began) * 1000, 2)
        return Result(Status.HEALTHY, "OpenAI API accessible", {"api_key_valid": True}, took)

    def _failed(self, error: Exception, code: int | None) -> Result:
        kind = type(error).__name__
        text = str(error).replace(self._api_key, "***") if self._api_key else str(error)
        refused = "authentication" in text.lower() or code in (401, 403)
        if refused and "authentication" not in text.lower():
            text = f"authentication refused: {text}"
        status = Status.CRITICAL if refused else Status.DEGRADED
        return Result(status, f"OpenAI error: {text}", response_time_ms=-1, error=kind)


def timed_out(seconds: float, error: str = "TimeoutError") -> Result:
    """C-48."""
    return Result(Status.DEGRADED, "OpenAI API timeout", response_time_ms=seconds * 1000, error=error)


def openai_check(api_key: str, base_url: str = "", *, timeout: float = 10.0, **more: Any) -> Check:
    """A check named `openai`; more: further fields of Check. Raises ImportError where openai is not installed."""
    fields = {"name": "openai", "description": "Reachability of the OpenAI API, validity of the key"}
    function = OpenAICheck(api_key, base_url, seconds=timeout)
    on_timeout = (Status.DEGRADED, "OpenAI API timeout")
    return Check(function=function, **{**fields, "timeout": timeout, "on_timeout": on_timeout, **more})
