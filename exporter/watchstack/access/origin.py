"""Whether a change was sent by a page of this application and not by one of somebody else's."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from watchstack.endpoints import Request


def forged(request: Request) -> str:
    """Why a request that changes something was not sent by a page of this application, "" when it may have been.

    Browsers tell where it comes from: Sec-Fetch-Site, which a proxy leaves alone, else Origin beside Host. A program
    that tells nothing passes, as it could say anything.
    """
    site, origin = request.header("sec-fetch-site"), request.header("origin")
    if site is not None:
        return "" if site in ("same-origin", "none") else "it was sent from another site"
    if origin is not None and urlsplit(origin).netloc != (request.header("host") or ""):
        return "it was sent from another site"
    return ""


def brings(request: Request, csrf: str) -> bool:
    """Whether it brings the page's token, as a header or as the form's field."""
    given = request.header("x-csrf-token") or request.form().get("csrf_token", "")
    return given.isascii() and hmac.compare_digest(given, csrf)
