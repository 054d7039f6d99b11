"""The base of the library: three packages and what those need; everything else is an extra that nobody has to have."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest
import watchstack
from support import ROOT

BASE = {"flask", "prometheus_client", "psutil"}
# What starts a process of the stack, or checks a store, may import its extra; nothing imports these but who asks.
NEEDS_AN_EXTRA = (
    "watchstack.bodies",
    "watchstack.console",
    "watchstack.containers",
    "watchstack.exporter",
    "watchstack.serve",
)
PROGRAM = """
import asyncio, importlib, json, pkgutil, sys

allowed = set(json.loads(sys.argv[1])) | set(sys.stdlib_module_names) | {"watchstack"}
refused = set()

class Closed:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            refused.add(name.partition(".")[0])
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Closed())
from flask import Flask
from watchstack import Monitoring, Settings
from watchstack.asgi import MonitoringMiddleware

def get(app, path):
    answer = app.test_client().get(path)
    return [answer.status_code, answer.get_data(as_text=True)]

app = Flask("shop")
app.add_url_rule("/items/<item>", view_func=lambda item: item)
monitoring = Monitoring(app, settings=Settings(preset="iot", prometheus_path="/metrics"))
found = {path: get(app, path) for path in ("/items/7", "/metrics", "/health/live", "/health", "/health/detailed")}
monitoring.stop()

async def bare(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi"})

async def drive(app, path):
    sent = []
    async def receive(): return {"type": "http.request", "body": b""}
    async def send(message): sent.append(message)
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent).decode()

measured = MonitoringMiddleware(bare, settings=Settings(monitoring_admin_token="t"))
found["asgi"] = [asyncio.run(drive(measured, path)) for path in ("/x", "/metrics", "/admin/monitoring/login")]
measured.monitoring.stop()
import watchstack
closed = []
for module in pkgutil.walk_packages(watchstack.__path__, "watchstack."):
    if module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError:
        closed.append(module.name)
print(json.dumps({"found": found, "closed": closed, "refused": sorted(refused)}))
"""


def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((ROOT / "exporter" / "pyproject.toml").read_text())["project"]
    return content


def name_of(requirement: str) -> str:
    """`psycopg[binary]==3.3.9` -> `psycopg`."""
    return re.split(r"[\s\[<>=!~;(]", requirement, maxsplit=1)[0]


def closure(names: set[str]) -> set[str]:
    """The distributions with all that they need on this machine."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        one = waiting.pop()
        found.add(one.lower().replace("_", "-"))
        for requirement in metadata.requires(one) or ():
            if "extra ==" not in requirement and (name := name_of(requirement)).lower().replace("_", "-") not in found:
                try:
                    metadata.distribution(name)
                except metadata.PackageNotFoundError:
                    continue
                waiting.add(name)
    return found


def test_the_base_needs_three_packages() -> None:
    found = project()
    assert {name_of(requirement) for requirement in found["dependencies"]} == BASE
    extras = {name_of(r) for name, needed in found["optional-dependencies"].items() for r in needed}
    assert not extras & BASE


def test_the_library_serves_metrics_and_health_with_its_base_alone() -> None:
    needed = closure(BASE)
    modules = {
        m
        for m, dists in metadata.packages_distributions().items()
        if needed & {d.lower().replace("_", "-") for d in dists}
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(sorted(modules))],
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"}, "PYTHONPATH": str(ROOT / "exporter")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    found = told["found"]
    assert found["/items/7"] == [200, "7"]
    assert 'http_requests_total{endpoint="/items/<item>"' in found["/metrics"][1]
    assert found["/health/live"][0] == 200
    assert "system" in found["/health/detailed"][1]
    assert found["asgi"][0] == "asgi"
    assert "http_requests_total{" in found["asgi"][1]
    assert "<h1>Sign in</h1>" in found["asgi"][2]
    assert [name for name in told["closed"] if not name.startswith(NEEDS_AN_EXTRA)] == []
    assert {"waitress", "docker"} <= set(told["refused"])  # the closed door was tried


@pytest.mark.parametrize(
    ("program", "unloaded"),
    [
        ("import flask, watchstack.monitoring as m; m.Monitoring(flask.Flask('a')).stop()", "asyncio"),
        ("import watchstack.asgi as a; a.MonitoringMiddleware(None).monitoring.stop()", "flask jinja2 werkzeug"),
    ],
    ids=["Flask", "ASGI"],
)
def test_what_an_application_of_one_kind_does_not_load(program: str, unloaded: str) -> None:
    told = f"{program}; import sys; print(*[name for name in {unloaded.split()} if name in sys.modules])"
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "exporter")}
    done = subprocess.run([sys.executable, "-c", told], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def public() -> Iterator[tuple[str, Any]]:
    """Everything that the package exports, and the public methods and properties of its classes."""
    names = [*((watchstack, name) for name in watchstack.__all__)]
    names.append((importlib.import_module("watchstack.asgi"), "MonitoringMiddleware"))
    for module, name in names:
        found = getattr(module, name)
        yield name, found
        if inspect.isclass(found):
            for member, value in vars(found).items():
                if not member.startswith("_") and (
                    inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)
                ):
                    yield f"{name}.{member}", value


@pytest.mark.parametrize(("name", "found"), list(public()), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_exported_says_what_it_is(name: str, found: Any) -> None:
    words = inspect.getdoc(found) or ""
    assert len(words.split()) >= 3, f"{name} has no docstring"
    assert not words.startswith(f"{name}("), f"{name} has the docstring that dataclasses make"


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "exporter" / "watchstack" / "py.typed").is_file()
