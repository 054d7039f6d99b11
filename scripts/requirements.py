"""Prints what pyproject.toml and exporter/pyproject.toml pin, a requirement a line, for pip: `requirements.py [EXTRA]`.

The packages of this repository run from the checkout (PYTHONPATH), so only what they need is installed.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def requirements(extra: str | None) -> list[str]:
    """The generator's and the library's requirements with all of the library's extras; `extra` of the generator too."""
    generator = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    library = tomllib.loads((ROOT / "exporter" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*generator["dependencies"], *library["dependencies"], *library["optional-dependencies"]["all"]]
    if extra:
        wanted += generator["optional-dependencies"][extra]
    return sorted({name for name in wanted if name != library["name"]})


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1] if len(sys.argv) > 1 else None)))
