"""The Docker Engine API as the collector needs it, through the docker SDK. What is made of the answers: `sample`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import docker
import docker.errors
import requests
import urllib3.exceptions

from watchstack.containers.settings import Endpoint

TIMEOUT = 10  # seconds for one answer
T = TypeVar("T")
FAILURES = (docker.errors.DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)


class Gone(Exception):
    """The container is no longer there, or not in a state to be asked: no fault."""


class Unavailable(Exception):
    """The daemon cannot be reached or does not answer properly; the message says why in words."""


class Engine:
    """One daemon. Connects when first asked, and anew after a failure. Safe to use from several threads."""

    def __init__(self, endpoint: Endpoint, timeout: int = TIMEOUT) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._client: docker.APIClient | None = None

    def containers(self) -> list[dict[str, Any]]:
        """Every container, stopped ones too. Raises Unavailable."""
        self._knock()
        return self._ask(lambda client: client.containers(all=True), list)

    def inspect(self, container: str) -> dict[str, Any]:
        """Raises Gone and Unavailable."""
        return self._ask(lambda client: client.inspect_container(container), dict)

    def stats(self, container: str) -> dict[str, Any]:
        """One reading, without the second that a rate would take. Raises Gone and Unavailable."""
        return self._ask(lambda client: client.stats(container, stream=False, one_shot=True), dict)

    def events(self, since: float) -> Iterator[dict[str, Any]]:
        """Ends of containers from `since` (Unix seconds) on, as they come, for ever. Raises Unavailable."""
        self._knock()
        client = self._connect()
        url = client._url("/events")
        query = {"since": f"{since:.9f}", "filters": json.dumps({"type": ["container"], "event": ["oom", "die"]})}
        try:
            answer = client.get(url, params=query, stream=True, timeout=(self._timeout, None))
            with answer:
                answer.raise_for_status()
                for line in answer.iter_lines(chunk_size=1):
                    if line:
                        yield json.loads(line)
        except FAILURES as error:
            raise Unavailable(reason(error)) from error

    def _knock(self) -> None:
        """Whether anybody listens, found out without the SDK: it leaves its socket open when connecting fails."""
        try:
            with self._endpoint.connect(self._timeout):
                return
        except OSError as error:
            raise Unavailable(reason(error)) from error

    def _connect(self) -> Any:
        client = self._client
        if client is None:
            try:
                client = docker.APIClient(
                    base_url=str(self._endpoint), version="auto", timeout=self._timeout, num_pools=2048
                )
            except FAILURES as error:
                raise Unavailable(reason(error)) from error
            # the SDK keeps a pool for each URL: kept-alive connections would grow with the containers
            client.headers["Connection"] = "close"
            self._client = client
        return client

    def _ask(self, question: Callable[[Any], Any], kind: type[T]) -> T:
        client = self._connect()
        try:
            answer = question(client)
        except docker.errors.APIError as error:
            if error.status_code in (404, 409):
                raise Gone from error
            raise Unavailable(reason(error)) from error
        except FAILURES as error:
            self._client = None
            client.close()
            raise Unavailable(reason(error)) from error
        if not isinstance(answer, kind):
            raise Unavailable(f"an answer that is no {kind.__name__}")
        return answer


def reason(error: BaseException) -> str:
    """A failure of the socket, of HTTP or of the SDK in words, without the SDK's nesting."""
    if isinstance(error, docker.errors.APIError) and error.status_code:
        return f"answered {error.status_code}"
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words
    text = str(error) or type(error).__name__
    if "timed out" in text.lower():
        return "no answer in time"
    return text if len(text) < 300 else text[:300] + "…"


_WORDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((FileNotFoundError,), "the socket is not there"),
    ((PermissionError,), "no permission to use the socket"),
    ((ConnectionRefusedError,), "nothing listens there"),
    ((TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError), "no answer in time"),
)
