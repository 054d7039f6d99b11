"""`./stack` in this process, on a folder of sources and away from any Docker engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stackgen.cli.app import run

Run = Callable[..., tuple[int, str, str]]


def caller(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command: exit code, standard output, standard error."""
    monkeypatch.setenv("STACK_ROOT", str(root))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setattr("stackgen.cli.app.signal.signal", lambda *_: None)

    def call(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run(list(words))
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call
