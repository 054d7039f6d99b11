"""What a long test has before the drill begins, as blocks of Prometheus's storage."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from stackgen.drill.cases import Case
from stackgen.drill.expression import TAG
from stackgen.drill.series import line
from stackgen.engines.base import EngineError

STRIDE = 15.0  # seconds of the test's time between two samples, as live ones come: averages count samples
MOST = 20_000  # samples of one series
BEFORE = 0.3  # real seconds between the last sample and the beginning of the drill
WITHIN = 120  # seconds for promtool


def write(cases: Iterable[Case], began: float, promtool: Path, folder: Path) -> int:
    """Blocks below `folder`/data for all cases with a lead, before Prometheus runs; the number of samples in them.

    began: Unix time of the drill's beginning. Raises EngineError.
    """
    count = 0
    source = folder / "history.txt"
    with source.open("w") as file:
        for case in cases:
            for sample in samples(case, began):
                file.write(sample)
                count += 1
        file.write("# EOF\n")
    if not count:
        return 0
    command = [str(promtool), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(source), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False, cwd=folder)
    if done.returncode:
        raise EngineError(f"promtool cannot write the drill's history: {(done.stderr or done.stdout).strip()}")
    return count


def samples(case: Case, began: float) -> Iterator[str]:
    """Lines of OpenMetrics up to shortly before the beginning."""
    clock = case.clock(began)
    last = case.lead - BEFORE * clock.factor
    for one in case.series:
        stride = max(min(one.step, STRIDE), case.lead / MOST)
        labels = {**one.labels, TAG: case.tag}
        for number in range(int(max(last, 0.0) / stride) + 1 if case.lead else 0):
            moment = number * stride
            value = one.value(moment, stays=case.stays(one), smooth=case.smooth)
            if value is not None:
                yield line(one.name, labels, value, f"{clock.start + clock.real(moment):.3f}")
