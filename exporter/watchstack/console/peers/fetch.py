"""One HTTP question to another part of the stack: nowhere else, not for long, not too much.

A redirect is not followed, so that no part can send the console elsewhere; no proxy is asked, as Docker hands those of
its user to every container; nothing but HTTP is spoken. Calls to the world outside: `notify/`.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from typing import Any

PIECE = 64 * 1024
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _opener() -> urllib.request.OpenerDirector:
    """Without the handlers of redirects, proxies, files, FTP and data that urllib's own opener has."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


_OPENER = _opener()


def fetch(request: urllib.request.Request | str, timeout: float, largest: int) -> bytes:
    """The body of a 2xx answer, cut at `largest` bytes. timeout: seconds for each wait and for the whole body.

    Raises OSError (HTTPError among it, for every other status), http.client.HTTPException, ValueError.
    """
    with _OPENER.open(request, timeout=timeout) as answer:
        return body(answer, timeout, largest)


def body(answer: Any, timeout: float, largest: int) -> bytes:
    """What an open answer holds, cut at `largest` bytes. Raises as `fetch`; TimeoutError for one that only drips."""
    end = time.monotonic() + timeout
    pieces, room = [], largest
    while room > 0 and (piece := answer.read1(min(PIECE, room))):
        pieces.append(piece)
        room -= len(piece)
        if time.monotonic() > end:
            raise TimeoutError("timed out")
    return b"".join(pieces)


def parsed(content: bytes) -> Any:
    """JSON of another part, None for nothing. Raises ValueError for what is none, also for `NaN` and for endless depth.

    Half of a surrogate pair, which no page can hold, becomes a question mark.
    """
    if not content.strip():
        return None
    try:
        found = json.loads(content, parse_constant=_refused)
        if _SURROGATE.search(content):
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return found


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
