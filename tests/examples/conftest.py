"""Fixtures of the examples' acceptance tests: one real back end of each kind for a whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services_kit import Program, running_mongodb, running_postgres, running_redis


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
