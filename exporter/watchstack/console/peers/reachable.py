"""Whether the other parts of the stack answer, asked in the background. Nothing waits for it."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from watchstack.console.config import PEERS, Config
from watchstack.console.peers.fetch import fetch

TIMEOUT = 3.0  # seconds
PAUSE = 1.0  # seconds before a part is asked again


@dataclass(frozen=True)
class Answer:
    """up: None before the first question. detail: why not, in words. seconds: how long the answer took."""

    name: str
    up: bool | None
    detail: str = ""
    seconds: float = 0.0


class Peers:
    """The last answers, by name of `config.PEERS`."""

    def __init__(self, config: Callable[[], Config], timeout: float = TIMEOUT) -> None:
        self._config = config
        self._timeout = timeout
        self._answers: dict[str, Answer] = {}

    def answers(self) -> list[Answer]:
        """In the order of PEERS, only those the stack has."""
        known = self._answers
        return [known.get(name, Answer(name, None, "not asked yet")) for name in self._config().peers]

    def ask(self) -> None:
        """Asks all at once; takes at most a little over twice the timeout."""
        peers = self._config().peers
        if not peers:
            return
        with ThreadPoolExecutor(max_workers=len(PEERS), thread_name_prefix="peer") as pool:
            answers = pool.map(lambda peer: self._ask(*peer), peers.items())
            self._answers = {answer.name: answer for answer in answers}

    def _ask(self, name: str, url: str) -> Answer:
        """A part that answered last time is asked twice: Loki says 503 for a moment while its querier comes back."""
        answer, before = self._once(name, url), self._answers.get(name)
        if not answer.up and before and before.up:
            time.sleep(PAUSE)
            answer = self._once(name, url)
        return answer

    def _once(self, name: str, url: str) -> Answer:
        start = time.monotonic()
        try:
            fetch(url + PEERS[name], self._timeout, 65536)
            return Answer(name, True, "answers", time.monotonic() - start)
        except urllib.error.HTTPError as error:
            error.close()
            return Answer(name, False, f"not ready: answered {error.code}")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            return Answer(name, False, f"not reached: {getattr(reason, 'strerror', None) or reason}")
        except Exception as error:  # http.client's own errors over a broken peer
            return Answer(name, False, f"no valid answer: {type(error).__name__}")
