"""Faults of a stack in containers that pass beside other tests: minutes of waiting that need no processor."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from compose_support import ComposeStack
from faults import Fault, check_part_faults, check_watchdog
from waiting import until


@dataclass(frozen=True)
class Outage:
    """A stack of its own whose parts stop and come again. lines: the times; ended: when all of it was as it must be,
    or what was not.
    """

    stack: ComposeStack
    lines: list[str] = field(default_factory=list)
    ended: Future[None] = field(default_factory=Future)

    def begin(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._happen()
            self.stack.close()
        except BaseException as error:  # for the test that asks
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)

    def _happen(self) -> None:
        self.stack.up("--wait")
        until(self.stack.all_up, 120, "every target is up")
        faults = {part: Fault(*self._stop_and_start(part)) for part in ("exporter", "node-exporter")}
        silence = partial(check_watchdog, self.stack, *self._stop_and_start("prometheus"), say=self.lines.append)
        check_part_faults(self.stack, faults, hangs=False, meanwhile=silence, say=self.lines.append)

    def _stop_and_start(self, part: str) -> tuple[partial[None], partial[None]]:
        container = self.stack.client.containers.get(self.stack.containers()[part]["Id"])
        return partial(container.stop, timeout=10), partial(container.start)
