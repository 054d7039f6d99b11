"""Every query of every dashboard, asked of the running stack: which give data, which are empty, which fail."""

from stackgen.live.ask import Asker, Direct, ThroughGrafana
from stackgen.live.boards import Board, boards, read
from stackgen.live.outcome import Outcome, Result, Verdict
from stackgen.live.run import examine

__all__ = [
    "Asker",
    "Board",
    "Direct",
    "Outcome",
    "Result",
    "ThroughGrafana",
    "Verdict",
    "boards",
    "examine",
    "read",
]
