"""What .venv lacks of a list of pinned packages, and what is said when it cannot be installed."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
from stackgen import packages
from support import ROOT


def test_pins_are_read_and_everything_else_is_left_out(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("# words\n./exporter\n\nflask==3.1.3\n")
    two.write_text("psycopg[binary]==3.3.9\nflask==3.1.3\nunpinned\n")
    assert packages.pinned(one, two) == ["flask==3.1.3", "psycopg[binary]==3.3.9"]


def test_the_examples_pin_what_they_import() -> None:
    names = [line.partition("==")[0] for line in packages.pinned(ROOT / "examples" / "requirements.txt")]
    assert names == ["fastapi", "python-fasthtml", "uvicorn"]


def test_what_is_absent_or_of_another_version_is_missing() -> None:
    here = importlib.metadata.version("flask")
    lines = [f"flask=={here}", "flask==0.0.1", "no-such-package-anywhere==1"]
    assert packages.missing(lines) == ["flask==0.0.1", "no-such-package-anywhere==1"]


def test_pip_s_last_word_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "constraints.txt").write_text("")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(packages.PackagesError, match=r"could not install no-such-package==1: .*no-such-package"):
        packages.install(tmp_path, ["no-such-package==1"])
