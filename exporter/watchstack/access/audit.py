"""The audit (M-11): the logger `watchstack.audit` has a line for each use of an admin route and each refusal.

Who by role, what, when, from where; never a token or a cookie. Uses are INFO, refusals WARNING. Where the lines go is
the application's logging.
"""

from __future__ import annotations

import json
import logging

from watchstack.clocks import Clocks
from watchstack.endpoints import Request
from watchstack.health.answers import timestamp

_log = logging.getLogger("watchstack.audit")
_LONGEST = 200  # characters of a path or an address
_REFUSED = 400  # status from which on a use is a refusal or has failed


def note(clocks: Clocks, request: Request, who: str, status: int, why: str = "") -> None:
    """who: role and how it was shown, or nobody."""
    line = (
        f"at={timestamp(clocks.wall())} who={quoted(who)} what={quoted(f'{request.method} {request.path}')} "
        f"status={status} from={quoted(request.client)}"
    )
    _log.log(
        logging.WARNING if status >= _REFUSED else logging.INFO, "%s", f"{line} why={quoted(why)}" if why else line
    )


def quoted(text: str) -> str:
    """In quotes, in visible ASCII: whatever a request says, it can neither end a line nor begin another."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return json.dumps(cut)
