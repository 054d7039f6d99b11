"""The library with the lowest versions that exporter/pyproject.toml allows: its unit tests, in a venv of its own.

Applications have versions of Flask, prometheus_client and drivers that they cannot leave for a monitoring library.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from support import ROOT, unavailable

OF_THEIR_TIME = {"Werkzeug": "3.0.6"}  # what the lowest needs and does not bound itself: Flask 2.3 and Werkzeug 3.1
DEADLINE = 600  # seconds


def floors() -> dict[str, str]:
    """The lowest version of each, by name, and those of what comes with it."""
    project = tomllib.loads((ROOT / "exporter" / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    found = {}
    for one in asked:
        if match := re.fullmatch(r"(?P<name>[\w-]+)(\[\w+\])?>=(?P<lowest>[\w.]+),<[\w.]+", one):
            found[match["name"]] = match["lowest"]
    if "psycopg" in found:
        found["psycopg-binary"] = found["psycopg"]
    return found | OF_THEIR_TIME


def constraints() -> str:
    """constraints.txt with the floors instead of the pins."""
    lowest = {name.lower(): f"{name}=={version}" for name, version in floors().items()}
    held = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return "\n".join(lowest.pop(line.partition("==")[0].lower(), line) for line in held) + "\n"


def run(*command: str, cwd: Path = ROOT, **more: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | more, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    if done.returncode and "(from versions: none)" in done.stdout + done.stderr:
        unavailable("the package index is not reached")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


# F-47
def test_the_library_works_with_the_lowest_versions_that_it_allows(tmp_path: Path) -> None:
    held = tmp_path / "constraints.txt"
    held.write_text(constraints())
    run(sys.executable, "-P", "-m", "venv", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["test"]
    tests = [
        one for one in extra if re.match("fastapi|httpx|jsonschema|openapi|pytest|python-fasthtml|hypothesis", one)
    ]
    named = [re.split("[=<>]", one)[0] for one in tests]
    source = shutil.copytree(ROOT / "exporter", tmp_path / "exporter")  # pip builds where the source is
    library = f"{source}[all,http,mongodb,openai,postgres,redis,sqlalchemy]"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "-c", str(held))
    run(*pip, library, *named, "pyyaml", "promql-parser")
    there = dict(
        line.split("==") for line in run(python, "-m", "pip", "list", "--format=freeze").splitlines() if "==" in line
    )
    present = {name.lower().replace("-", "_"): version for name, version in there.items()}
    wanted = {name.lower().replace("-", "_"): version for name, version in floors().items()}
    assert {name: present.get(name) for name in wanted} == wanted
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / "unit").glob("test_library_*.py"))
    assert len(files) > 30
    pytest = (python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "2", f"--basetemp={tmp_path}/t")
    told = run(*pytest, "-W", "ignore", *files, PYTHONDONTWRITEBYTECODE="1", STACK_TEST_COUNTS="")
    match = re.search(r"^(\d+) passed", told, re.MULTILINE)
    assert match, told[-2000:]
    print(f"\nlowest versions: {match.group()}; {', '.join(f'{name} {version}' for name, version in wanted.items())}")
    assert int(match[1]) > 900
    assert "skipped" not in told.splitlines()[-1]
