"""The throw-away Prometheus and Alertmanager: how they are configured, started, asked and ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackgen.drill.cases import Case
from stackgen.drill.clock import LOOKBACK, Clock
from stackgen.drill.expression import TAG
from stackgen.drill.rendered import load
from stackgen.engines.base import EngineError
from stackgen.engines.native_process import die_with
from stackgen.parts.resolve import resolve
from stackgen.parts.table import PARTS
from stackgen.render.common import duration

READY_WITHIN = 60.0  # seconds
GRACE = 5.0  # seconds between TERM and KILL
ATTEMPTS = 3  # a port chosen free may be taken before the program has it
LAG = 2.0  # seconds that rules look back: by then even a busy machine has scraped every value
FETCH = 1.0  # seconds between two requests of the page, and for the answer to each
RESEND = "5s"  # how often Prometheus repeats an alert to Alertmanager: four times that keeps one alive
PASSED_ON = ("PATH", "HOME", "TMPDIR", "TZ", "LANG")


@dataclass(frozen=True)
class Programs:
    """Paths of the programs that the drill runs."""

    prometheus: Path
    promtool: Path
    alertmanager: Path

    @classmethod
    def find(cls) -> Programs:
        """What the native stack would run. Raises PartError."""
        found = resolve(PARTS["prometheus"])
        return cls(found.server, found.programs["promtool"], resolve(PARTS["alertmanager"]).server)


@dataclass(frozen=True)
class Pace:
    """scrape, evaluation: real seconds between two of them. fetch: between two requests of the page, which gives the
    values of all scrapes in between.
    """

    scrape: float
    evaluation: float
    fetch: float = FETCH

    @property
    def late(self) -> float:
        """Real seconds by which the rules see a change of the page late."""
        return self.fetch + LAG


def prometheus_config(
    rendered: Mapping[str, bytes], cases: Iterable[Case], pace: Pace, web: str, alertmanager: str
) -> dict[str, Any]:
    """Scrapes all series from one page and each `up` from a target of its own; external labels are the rendered ones.

    web: address of the drill's server.
    """
    told = load(rendered["prometheus/prometheus.yml"]).get("global") or {}
    targets = [
        {
            "targets": [web],
            "labels": {**one.labels, TAG: case.tag, "__metrics_path__": target_path(case, number)},
        }
        for case in cases
        for number, one in enumerate(case.targets)
    ]
    return {
        "global": {
            "scrape_interval": duration(pace.scrape),
            "scrape_timeout": duration(pace.scrape),
            "evaluation_interval": duration(pace.evaluation),
            "rule_query_offset": duration(LAG),
            "external_labels": told.get("external_labels") or {},
        },
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [
            {
                "job_name": "drill",
                "honor_labels": True,
                "scrape_interval": duration(pace.fetch),
                "scrape_timeout": duration(pace.fetch),
                "metrics_path": "/series",
                "static_configs": [{"targets": [web]}],
            },
            {"job_name": "drill-targets", "static_configs": targets},
        ],
    }


def target_path(case: Case, number: int) -> str:
    """Where a target of a case is asked for its metrics."""
    return f"/target/{case.tag}/{number}"


class Program:
    """One running program in a folder of its own; what it says is in `log`. address: chosen free."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.log = folder / f"{name}.log"
        self.address = free_address()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str | Path]) -> None:
        """From the main thread, before there are others. The program ends when this process does."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ},
                start_new_session=True,
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 - this process has one thread yet
            )

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ready(self) -> None:
        """Waits until it can do its work. Raises EngineError."""
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if not self.alive or time.monotonic() > until:
                    raise EngineError(f"{self.name} of the drill does not start:\n{self.said()}") from None
            time.sleep(0.05)

    def reload(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """TERM, and KILL after a while."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def said(self, lines: int = 8) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def get(self, path: str) -> Any:
        """`data` of an answer of its API. Raises EngineError when it has ended."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError as error:
            if self.alive:
                raise
            raise EngineError(f"{self.name} of the drill has ended:\n{self.said()}") from error


def prometheus_command(program: Path, one: Program) -> list[str | Path]:
    return [
        program,
        f"--config.file={one.folder}/prometheus.yml",
        f"--storage.tsdb.path={one.folder}/data",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={one.address}",
        f"--query.lookback-delta={duration(Clock().real(LOOKBACK))}",
        f"--rules.alert.resend-delay={RESEND}",
        "--log.level=warn",
    ]


def alertmanager_command(program: Path, one: Program, outside: str) -> list[str | Path]:
    """outside: the address that messages name."""
    return [
        program,
        f"--config.file={one.folder}/alertmanager.yml",
        f"--storage.path={one.folder}/data",
        f"--web.listen-address={one.address}",
        f"--web.external-url={outside}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"
