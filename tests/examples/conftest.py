"""Fixtures of the examples' acceptance tests: one real back end of each kind for a whole file, and the AI example."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ai_kit import CHAT, MODELS, WRITTEN, ai_example
from examples_kit import Example, Recorder, recording, running
from services_kit import Program, Proxy, running_mongodb, running_postgres, running_redis


@pytest.fixture(scope="module")
def postgres() -> Iterator[Program]:
    with running_postgres() as one:
        yield one


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with running_redis(tmp_path_factory.mktemp("redis")) as one:
        yield one


@pytest.fixture(scope="module")
def mongodb(program: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """FerretDB, which speaks MongoDB's protocol."""
    with running_mongodb(program("ferretdb"), tmp_path_factory.mktemp("mongodb")) as one:
        yield one


@pytest.fixture(scope="module")
def model() -> Iterator[Recorder]:
    """The OpenAI-compatible API."""
    with recording(**{"v1/models": (200, MODELS), CHAT[1:]: (200, WRITTEN)}) as one:
        yield one


@pytest.fixture(scope="module")
def line(postgres: Program) -> Iterator[Proxy]:
    """What lies between the AI example and its database."""
    one = Proxy(postgres.port)
    yield one
    one.close()


@pytest.fixture(scope="module")
def make(
    line: Proxy, redis_server: Program, model: Recorder, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Example]:
    """The AI example with its back ends; environ: over what it is started with."""
    return lambda **environ: ai_example(tmp_path_factory.mktemp("ai"), line, redis_server, model, **environ)


@pytest.fixture(scope="module")
def holistic(make: Callable[..., Example]) -> Iterator[Example]:
    """The AI example, driven once."""
    with running(make(), "/health/live") as example:
        example.drive()
        yield example
