"""The process that finds the parts' programs for the supervisor: `python -m stackgen.engines.native_fetch KIND PART…`.

KIND `floor` tells of each part the program to run now; KIND `pin` builds what the cache lacks, one part after the
other. It tells JSON lines on standard output. How a program is fetched or built lives in `stackgen.parts`.
"""

from __future__ import annotations

import json
import signal
import sys
from types import FrameType

from stackgen.parts.errors import PartError
from stackgen.parts.progress import Event, Stage, Throttle
from stackgen.parts.resolve import Program, build, cached, resolve
from stackgen.parts.table import PARTS

ORIGINS = {"cache": "built at the pinned version", "path": "from the PATH", "debian": "from the distribution's package"}


def _tell(part: str, **fields: object) -> None:
    print(json.dumps({"part": part, **fields}), flush=True)


def _progress(event: Event) -> None:
    if event.stage not in (Stage.DONE, Stage.FAILED):
        _tell(event.part, progress=str(event).partition(": ")[2])


def _found(program: Program, *, swap: bool) -> None:
    _tell(
        program.part,
        path=str(program.server),
        version=program.version,
        origin=ORIGINS[program.origin],
        swap=swap,
    )


def _failed(error: PartError) -> None:
    _tell(error.part, error=error.message, hint=error.hint + (f" (log: {error.log})" if error.log else ""))


def floor(names: list[str]) -> None:
    """Tells the program to run now of each part, or that its build is queued."""
    for name in names:
        part = PARTS[name]
        if part.debian and cached(part) is None:
            _tell(name, progress="looking for a program in the PATH and the distribution's packages")
        try:
            _found(resolve(part, accept="floor"), swap=True)
        except PartError as error:
            print(error, file=sys.stderr, flush=True)
            if part.build is None:
                _failed(error)
            else:
                _tell(name, progress="its build is queued")


def pin(names: list[str]) -> None:
    """Builds what the cache lacks, in the order given; a part that fails does not stop the others."""
    for name in names:
        if PARTS[name].build is None or cached(PARTS[name]) is not None:
            continue
        try:
            _found(build(PARTS[name], Throttle(_progress)), swap=False)
        except PartError as error:
            print(error, file=sys.stderr, flush=True)
            _failed(error)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)


def main() -> None:
    signal.signal(signal.SIGTERM, _end)  # an exception, so that a build that runs ends its own processes
    kind, *names = sys.argv[1:]
    if kind == "floor":
        floor(names)
    else:
        pin(names)


if __name__ == "__main__":
    main()
