"""Fixtures of the Compose tier: one engine and one set of stand-ins for the whole run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from compose_support import ComposeStack, engine
from outage import Outage
from running import RunningStack
from stackgen.engines.base import EngineError
from stackgen.engines.docker_compose import find
from stackgen.images import envfile
from support import copy_checkout, port_variables, unavailable

MakeStack = Callable[..., ComposeStack]


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The address of a Docker engine, in DOCKER_HOST for this process and its children too."""
    before = os.environ.get("DOCKER_HOST")
    with engine() as host:
        os.environ["DOCKER_HOST"] = host
        yield host
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before


@pytest.fixture(scope="session")
def stand_ins(docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of the stand-ins, which `./stack images` has built from this checkout."""
    try:
        find(os.environ)
    except EngineError as error:
        unavailable(f"{error} {error.hint}")
    root = copy_checkout(tmp_path_factory.mktemp("images"))
    said = RunningStack(root, {}, "docker", DOCKER_HOST=docker_host).command("images", timeout=1800)
    found = envfile.read(root / ".stack")
    assert "PROMETHEUS_IMAGE" in found, said.stdout + said.stderr
    return found


@pytest.fixture(scope="module")
def make_stack(
    docker_host: str, stand_ins: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeStack]:
    """Makes a stack (of a kind) in a fresh copy of the checkout on free ports; all of them are removed in the end."""
    made: list[ComposeStack] = []

    def make(name: str, kind: type[ComposeStack] = ComposeStack) -> ComposeStack:
        root: Path = copy_checkout(tmp_path_factory.mktemp(name))
        made.append(kind(root, port_variables(), docker_host, stand_ins))
        return made[-1]

    yield make
    for stack in made:
        stack.close()


@pytest.fixture(scope="session")
def outage(docker_host: str, stand_ins: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """Faults of a stack that have begun."""
    root: Path = copy_checkout(tmp_path_factory.mktemp("outage"))
    made = Outage(ComposeStack(root, port_variables(), docker_host, stand_ins))
    made.begin()
    yield made
    made.stack.close()


@pytest.fixture(scope="session", autouse=True)
def _outage_first(request: pytest.FixtureRequest) -> None:
    """It begins before the first test when a test that asks for it runs too."""
    if any("outage" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("outage")
