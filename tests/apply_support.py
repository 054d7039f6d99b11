"""A real native stack for the tests of `apply`: edits of its sources, and which configuration it has as a whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml
from running import RunningStack
from stackgen.cli.readback import digests
from stackgen.engines.base import Context
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native import NativeEngine
from stackgen.engines.native_tree import contents
from stackgen.load import load
from stackgen.render import render
from stackgen.render.tree import INFO_RULES
from stackgen.write import ROOMS, difference
from support import ROOT
from waiting import until

KILLED = ROOT / "tests" / "killed_apply.py"


ALERT = "MemoryIsHigh"
RULES = f"""\
groups:
  - name: edited
    rules:
      - alert: {ALERT}
        expr: system_memory_usage_percent{{job="exporter"}} > ${{threshold.memory_warning}}
        for: 5m
        labels: {{severity: warning, subject: memory}}
        annotations: {{summary: memory, description: 'at {{{{ $value }}}} %'}}
        runbook: high-memory-usage
"""


HURRIED = {"loki/loki.yml", *INFO_RULES}  # the poll interval, and the digest over it


class AppliedStack(RunningStack):
    """A running stack whose sources are edited: every edit concerns Prometheus and Alertmanager, which reload."""

    edits = 0

    def simplify(self) -> None:
        """One alert instead of the catalogue; Loki's ruler, which every apply waits for, looks each second."""
        for path in (self.root / "rules").rglob("*.yml"):
            path.unlink()
        (self.root / "rules" / "edited.yml").write_text(RULES)
        path = self.root / "scripts" / "stackgen" / "render" / "loki.py"
        text = path.read_text()
        assert '"poll_interval": "5s"' in text
        path.write_text(text.replace('"poll_interval": "5s"', '"poll_interval": "1s"'))

    def edit(self) -> int:
        """A new threshold in the rules and a new wait in the routes; the number that stands for this edit."""
        type(self).edits += 1
        number = 10 + self.edits
        path = self.root / "stack.yml"
        text = re.sub(r"^  memory_warning: \d+", f"  memory_warning: {number}", path.read_text(), flags=re.MULTILINE)
        text = re.sub(r"\nintervals: .*", "", text) + f"intervals: {{group_wait: {number}s}}\n"
        path.write_text(text)
        return number

    def live(self) -> tuple[int, int]:
        """The numbers of the edits that Prometheus's rules and Alertmanager's routes show, 0 from one that is away."""
        try:
            groups = self.get("prometheus", "/api/v1/rules")["data"]["groups"]
            original = self.get("alertmanager", "/api/v2/status")["config"]["original"]
        except OSError:
            return 0, 0
        query = next(rule["query"] for group in groups for rule in group["rules"] if rule["name"] == ALERT)
        wait = str(yaml.safe_load(original)["route"]["group_wait"])
        return int(query.rpartition(">")[2]), int(wait.removesuffix("s")) if "m" not in wait else 60

    def files(self) -> dict[str, str]:
        """sha256 of every generated file, committed and live."""
        folders = [self.root / room for room in ROOMS] + [self.root / ".stack" / "config"]
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def shown(self) -> str:
        """The digest that stands in the live files; fails unless Prometheus and Loki show it too."""
        text = (self.root / ".stack" / "config" / "prometheus" / "rules" / "stack-config.yml").read_text()
        digest = re.search("[0-9a-f]{64}", text)
        assert digest is not None
        until(lambda: digests(self.url("prometheus")) == {digest[0]}, why="Prometheus shows the digest of its files")
        loki = lambda: digests(self.url("loki"), "/prometheus/api/v1/rules") == {digest[0]}  # noqa: E731
        until(loki, why="Loki's ruler shows the digest of its files")
        return digest[0]

    def is_whole(self) -> None:
        """Nothing of an apply lies about, and files and parts agree."""
        history = self.root / ".stack" / "history"
        assert [path.name for path in (history / "attempt.json", history / "reserve") if path.exists()] == []
        assert list(self.root.rglob(".*.stack-new")) == []
        for part in ("prometheus", "alertmanager"):
            metric = f"{part}_config_last_reload_successful"
            until(lambda: self.value(part, metric) == 1, why=f"{part} has read what lies there")  # noqa: B023
        self.shown()

    def is_current(self) -> None:
        """Generated and live files are what the sources say (but for what `simplify` has changed in the renderer)."""
        model = load(self.root)[0]
        assert {one.path for one in difference(self.root, render(model, COMPOSE))} <= HURRIED
        engine = NativeEngine(Context(self.root, model, self.environment))
        wanted, has = contents(self.root, model, engine.running_placement()), engine.tree.read()
        assert {path for path in {*wanted, *has} if wanted.get(path) != has.get(path)} <= HURRIED

    def value(self, part: str, metric: str) -> float:
        """One number of a part's own metrics, -1 while it does not answer."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url(part)}/metrics", timeout=30) as answer:
            found = re.search(rf"^{metric} (\S+)", answer.read().decode(), re.MULTILINE)
            return float(found[1]) if found else -1
        return -1

    def plan(self) -> str:
        """The id of the plan that the supervisor has taken over."""
        return str(json.loads((self.root / ".stack" / "state.json").read_text())["plan"])

    @contextlib.contextmanager
    def nobody_starts_anything(self) -> Iterator[None]:
        """The supervisor stands still: what ends meanwhile is started again afterwards."""
        supervisor = int(json.loads((self.root / ".stack" / "state.json").read_text())["pid"])
        os.kill(supervisor, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)

    def killed(self, step: str, *words: str) -> str:
        """An apply that is killed at a step (see killed_apply); what it had said."""
        python = str(self.root / ".venv" / "bin" / "python")
        paths = f"{self.root}/scripts:{self.root}/exporter"
        process = self.popen([python, str(KILLED), step, *words], STACK_ROOT=str(self.root), PYTHONPATH=paths)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == -9, f"{step}: it ended with {process.returncode}:\n{said}"
        return said


def fill(filler: Path, free: int) -> None:
    """Takes the space of the disk on which `filler` lies, but for about so many bytes."""
    with filler.open("wb") as file:
        while (size := shutil.disk_usage(filler.parent).free - free) > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                return
            except OSError:  # others have written meanwhile
                time.sleep(0.05)
