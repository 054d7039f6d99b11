"""Whether a request that changes something was sent by a page of this console, and not by one of somebody else's."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Request

from watchstack.console.context import Console


def trouble(own: Console, request: Request) -> str:
    """Why the request is refused, in words; "" when it may pass.

    A browser tells where a form was sent from (Sec-Fetch-Site, Origin); a program that tells nothing is let through,
    as it could say anything. The Host must be an IP address, localhost or that of `address:`: a foreign name that was
    pointed here would make a foreign page one of ours.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin", "none"):
        return "this form was sent from another site"
    if origin is not None and urlsplit(origin).netloc != request.host:
        return "this form was sent from another site"
    if not _is_ours(own, request.host):
        return f"the console is not known as {request.host}: write address: in stack.yml"
    return ""


def _is_ours(own: Console, host: str) -> bool:
    name = urlsplit("//" + host).hostname or ""
    if name == "localhost" or name == urlsplit(own.config.current.address).hostname:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
