"""Log streams over the GET-only way to the Docker API: followed, ended, stuck, bounded."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from containers_kit import ID, Api, api, docker, path
from docker_fake import FakeDocker
from waiting import DEADLINE, until

__all__ = ["api", "docker", "path"]  # fixtures

FOLLOW = f"GET /v1.48/containers/{ID}/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def test_a_followed_log_comes_as_it_is_written(api: Api, docker: FakeDocker) -> None:
    docker.log_ends = False
    with api.open(FOLLOW) as client:
        reader = client.makefile("rb")
        assert reader.readline() == b"HTTP/1.1 200 OK\r\n"
        while reader.readline().strip():
            pass
        for number in range(3):
            line = b"\x01\x00\x00\x00\x00\x00\x00\x06line %d" % number
            docker.write(line)
            size = int(reader.readline(), 16)
            assert reader.read(size) == line
            reader.readline()
        reader.close()
    until(lambda: docker.open_streams == 0)
    until(lambda: api.value("container_api_connections") == 0)


def test_a_client_that_goes_ends_the_stream_though_nothing_is_written(api: Api, docker: FakeDocker) -> None:
    docker.log_ends = False
    client = api.open(FOLLOW)
    until(lambda: docker.open_streams == 1)
    client.close()
    until(lambda: docker.open_streams == 0)


def test_a_stream_that_ends_ends_the_connection(api: Api, docker: FakeDocker) -> None:
    docker.log = [b"one", b"two"]
    content = api.raw(FOLLOW)
    assert content.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_a_client_that_reads_nothing_holds_up_nobody(
    api: Api, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchstack.containers.api.STUCK", DEADLINE)
    docker.log = [b"x" * 1_000_000] * 40
    docker.log_ends = False
    stuck = [api.open(FOLLOW) for _ in range(5)]
    until(lambda: docker.open_streams == 5)
    assert api.ask("/_ping")[0] == 200
    assert docker.open_streams == 5  # it was answered while they were stuck
    for client in stuck:
        client.close()
    until(lambda: docker.open_streams == 0)


def test_a_client_that_takes_no_byte_is_dropped(api: Api, docker: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchstack.containers.api.STUCK", 1.0)
    docker.log = [b"x" * 1_000_000] * 40
    docker.log_ends = False
    with api.open(FOLLOW):
        until(lambda: docker.targets("/logs") and docker.open_streams == 0)
        until(lambda: api.value("container_api_connections") == 0)
    assert api.value("container_api_failed_total") == 0  # Docker did answer


def test_connections_are_bounded(path: Path, docker: FakeDocker) -> None:
    docker.log_ends = False
    api = Api(path, connections=3)
    held = [api.open(FOLLOW) for _ in range(3)]
    until(lambda: docker.open_streams == 3)
    assert api.raw(b"GET /_ping HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    assert api.value("container_api_turned_away_total") == 1
    held.pop().close()
    until(lambda: api.value("container_api_connections") == 2)
    assert api.ask("/_ping")[0] == 200
    for client in held:
        client.close()
    api.server.stop()


def test_stopping_ends_what_is_open(path: Path, docker: FakeDocker) -> None:
    docker.log_ends = False
    api = Api(path)
    with api.open(FOLLOW) as client:
        until(lambda: docker.open_streams == 1)
        docker.write(b"first")
        assert client.recv(65536)
        api.server.stop()
        began = time.monotonic()
        while client.recv(65536):
            pass
        assert time.monotonic() - began < 30  # a stream looks every 5 s whether it is to end
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", api.server.port), timeout=DEADLINE)
