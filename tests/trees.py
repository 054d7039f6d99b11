"""The sources and placements that rendering is tested with: the shipped stack and a rich one, Compose and native."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.native_placement import placement
from stackgen.load import load
from stackgen.model import Model
from stackgen.placement import Placement
from stackgen.render import render
from support import ROOT

RICH = ROOT / "tests" / "golden" / "rich"
NATIVE_ROOT = Path("/srv/watchstack")
SOURCES: Mapping[str, Path] = {"shipped": ROOT, "rich": RICH}
PLACEMENTS: Mapping[str, Placement] = {"compose": COMPOSE, "native": placement(NATIVE_ROOT)}
TREES = [(sources, placed) for sources in SOURCES for placed in PLACEMENTS]
GOLDEN = {  # folder below tests/golden; the committed tree is the fourth
    "shipped-native": ("shipped", "native"),
    "rich-compose": ("rich", "compose"),
    "rich-native": ("rich", "native"),
}


@cache
def model(sources: str) -> Model:
    return load(SOURCES[sources])[0]


@cache
def tree(sources: str, placed: str) -> dict[str, bytes]:
    return render(model(sources), PLACEMENTS[placed])


def load_text(folder: Path, stack: str = "environment: test\n", **rules: str) -> Model:
    """The model of sources written down in a test: stack.yml, and rules/NAME.yml for every other argument."""
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    (folder / "stack.yml").write_text(stack)
    for name, text in rules.items():
        (folder / "rules" / f"{name}.yml").write_text(text)
    return load(folder)[0]


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Writes a rendered tree below a folder, as it is."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
