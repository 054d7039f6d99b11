"""Flask: route templates, errors, streams, what it leaves behind, and the two lines it takes."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask import Flask
from frameworks_kit import endpoints, monitoring, watched
from library_kit import Ask, drive_wsgi, environ_of, samples
from watchstack import Monitoring

__all__ = ["watched"]  # the fixture


def flask_app() -> Flask:
    app = Flask("shop")
    part = flask.Blueprint("part", "part", url_prefix="/part/<name>")

    @app.route("/items/<int:item>", methods=["GET", "POST"])
    def items(item: int) -> str:
        return f"item {item}" + flask.request.get_data(as_text=True)

    @app.route("/stream")
    def stream() -> Any:
        return flask.stream_with_context(chunk for chunk in ("a", "bc", flask.request.path))

    @app.route("/broken/<int:item>")
    def broken(item: int) -> str:
        raise ZeroDivisionError("on purpose")

    @app.route("/answered")
    def answered() -> str:
        raise LookupError("answered by a handler")

    @app.errorhandler(LookupError)
    def handled(error: LookupError) -> tuple[str, int]:
        return "no such thing", 410

    @part.route("/inner")
    def inner(name: str) -> str:
        return name

    app.register_blueprint(part)
    return app


def test_flask_templates(watched: Monitoring) -> None:
    app = flask_app()
    watched.init_app(app)
    for path in ("/items/1", "/items/2", "/part/x/inner", "/nothing", "/items/word", "/answered"):
        drive_wsgi(app, Ask(path=path))
    drive_wsgi(app, Ask("POST", "/items/3", body=b"body"))
    drive_wsgi(app, Ask("DELETE", "/items/3"))
    drive_wsgi(app, Ask("HEAD", "/items/3"))
    assert endpoints(watched) == {
        "GET /items/<int:item> 200": 2.0,
        "GET /part/<name>/inner 200": 1.0,
        "GET unmatched 404": 2.0,
        "GET /answered 410": 1.0,
        "POST /items/<int:item> 200": 1.0,
        "DELETE unmatched 405": 1.0,
        "HEAD /items/<int:item> 200": 1.0,
    }


def test_flask_exceptions_count_whether_flask_answers_them_or_not(watched: Monitoring) -> None:
    app = flask_app()
    watched.init_app(app)
    assert drive_wsgi(app, Ask(path="/broken/1")).status == "500"
    app.config["PROPAGATE_EXCEPTIONS"] = True
    assert isinstance(drive_wsgi(app, Ask(path="/broken/1")).broken, ZeroDivisionError)
    labels = 'endpoint="/broken/<int:item>",error_type="ZeroDivisionError",method="GET"'
    assert samples(watched.registry, "http_exceptions") == {f"http_exceptions_total{{{labels}}}": 2.0}
    assert endpoints(watched) == {"GET /broken/<int:item> 500": 2.0}


def test_flask_streams_keep_their_context(watched: Monitoring) -> None:
    app = flask_app()
    watched.init_app(app)
    assert drive_wsgi(app, Ask(path="/stream")).body == b"abc/stream"
    assert list(samples(watched.registry, "http_response_size_bytes_sum").values()) == [10.0]


def test_flask_leaves_no_cycle_behind(watched: Monitoring) -> None:
    import gc

    app = flask_app()
    watched.init_app(app)
    drive_wsgi(app, Ask(path="/items/1"))
    gc.collect()

    def bodies() -> int:
        return sum(type(found).__name__ == "_Body" for found in gc.get_objects())

    before = bodies()
    gc.disable()
    try:
        body: Any = app(environ_of(Ask(path="/items/1")), lambda *args: lambda data: None)
        list(body)
        body.close()
        del body
        assert bodies() == before
    finally:
        gc.enable()


# B-86
def test_two_lines_are_enough_for_flask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONITORING_PRESET", raising=False)
    app = Flask("two lines")
    found = Monitoring(app)
    try:
        text = drive_wsgi(app, Ask(path="/metrics")).body.decode()
        again = drive_wsgi(app, Ask(path="/metrics")).body.decode()
    finally:
        found.stop()
    assert app.extensions["watchstack"] is found
    for name in ("system_memory_available_bytes", "process_resident_memory_bytes", "python_info", "application_info"):
        assert f"\n{name}" in text
    assert 'http_requests_total{endpoint="/metrics",method="GET",path="/metrics",status="200"} 1.0' in again


# B-74
def test_the_application_tells_its_version_and_environment() -> None:
    app = flask_app()
    one = monitoring(app_version="2.1", environment='stag"ing')
    one.init_app(app)
    try:
        text = drive_wsgi(app, Ask(path="/metrics")).body.decode()
    finally:
        one.stop()
    assert '\napplication_info{environment="stag\\"ing",version="2.1"} 1.0\n' in text


def test_flask_is_watched_once(watched: Monitoring) -> None:
    app = Flask("once")
    watched.init_app(app)
    with pytest.raises(ValueError, match="once is monitored already"):
        watched.init_app(app)


def test_another_kind_of_application_is_told_apart(watched: Monitoring) -> None:
    other: Any = object()
    with pytest.raises(TypeError, match="object is no Flask application: init_asgi"):
        watched.init_app(other)
