"""The examples as processes: started with their environment, driven, asked as their documents do, scraped for real.

Real back ends live in services_kit.py; the fixtures that are shared by the files of tests/examples in its conftest.py.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from services_kit import ended, linger
from support import ROOT, answers, choose_ports, unavailable
from waiting import DEADLINE, until
from watchstack.catalogue import Kind
from watchstack.catalogue_data import CATALOGUE

EXAMPLES = ROOT / "examples"
# A busy, slow or full machine may not make a check degraded, nor a proxy of the machine stand before loopback.
QUIET = {
    **dict.fromkeys(("CPU_USAGE_THRESHOLD_PERCENT", "CPU_USAGE_CRITICAL_PERCENT"), "100"),
    **dict.fromkeys(("MEMORY_USAGE_WARNING_PERCENT", "MEMORY_USAGE_THRESHOLD_PERCENT"), "100"),
    **dict.fromkeys(("DISK_USAGE_THRESHOLD_PERCENT", "DISK_USAGE_CRITICAL_PERCENT"), "100"),
    **dict.fromkeys(("DB_CONNECTION_TIMEOUT_THRESHOLD_MS", "DB_QUERY_SLOW_THRESHOLD_MS"), "30000"),
    **dict.fromkeys(("REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS", "EXTERNAL_API_TIMEOUT_THRESHOLD_MS"), "30000"),
    **{"HEALTH_CPU_PER_CORE": "true", "ERROR_RATE_THRESHOLD_PERCENT": "100", "NO_PROXY": "*", "no_proxy": "*"},
}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. headers: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Example:
    """One example's process on a free port. name: its folder; command: behind the interpreter, as its document has it.

    port: that of its document. environ: over QUIET and a bare environment. cwd: by default the example's folder.
    """

    def __init__(self, name: str, *command: str, port: int, folder: Path, **environ: str) -> None:
        self.name, self.command, self.documented = name, command, port
        self.folder = EXAMPLES / name
        self.port = choose_ports(1)[0]
        self.log = folder / f"{name}.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
        self.environ = {
            **kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", **QUIET, "PORT": str(self.port), **environ,
        }  # fmt: skip

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, ready: str, **environ: str) -> None:
        """Starts it and returns when `ready`, a path, is answered with any code. environ: for this time alone."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=self.folder, env={**self.environ, **environ},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            until(lambda: self.process.poll() is not None or self._answers(ready), why=lambda: self.said)
            assert self.process.poll() is None, self.said
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends it as a service manager would, and fails when it does not go."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{self.name} did not end on SIGTERM:\n{self.said}") from None

    @property
    def said(self) -> str:
        """Its output so far."""
        return self.log.read_text(errors="replace")

    def ask(
        self, path: str, method: str = "GET", body: Any = None, *, form: Mapping[str, str] | None = None, **headers: str
    ) -> Reply:
        """One request. body: sent as JSON; form: as a form. headers: `accept="text/plain"`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data: bytes | None = None
        if form is not None:
            data, sent = urllib.parse.urlencode(form).encode(), {**sent, "content-type": _FORM}
        elif body is not None:
            data, sent = json.dumps(body).encode(), {**sent, "content-type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, headers, answer.read())
        finally:
            connection.close()

    def drive(self, rounds: int = 2) -> str:
        """Its load script, as its README has it; fails when an answer has another status than is due."""
        return self.shell(f"python ../load.py {self.name} --url {self.url} --rounds {rounds}")

    def shell(self, command: str, **environ: str) -> str:
        """A command as a document has it, in the example's folder, with this port in place of the document's.

        Fails when it exits with anything but 0.
        """
        for tool in ("curl", "jq"):
            if tool in command.split() and shutil.which(tool) is None:
                unavailable(f"{tool} is not installed")
        changed = re.sub(rf"\b(localhost|127\.0\.0\.1):{self.documented}\b", f"127.0.0.1:{self.port}", command)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", changed], cwd=self.folder, env={**self.environ, **environ},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3 * DEADLINE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{changed}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.said}"
        return done.stdout

    def python(self, code: str, **environ: str) -> str:
        """Runs a document's lines beside the application, with its packages and its environment."""
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env={**self.environ, **environ},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=3 * DEADLINE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def samples(self, path: str) -> dict[str, float]:
        """`name{a="b"}` -> value, labels sorted, of the metrics at `path`."""
        from prometheus_client.parser import text_string_to_metric_families

        text = self.ask(path, accept="text/plain").text
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{key}="{value}"' for key, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found

    def _answers(self, path: str) -> bool:
        try:
            self.ask(path)
        except OSError:
            return False
        return True


_FORM = "application/x-www-form-urlencoded"


def described(example: Example, **headers: str) -> dict[str, int]:
    """Gets every path of the example's own description; its code by path.

    Fails for an answer with a code, a content type or a body that the description does not have.
    """
    told = example.ask("/monitoring/openapi.json").json()
    codes = {}
    for path, methods in told["paths"].items():
        if "get" not in methods or "{" in path:
            continue
        answer = example.ask(path, accept="application/json", **headers)
        content = methods["get"]["responses"][str(answer.status)]["content"]
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in content, f"{path}: {kind}"
        if kind == "application/json":
            schema = {**content[kind]["schema"], "components": told["components"]}
            Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.json())
        codes[path] = answer.status
    return codes


@contextlib.contextmanager
def running(example: Example, ready: str) -> Iterator[Example]:
    """The example, started now and ended behind the block."""
    example.start(ready)
    try:
        yield example
    finally:
        example.stop()


@dataclass
class Prometheus:
    """A real Prometheus that scrapes one example. It needs five seconds to find its target; the first query waits.

    What it is asked for is the last sample of each series: a scrape that fails, as on a busy machine, ends them all.
    """

    port: int
    job: str
    found: bool = False

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples that an instant query gives, once the example has been scraped."""
        if not self.found:
            until(lambda: self._query(f'up{{job="{self.job}"}} == 1'))
            self.found = True
        return self._query(expr)

    def _query(self, expr: str) -> list[dict[str, Any]]:
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expr})
        with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return list(found["data"]["result"])

    def labels(self, name: str) -> set[frozenset[str]]:
        """The label names of each series of a metric, without those of the scrape."""
        own = {"__name__", "job", "instance", "le"}
        return {frozenset(one["metric"].keys() - own) for one in self.query(asked(name))}

    def answer_to(self, names: Collection[str]) -> None:
        """Waits until it has a sample of each of the metrics."""
        until(lambda: not self.silent(names), why=lambda: f"samples of {self.silent(names)}")

    def silent(self, names: Collection[str]) -> list[str]:
        """Those of the metrics that it has no sample of."""
        return [name for name in names if not self.query(asked(name))]


def asked(name: str) -> str:
    """The question for a metric of the catalogue: the last samples of its series, a histogram's being its count's."""
    definition = CATALOGUE.get(name)
    series = f"{name}_count" if definition is not None and definition.kind is Kind.HISTOGRAM else name
    return f"last_over_time({series}[1h])"


@contextlib.contextmanager
def scraping(program: Path, config: Path, job: str, target: int, folder: Path) -> Iterator[Prometheus]:
    """A Prometheus with one job of a document's file.

    target: the port of the example, in place of the document's; the job is scraped every second.
    """
    jobs = {one["job_name"]: one for one in yaml.safe_load(config.read_text())["scrape_configs"]}
    own = {
        **jobs[job], "scrape_interval": "1s", "scrape_timeout": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }  # fmt: skip
    written = folder / "prometheus.yml"
    written.write_text(yaml.safe_dump({"scrape_configs": [own]}))
    one = Prometheus(choose_ports(1)[0], job)
    address = f"127.0.0.1:{one.port}"
    command = [
        *(str(program), f"--config.file={written}", f"--storage.tsdb.path={folder / 'data'}"),
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or answers(f"http://{address}/-/ready"))
        assert process.poll() is None, (folder / "prometheus.log").read_text()
        yield one
    finally:
        process.terminate()
        ended(process)


@dataclass
class Recorder:
    """An HTTP server in place of what cannot be had: records each request, and answers what `give` says of its path."""

    give: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    seconds: float = 0.0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def recording(**give: tuple[int, bytes]) -> Iterator[Recorder]:
    """A Recorder that runs. give: code and body by path, `/` for every other, which is 200 and empty otherwise."""
    told = Recorder({"/" + path: answer for path, answer in give.items()})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.seen.append((self.command, self.path, headers, body))
            linger(told)
            code, content = told.give.get(self.path, told.give.get("/", (200, b"{}")))
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a connection that a client keeps open has one
    told.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        told.seconds = 0.0
        server.shutdown()
        thread.join()
        server.server_close()
