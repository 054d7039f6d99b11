"""The packages that the examples import from are those that `python -m watchstack.compat` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples_kit import EXAMPLES
from watchstack.catalogue import Preset
from watchstack.compat import FILES, write

PRESETS = [preset for preset in Preset if (EXAMPLES / preset).is_dir()]


@pytest.mark.parametrize("preset", PRESETS)
def test_the_packages_are_as_written(preset: Preset, tmp_path: Path) -> None:
    write(preset, tmp_path)
    for path in FILES[preset]:
        committed = EXAMPLES / preset / path
        if committed.name == "__init__.py" and not committed.read_text().startswith("# written by"):
            continue  # a package that the application has itself
        command = f"python -m watchstack.compat {preset} examples/{preset}"
        assert committed.read_text() == (tmp_path / path).read_text(), f"{path} is out of date: {command}"
