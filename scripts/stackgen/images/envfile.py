"""`.stack/images.env`: which image stands in for which, as variables that Compose and the docker engine read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NAME = "images.env"
FIRST = "# Stand-ins built by ./stack images. By hand: docker compose --env-file .stack/images.env up -d\n"


def read(state: Path) -> dict[str, str]:
    """Variable to image; empty when no stand-ins were built. state: the folder `.stack`."""
    try:
        lines = (state / NAME).read_text("utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, equals, value in pairs if equals and value}


def write(state: Path, images: Mapping[str, str]) -> Path:
    """Replaces the file in one step. Raises OSError."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / NAME
    temporary = path.with_name(f".{NAME}.new")
    temporary.write_text(FIRST + "".join(f"{name}={image}\n" for name, image in sorted(images.items())), "utf-8")
    temporary.replace(path)
    return path
