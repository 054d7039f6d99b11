"""The GET-only way to the Docker API: what gets through, what does not, what is cut off."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from containers_kit import ID, Api, api, docker, path
from docker_fake import FakeDocker, docker_at
from prometheus_client import CollectorRegistry
from waiting import DEADLINE
from watchstack.containers.allowed import question
from watchstack.containers.api import ApiServer
from watchstack.containers.settings import Endpoint
from watchstack.serve import Address, ServeError

__all__ = ["api", "docker", "path"]  # fixtures


# What Promtail asks (github.com/docker/docker/client v28.5 in Promtail 3.6), word for word.
ASKED = [
    ("HEAD", "/_ping", "ping"),
    ("GET", "/_ping", "ping"),
    ("GET", "/v1.48/containers/json", "list"),
    ("GET", "/v1.48/containers/json?filters=%7B%22label%22%3A%7B%22logs%3Dyes%22%3Atrue%7D%7D", "list"),
    ("GET", "/v1.48/networks", "networks"),
    ("GET", f"/v1.48/containers/{ID}/json", "inspect"),
    ("GET", f"/v1.48/containers/{ID}/logs?follow=1&since=0&stderr=1&stdout=1&tail=&timestamps=1", "logs"),
    ("GET", f"/v1.48/containers/{ID}/logs?follow=1&since=1795227608.000000000&stderr=1&stdout=1&tail=", "logs"),
    ("GET", "/v1.24/containers/some_name.1-x/json", "inspect"),
    ("GET", "/version", "about"),
]


@pytest.mark.parametrize(("method", "target", "kind"), ASKED)
def test_what_promtail_asks_gets_through(api: Api, docker: FakeDocker, method: str, target: str, kind: str) -> None:
    docker.details["some_name.1-x"] = docker.details[ID]
    status, _, headers = api.ask(target, method)
    assert status == 200
    assert api.value("container_api_requests_total", kind=kind) == 1
    assert [asked for asked, _ in docker.requests] == ([] if kind == "networks" else [method])
    if kind == "ping":
        assert (headers["Api-Version"], headers["Ostype"]) == ("1.48", "linux")


REFUSED = [
    *(
        (method, "/v1.48/containers/json")
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "get")
    ),
    ("CONNECT", "/v1.48/containers/json"),
    ("POST", f"/v1.48/containers/{ID}/kill"),
    ("HEAD", f"/v1.48/containers/{ID}/json"),
    *(
        ("GET", target)
        for target in (
            "/",
            "/info",
            "/events",
            "/images/json",
            "/volumes",
            "/secrets",
            "/v1.48",
            "/v1.48/",
            "/v2.0/containers/json",
            "/v1.48/v1.48/containers/json",
            "/v1.48/_pingx",
            "//v1.48/containers/json",
            "/v1.48//containers/json",
            "/v1.48/containers//json",
            "/v1.48/containers/json/",
            "/v1.48/containers/../info",
            "/v1.48/containers/..%2f..%2finfo/json",
            "/v1.48/containers/%2e%2e/json",
            f"/v1.48/containers/{ID}%2farchive/json",
            f"/v1.48/containers/{ID}/archive?path=/",
            f"/v1.48/containers/{ID}/export",
            f"/v1.48/containers/{ID}/top",
            f"/v1.48/containers/{ID}/stats",
            f"/v1.48/containers/{ID}/attach/ws",
            f"/v1.48/containers/{ID}/exec",
            f"/v1.48/containers/{ID}/json;x",
            f"/v1.48/containers/{ID}/json?size=1",
            f"/v1.48/containers/{ID}/logs?details=1",
            f"/v1.48/containers/{ID}/logs?follow=1&follow=0",
            f"/v1.48/containers/{ID}/logs?stdout=1%00",
            f"/v1.48/containers/{ID}/logs?since=1%0d%0aX:%20y",
            f"/v1.48/containers/{ID}/logs?tail=-1",
            "/v1.48/containers/json?size=1",
            "/v1.48/containers/json?" + "filters=x&" * 30,
            "/v1.48/containers/json?filters=" + "x" * 9000,
            "/v1.48/containers/-rm/json",
            f"/v1.48/containers/{'a' * 300}/json",
            "/v1.48/CONTAINERS/JSON",
            "/_ping?x=1",
            "http://docker/v1.48/containers/json",
            "*",
            "\\v1.48\\containers\\json",
            "/v1.48/containers/json#x",
        )
    ),
]


@pytest.mark.parametrize(("method", "target"), REFUSED)
def test_everything_else_is_refused_counted_and_never_reaches_docker(
    api: Api, docker: FakeDocker, method: str, target: str
) -> None:
    status, content, _ = api.ask(target, method)
    assert status == 403
    assert method in ("HEAD",) or json.loads(content) == {"message": "only what the log collector needs is let through"}
    assert api.value("container_api_refused_total") == 1
    assert docker.requests == []


def test_a_request_with_a_body_is_refused(api: Api, docker: FakeDocker) -> None:
    assert api.ask("/v1.48/containers/json", body=b"{}")[0] == 403
    smuggled = (
        b"GET /_ping HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        b"POST /v1.48/containers/create HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    assert api.raw(smuggled).startswith(b"HTTP/1.1 403 ")
    assert docker.requests == []


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET  /_ping HTTP/1.1",
        b"GET\t/_ping HTTP/1.1",
        b"GET /_ping\x00 HTTP/1.1",
        b"GET /_ping HTTP/9.9",
        b"\x16\x03\x01",
        b"GET",
    ],
)
def test_malformed_requests_never_reach_docker(api: Api, docker: FakeDocker, request_line: bytes) -> None:
    api.raw(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert docker.requests == []


@pytest.mark.parametrize(
    "request_line",
    [
        f"POST /v1.48/containers/{ID}/attach?stream=1&stdin=1 HTTP/1.1",
        f"GET /v1.48/containers/{ID}/attach/ws?stream=1 HTTP/1.1",
        "POST /v1.48/exec/1/start HTTP/1.1",
        "POST /session HTTP/1.1",
        "POST /grpc HTTP/1.1",
    ],
)
@pytest.mark.parametrize("upgrade", ["tcp", "h2c", "websocket"])
def test_no_upgrade_opens_a_way_to_docker(api: Api, docker: FakeDocker, request_line: str, upgrade: str) -> None:
    wish = f"Host: x\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n"
    answer = api.raw(f"{request_line}\r\n{wish}".encode() + b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.count(b"HTTP/1.1 ") == 1  # what comes behind it is not read
    assert docker.requests == []


def test_the_preface_of_http_2_is_no_request(api: Api, docker: FakeDocker) -> None:
    answer = api.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert b"Error code: 505" in answer
    assert docker.requests == []


def test_no_header_of_the_client_reaches_docker(path: Path, docker: FakeDocker, api: Api) -> None:
    seen: list[str] = []
    original = FakeDocker.finish_request

    def watch(self: FakeDocker, request: socket.socket, client_address: Any) -> None:
        seen.append(request.recv(65536, socket.MSG_PEEK).decode())
        original(self, request, client_address)

    FakeDocker.finish_request = watch  # type: ignore[method-assign]
    try:
        hostile = b"Upgrade: tcp\r\nX-Registry-Auth: a\r\nCookie: b\r\nConnection: close\r\n\r\n"
        api.raw(b"GET /v1.48/containers/json HTTP/1.1\r\nHost: evil\r\n" + hostile)
        api.raw(f"GET /v1.48/containers/{ID}/logs?stdout=1 HTTP/1.1\r\nHost: evil\r\n".encode() + hostile)
    finally:
        FakeDocker.finish_request = original  # type: ignore[method-assign]
    assert seen == [
        "GET /v1.48/containers/json HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: docker\r\nConnection: close\r\n\r\n",
        f"GET /v1.48/containers/{ID}/logs?stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
    ]


def test_answers_hold_what_becomes_a_label_and_no_secret(api: Api) -> None:
    listed = json.loads(api.ask("/v1.48/containers/json")[1])
    inspected = json.loads(api.ask(f"/v1.48/containers/{ID}/json")[1])
    assert "hunter2" not in json.dumps([listed, inspected])
    assert "/secret/place" not in json.dumps([listed, inspected])
    # what Prometheus's docker discovery reads of a container
    row = listed[0]
    assert (row["Id"], row["Names"], row["HostConfig"]) == (ID, ["/c1"], {"NetworkMode": "default"})
    assert row["Labels"]["com.docker.compose.service"] == "web"
    assert row["NetworkSettings"]["Networks"]["bridge"]["NetworkID"] == "3422fee988f2ee96"
    assert row["NetworkSettings"]["Networks"]["bridge"]["IPAddress"] == "172.17.0.2"
    assert row["Ports"] == [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}]
    # what Promtail's Docker target reads
    assert inspected["Config"]["Tty"] is False
    assert set(inspected["Config"]) == {"Hostname", "Image", "Tty", "Labels"}


def test_nobody_is_asked_about_networks(api: Api, docker: FakeDocker) -> None:
    """They become no label, and Docker loses count of their ends when it is asked while containers come and go."""
    status, content, headers = api.ask("/v1.48/networks")
    assert (status, json.loads(content), headers["Content-Type"]) == (200, [], "application/json")
    assert docker.requests == []


def test_dockers_own_errors_are_passed_on(api: Api) -> None:
    status, content, _ = api.ask("/v1.48/containers/nobody/json")
    assert (status, json.loads(content)) == (404, {"message": "No such container"})


@pytest.mark.parametrize("raw", [b"", b"{", b'"text"', b"[1]"])
def test_an_answer_that_cannot_be_cut_down_is_not_passed_on(api: Api, docker: FakeDocker, raw: bytes) -> None:
    docker.raw["list"] = raw
    status, content, _ = api.ask("/v1.48/containers/json")
    assert status == 502
    assert json.loads(content)["message"].startswith("Docker does not answer: ")
    assert api.value("container_api_failed_total") == 1


def test_whatever_docker_says_the_answer_is_json(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_words: object) -> None:
        raise http.client.BadStatusLine('HTTP "\\none"\n')

    monkeypatch.setattr("watchstack.containers.api.Handler._relay", refused)
    status, content, _ = api.ask("/_ping")
    assert (status, json.loads(content)) == (502, {"message": 'Docker does not answer: HTTP "\\none"\n'})


def test_without_docker_the_answer_is_502_and_it_recovers(path: Path) -> None:
    api = Api(path)
    status, content, _ = api.ask("/_ping")
    assert (status, json.loads(content)) == (502, {"message": "Docker does not answer: the socket is not there"})
    assert api.ask(f"/v1.48/containers/{ID}/logs?stdout=1")[0] == 502
    with docker_at(path):
        assert api.ask("/_ping")[0] == 200
    api.server.stop()


def test_a_connection_is_kept_for_several_requests(api: Api) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=DEADLINE)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/_ping")
        assert connection.getresponse().read() == b"OK"
        ports.add(connection.sock.getsockname())
    assert len(ports) == 1
    connection.close()


def test_a_taken_port_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = Address("127.0.0.1", taken.getsockname()[1], "CONTAINERS_API_LISTEN")
        with pytest.raises(ServeError, match="another process listens there; set CONTAINERS_API_LISTEN"):
            ApiServer(address, Endpoint(path="/nowhere"), CollectorRegistry())


def test_what_is_passed_on_is_written_anew() -> None:
    asked = question("GET", "/v1.48/containers/json?filters=%7b%22a%22%3a+1%7d&all=1")
    assert asked is not None
    assert asked.target == "/v1.48/containers/json?filters=%7B%22a%22%3A+1%7D&all=1"
