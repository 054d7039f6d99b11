"""Generated files through promtool and amtool before anything is replaced. Nothing is downloaded for that."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from stackgen.cli.refused import refusals
from stackgen.diagnostic import Diagnostic, SourceError
from stackgen.engines.base import EngineError
from stackgen.model import Model
from stackgen.parts.errors import PartError
from stackgen.parts.resolve import Program, cached, from_path, resolve
from stackgen.parts.table import PARTS

WITHIN = 60  # seconds for one run of a tool


def verify(files: Mapping[str, bytes], *, fetched: bool, model: Model | None = None) -> list[str]:
    """Runs the tools that are here over a rendered tree; the names of those that ran.

    fetched: a distribution's package may serve (it is here already when the native stack runs). Raises SourceError
    where promtool refuses rules of the model, EngineError with whatever else a tool says against the files.
    """
    ran = []
    with tempfile.TemporaryDirectory(prefix="stack-check-") as name:
        tree = Path(name)
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(_with_tokens(content, tree) if path == "prometheus/prometheus.yml" else content)
        if (promtool := _tool("prometheus", "promtool", fetched)) is not None:
            command = [str(promtool), "check", "config", str(tree / "prometheus" / "prometheus.yml")]
            _run(command, tree, lambda said: refusals(said, files, model) if model else [])
            ran.append("promtool")
        if (amtool := _tool("alertmanager", "amtool", fetched)) is not None:
            _run([str(amtool), "check-config", str(tree / "alertmanager" / "alertmanager.yml")], tree)
            ran.append("amtool")
    return ran


def _with_tokens(content: bytes, tree: Path) -> bytes:
    """The configuration with a file that exists in the place of every token: promtool looks, and the real ones lie in a
    container, or are not there yet, which is a finding of its own."""
    token = tree / "token"
    token.touch()
    return re.sub(rb"(?m)^( *credentials_file: ).+$", lambda found: found[1] + os.fsencode(token), content)


def _tool(part: str, name: str, fetched: bool) -> Path | None:
    row = PARTS[part]
    found: Program | None = cached(row) or from_path(row, row.floor)
    if found is None and fetched:
        try:
            found = resolve(row, accept="floor")
        except PartError:
            return None
    return found.programs.get(name) if found else None


def _run(command: list[str], tree: Path, refused: Callable[[str], list[Diagnostic]] = lambda _: []) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False, cwd=tree)
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"{Path(command[0]).name} cannot be run: {error}", "./stack up finds or builds it") from error
    if done.returncode != 0:
        said = "\n".join(line for line in (done.stdout + done.stderr).replace(f"{tree}/", "").splitlines() if line)
        if findings := refused(said):
            raise SourceError(findings)
        raise EngineError(
            f"{Path(command[0]).name} refuses the generated files; nothing was changed:\n{said}",
            "correct what it names in stack.yml, rules/ or alertmanager/templates/",
        )
