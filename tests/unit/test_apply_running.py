"""What a stack has in force, as `apply` sees it, without starting one: the tiers native and compose do that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serving import serving
from stackgen import write
from stackgen.cli.affected import Affected
from stackgen.cli.readback import Expected, await_live, digests
from stackgen.cli.running import DockerRunning, NativeRunning
from stackgen.engines import docker_config, docker_examples, native_examples
from stackgen.engines.base import Context, PartStatus, State
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.docker_words import Change
from stackgen.engines.native import NativeEngine
from stackgen.engines.native_commands import plans
from stackgen.engines.native_plan import Plan
from stackgen.engines.native_tree import contents
from stackgen.history import APPLIED, History
from stackgen.model import Model
from stackgen.render import config_digest, render
from support import ROOT
from trees import load_text
from waiting import DEADLINE


class Containers:
    """An engine by name whose parts are in given states; it writes down what is reloaded and what is made anew.

    words: what its containers would run with instead.
    """

    name = "docker"

    def __init__(self, address: str, **states: State) -> None:
        self.states = {"prometheus": State.HEALTHY, "alertmanager": State.HEALTHY, "promtail": State.HEALTHY, **states}
        self.address = address
        self.reloaded: list[str] = []
        self.made: list[tuple[str, Mapping[str, str] | None]] = []
        self.words: dict[str, Change] = {}

    def status(self) -> list[PartStatus]:
        return [PartStatus(name, "1", state, self.address, 0.0) for name, state in self.states.items()]

    def reload(self, part: str) -> None:
        self.reloaded.append(part)

    def other_words(self) -> dict[str, Change]:
        return self.words

    def make_anew(self, part: str, variables: Mapping[str, str] | None = None) -> None:
        self.made.append((part, variables))


class Answers(BaseHTTPRequestHandler):
    """Prometheus's rules, with the digest that the server was given."""

    def do_GET(self) -> None:
        digest: str = self.server.digest  # type: ignore[attr-defined]
        rule = {"name": "stack_config_info", "labels": {"sha256": digest}}
        body = json.dumps({"data": {"groups": [{"rules": [rule, {"name": "other"}]}]}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackgen.cli.readback.ANSWER_WITHIN", DEADLINE)


@pytest.fixture
def prometheus() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    with serving(server):
        yield server


def model(root: Path, environment: str) -> Model:
    return load_text(root, f"environment: {environment}\n")


@pytest.fixture
def applied(tmp_path: Path, prometheus: ThreadingHTTPServer) -> tuple[Path, Containers, dict[str, bytes]]:
    """A checkout whose version `old` is live: in the history, on the disk, in Prometheus, read by every part."""
    shutil.copytree(ROOT / "alertmanager" / "templates", tmp_path / "alertmanager" / "templates")
    files = render(model(tmp_path, "old"), COMPOSE)
    write.write(tmp_path, files)
    history = History(tmp_path / ".stack")
    digest = config_digest(files)
    history.add(APPLIED, "up", engine="docker", digest=digest, sources={}, files=history.keep(files), live={})
    docker_config.note(tmp_path / ".stack", tmp_path, docker_config.READ_AT_START)
    prometheus.digest = digest  # type: ignore[attr-defined]
    return tmp_path, Containers(f"http://127.0.0.1:{prometheus.server_port}"), files


def test_nothing_is_to_be_done_for_what_is_live(applied: tuple[Path, Containers, dict[str, bytes]]) -> None:
    root, engine, files = applied
    running = DockerRunning(root, model(root, "old"), engine)  # type: ignore[arg-type]
    assert running.before == running.after == files
    assert running.concerned.parts == ()


def test_what_was_rendered_and_not_read_still_concerns_its_parts(
    applied: tuple[Path, Containers, dict[str, bytes]],
) -> None:
    root, engine, files = applied
    new = model(root, "new")
    write.write(root, render(new, COMPOSE))  # ./stack render
    running = DockerRunning(root, new, engine)  # type: ignore[arg-type]
    assert running.before == files, "the disk is ahead of what runs"
    assert running.concerned.reload == ("prometheus",)
    assert running.concerned.restart == ("promtail",), "the console has no container here"
    running.put()
    assert engine.reloaded == ["prometheus", "promtail"]
    running.back(files, None, ("prometheus",))
    assert engine.reloaded[2:] == ["prometheus"]


def test_a_template_alone_concerns_alertmanager(applied: tuple[Path, Containers, dict[str, bytes]]) -> None:
    root, engine, _ = applied
    template = next((root / "alertmanager" / "templates").glob("*.tmpl"))
    template.write_text(template.read_text() + '{{ define "mine" }}{{ end }}')
    running = DockerRunning(root, model(root, "old"), engine)  # type: ignore[arg-type]
    assert running.concerned.parts == ("alertmanager",)


def test_in_a_container_a_changed_word_of_the_command_is_told_put_and_taken_back(
    applied: tuple[Path, Containers, dict[str, bytes]],
) -> None:
    root, engine, files = applied
    flag = "--storage.tsdb.retention.time="
    engine.words = {"prometheus": Change((f"{flag}7d",), (f"{flag}30d",), {"PROMETHEUS_RETENTION": "30d"})}
    running = DockerRunning(root, model(root, "new"), engine)  # type: ignore[arg-type]
    assert running.commands == [f"prometheus runs with {flag}7d instead of {flag}30d"]
    assert running.concerned == Affected(restart=("prometheus", "promtail")), "made anew, it needs no reload"
    running.put()
    assert (engine.made, engine.reloaded) == ([("prometheus", None)], ["promtail"])
    running.back(files, running.plan, ("prometheus", "promtail"))
    assert engine.made[1:] == [("prometheus", {"PROMETHEUS_RETENTION": "30d"})]
    assert engine.reloaded[1:] == ["promtail"]
    engine.states["prometheus"] = State.STOPPED
    assert "prometheus" not in DockerRunning(root, model(root, "new"), engine).concerned.parts  # type: ignore[arg-type]


def test_a_part_that_does_not_run_is_left_to_up(applied: tuple[Path, Containers, dict[str, bytes]]) -> None:
    root, engine, _ = applied
    engine.states["promtail"] = State.STOPPED
    running = DockerRunning(root, model(root, "new"), engine)  # type: ignore[arg-type]
    assert running.concerned.parts == ("prometheus",)
    assert running.concerned.up == ("promtail",)


def test_the_history_is_not_believed_against_prometheus(
    applied: tuple[Path, Containers, dict[str, bytes]], prometheus: ThreadingHTTPServer
) -> None:
    root, engine, _ = applied
    prometheus.digest = "f" * 64  # type: ignore[attr-defined]
    new = render(model(root, "by hand"), COMPOSE)
    write.write(root, new)
    running = DockerRunning(root, model(root, "by hand"), engine)  # type: ignore[arg-type]
    assert running.before == new, "somebody started the containers without ./stack: what lies there counts"


def test_with_the_examples_containers_read_a_tree_of_their_own(
    applied: tuple[Path, Containers, dict[str, bytes]], prometheus: ThreadingHTTPServer
) -> None:
    root, engine, files = applied
    native_examples.want(root / ".stack", {})
    old = docker_examples.contents(root, model(root, "old"))
    docker_examples.put(root, old)
    prometheus.digest = config_digest(old)  # type: ignore[attr-defined]
    running = DockerRunning(root, model(root, "new"), engine)  # type: ignore[arg-type]
    assert running.live
    assert running.before == old
    running.put()
    assert docker_examples.read(root) == running.after
    assert b"environment: new" in running.after["prometheus/prometheus.yml"]
    assert b"example-iot:15003" in running.after["prometheus/prometheus.yml"]
    running.back(running.before, None, ("prometheus",))
    assert docker_examples.read(root) == old
    assert (root / "prometheus" / "prometheus.yml").read_bytes() == files["prometheus/prometheus.yml"]


def test_the_digest_is_asked_for_until_it_is_there(prometheus: ThreadingHTTPServer) -> None:
    prometheus.digest = "0" * 64  # type: ignore[attr-defined]
    engine = Containers(f"http://127.0.0.1:{prometheus.server_port}")
    assert digests(engine.address) == {"0" * 64}
    assert await_live(engine, Expected((), 0.0, "0" * 64), DEADLINE) == []  # type: ignore[arg-type]
    missing = await_live(engine, Expected((), 0.0, "1" * 64), 0.1)  # type: ignore[arg-type]
    assert missing == ["Prometheus does not show the new configuration in /api/v1/rules (./stack logs prometheus)"]
    engine.states["prometheus"] = State.STARTING
    assert await_live(engine, Expected(("prometheus",), 0.0, ""), 0.1) == ["prometheus is starting"]  # type: ignore[arg-type]


def test_natively_a_changed_command_restarts_its_part_and_is_told(tmp_path: Path) -> None:
    old, new = (
        load_text(tmp_path, f"retention: {{metrics: {days}d}}\nprofiles: {more}\n")
        for days, more in ((30, "[]"), (7, "[blackbox]"))
    )
    engine = NativeEngine(Context(tmp_path, new))
    engine.folder.path.mkdir()
    files = contents(tmp_path, old, engine.placement())
    engine.tree.install(files)
    Plan("id", "", plans(tmp_path, old, engine.placement(), files)).write(engine.folder.plan)
    running = NativeRunning(tmp_path, new, engine)
    assert running.commands == [
        "prometheus runs with --storage.tsdb.retention.time=7d instead of --storage.tsdb.retention.time=30d"
    ]
    assert "prometheus" in running.concerned.restart
    assert "prometheus" not in running.concerned.reload
    assert running.concerned.start == ("blackbox-exporter",)
    assert NativeRunning(tmp_path, old, engine).concerned == Affected()
