"""`./stack` itself: from where it may be called, and what it does about a .venv that is of no use any more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

# A Python that makes a .venv of itself, finds everything installed, and tells what it was handed.
PYTHON = """#!/bin/sh
case "$*" in
  '-P -m venv '*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  *get_path*) dirname -- "$0" ;;
  '-P -m stackgen'*) echo "$STACK_ROOT: $*" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the launcher reads of a checkout, in a folder whose name has a blank."""
    root = tmp_path / "a checkout"
    (root / "exporter").mkdir(parents=True)
    for name in ("stack", "pyproject.toml", "exporter/pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / name, root / name)
    return root


def call(checkout: Path, command: Path, *words: str) -> subprocess.CompletedProcess[str]:
    python = checkout.parent / "python"
    python.write_text(PYTHON, "utf-8")
    python.chmod(0o755)
    environment = {**os.environ, "PYTHON": str(python)}
    return subprocess.run([str(command), *words], env=environment, capture_output=True, text=True, check=False)


def test_it_may_be_called_through_links(checkout: Path, tmp_path: Path) -> None:
    """A link in ~/bin, also one that leads to another: the checkout is where the file itself lies."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "stack").symlink_to("../a checkout/stack")
    (tmp_path / "bin" / "s").symlink_to(tmp_path / "bin" / "stack")
    for command in (checkout / "stack", tmp_path / "bin" / "stack", tmp_path / "bin" / "s"):
        done = call(checkout, command, "status", "two words")
        assert (done.returncode, done.stdout) == (0, f"{checkout}: -P -m stackgen status two words\n"), done.stderr
    assert sorted(path.name for path in (tmp_path / "bin").iterdir()) == ["s", "stack"]


def test_a_venv_whose_python_is_gone_is_made_anew(checkout: Path) -> None:
    """The Python that it links to was removed or replaced by a newer one: it is not believed for its stamp."""
    assert call(checkout, checkout / "stack", "check").returncode == 0
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    done = call(checkout, checkout / "stack", "check")
    assert (done.returncode, done.stdout) == (0, f"{checkout}: -P -m stackgen check\n"), done.stderr
    assert "preparing .venv" in done.stderr


def test_two_at_once_make_one_venv(checkout: Path, tmp_path: Path) -> None:
    """The second would take away what the first is making."""
    slow = f'*LOCK_EX*) exec {sys.executable} "$@" ;;\n  \'-P -m venv \'*) echo >> "$0.made" && sleep 1 && mkdir'
    python = tmp_path / "slow"
    python.write_text(PYTHON.replace("'-P -m venv '*) mkdir", slow), "utf-8")
    python.chmod(0o755)
    environment = {**os.environ, "PYTHON": str(python)}
    both = [subprocess.Popen([checkout / "stack", "status"], env=environment, stdout=-1, text=True) for _ in range(2)]
    assert [one.communicate()[0] for one in both] == [f"{checkout}: -P -m stackgen status\n"] * 2
    assert (tmp_path / "slow.made").read_text() == "\n"


def test_it_takes_nothing_from_the_folder_of_the_caller(tmp_path: Path) -> None:
    """A folder with modules of its own, the library's among them, which has an `http`."""
    (tmp_path / "click.py").write_text("raise SystemExit('not the one that is meant')\n", "utf-8")
    for folder in (tmp_path, ROOT / "exporter" / "watchstack"):
        done = subprocess.run(
            [ROOT / "stack", "check", "--help"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_venv_of_another_python_is_told(tmp_path: Path) -> None:
    """Its packages are not found by the Python that now stands in the place of the old one."""
    environment = {"PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'exporter'}", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-S", "-m", "stackgen", "status"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "stack: .venv lacks the package click: remove .venv, and ./stack makes it anew\n"
