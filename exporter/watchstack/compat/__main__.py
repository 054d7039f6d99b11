"""The command `python -m watchstack.compat PRESET DIR`."""

from __future__ import annotations

import sys
from pathlib import Path

from watchstack.catalogue import Preset
from watchstack.compat.write import Foreign, write

_USAGE = f"usage: python -m watchstack.compat PRESET DIR\nPRESET is one of {', '.join(Preset)}"


def main(arguments: list[str]) -> int:
    """0: the files are there, 1: others are in the way, 2: usage, 4: they cannot be written."""
    if len(arguments) != 2 or arguments[0] not in list(Preset):
        print(_USAGE, file=sys.stderr)
        return 2
    try:
        for path, state in write(arguments[0], Path(arguments[1])).items():
            print(f"{state:9} {path}")
    except Foreign as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
