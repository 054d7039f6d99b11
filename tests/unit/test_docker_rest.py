"""What stays when Compose could not end a stack as a whole: let go of, removed, or told with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from docker.errors import APIError, NotFound
from stackgen.engines import docker_rest
from stackgen.engines.base import EngineError

HELD = "network p_stack id 5a5 has active endpoints"


class Network:
    """ends: what Docker lists as attached; held: how often it refuses to go although nothing is."""

    name = "p_stack"
    id = "5a5"

    def __init__(self, ends: dict[str, str], held: int = 0) -> None:
        self.ends = ends
        self.held = held
        self.gone = False

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Containers": {key: {"Name": name} for key, name in self.ends.items()} or None}

    def reload(self) -> None:
        if self.gone:
            raise NotFound("no such network")

    def remove(self) -> None:
        if self.ends or self.held:
            self.held -= 1
            raise APIError("403 Forbidden", explanation=HELD)
        self.gone = True


class Volume:
    name = "p_prometheus-data"

    def __init__(self, error: APIError | None = None) -> None:
        self.error = error
        self.gone = False

    def remove(self, *, force: bool) -> None:
        assert force
        if self.error is not None:
            raise self.error
        self.gone = True


class Client:
    """A Docker engine with one network, one volume and some containers; `api` and the lists are itself."""

    def __init__(self, network: Network, volume: Volume, containers: tuple[str, ...] = ()) -> None:
        self.api = self
        self.network = network
        self.networks: Any = self.listing(network)
        self.volumes: Any = self.listing(volume)
        self.containers = containers

    @staticmethod
    def listing(one: Any) -> Any:
        class Lists:
            def list(self, filters: dict[str, str]) -> list[Any]:
                assert filters == {"label": "com.docker.compose.project=p"}
                return [one]

        return Lists()

    def inspect_container(self, key: str) -> dict[str, Any]:
        if key not in self.containers:
            raise NotFound(key)
        return {}

    def disconnect_container_from_network(self, name: str, network: str, *, force: bool) -> None:
        assert (network, force) == ("5a5", True)
        found = [key for key, known in self.network.ends.items() if known == name]
        if not found:
            raise NotFound(name)
        del self.network.ends[found[0]]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes on by sleeping alone."""
    now = [0.0]
    monkeypatch.setattr(docker_rest.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(docker_rest.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.fixture
def end() -> Callable[..., list[str]]:
    """Removes the rest of the project `p`; what was said."""

    def run(client: Any, *, volumes: bool = True) -> list[str]:
        said: list[str] = []
        docker_rest.remove(client, "p", volumes=volumes, say=said.append)
        return said

    return run


def test_an_end_of_a_container_that_is_gone_is_let_go(end: Callable[..., list[str]]) -> None:
    client = Client(Network({"ep-1": "p-loki-1", "c2": "p-console-1"}), Volume())
    assert end(client) == []
    assert client.network.gone


def test_docker_may_take_a_while(end: Callable[..., list[str]], clock: list[float]) -> None:
    client = Client(Network({}, held=3), Volume())
    assert end(client) == []
    assert client.network.gone
    assert 0 < clock[0] < docker_rest.LET_GO


def test_a_network_that_docker_never_lets_go_is_told_and_harms_nobody(end: Callable[..., list[str]]) -> None:
    volume = Volume()
    (said,) = end(Client(Network({}, held=1000), volume))
    assert said.startswith("the network p_stack stays: Docker holds it though nothing is attached to it")
    assert HELD in said
    assert "the next ./stack up uses it" in said
    assert volume.gone, "what comes after it is removed all the same"


def test_a_container_of_the_users_own_stays_attached(end: Callable[..., list[str]], clock: list[float]) -> None:
    client = Client(Network({"c1": "shop-web-1", "c2": "p-loki-1"}), Volume(), containers=("c1",))
    (said,) = end(client)
    assert "the network p_stack stays: shop-web-1 of yours is attached to it" in said
    assert client.network.ends == {"c1": "shop-web-1", "c2": "p-loki-1"}
    assert clock[0] == 0


def test_volumes_are_removed_where_that_was_asked_alone(end: Callable[..., list[str]]) -> None:
    volume = Volume()
    end(Client(Network({}), volume), volumes=False)
    assert not volume.gone
    end(Client(Network({}), Volume(NotFound("gone"))))
    with pytest.raises(EngineError, match="p_prometheus-data cannot be removed: volume is in use") as error:
        end(Client(Network({}), Volume(APIError("409", explanation="volume is in use"))))
    assert error.value.hint
