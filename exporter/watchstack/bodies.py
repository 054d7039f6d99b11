"""What waitress takes of requests: how much the unfinished bodies may hold in memory together, and no broken header.

What one body may be: `body_limit` of serve.py. waitress takes a whole body before the application is asked anything,
also whether the sender may send at all: without a bound for all together, a few dozen connections would end a process
that has 192 MB. Needs the extra `server`.
"""

from __future__ import annotations

from typing import Any

from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser, ParsingError  # type: ignore[import-untyped]
from waitress.utilities import Error  # type: ignore[import-untyped]

SMALL = 64 * 1024  # bytes; a body up to this is always taken
TOGETHER = 4  # largest bodies for which there is room at once


class Full(Error):  # type: ignore[misc]
    """waitress's answer to a body for which there is no room now."""

    code = 503
    reason = "Service Unavailable"


def bounded_channel(body_limit: int) -> type[Any]:
    """The channel class of one server. body_limit: bytes of the largest body that it takes."""

    class Parser(HTTPRequestParser):  # type: ignore[misc]
        server: Any = None  # of the channel that this request comes through
        completed: bool

        def parse_header(self, header_plus: bytes) -> None:
            try:
                super().parse_header(header_plus)
            except ValueError as error:  # an endless length, a broken address: waitress would break off without answer
                raise ParsingError("Content-Length or address is invalid") from error

        def received(self, data: bytes) -> int:
            consumed = int(super().received(data))
            coming = not self.completed and self.body_bytes_received > SMALL
            if coming and _held(self.server) > TOGETHER * body_limit:
                self.error = Full("other requests fill the room for bodies; try again in a moment")
                self.completed = True
            return consumed

    class Channel(HTTPChannel):  # type: ignore[misc]
        def parser_class(self, adj: Any) -> Parser:
            parser = Parser(adj)
            parser.server = self.server
            return parser

    return Channel


def _held(server: Any) -> int:
    """Bytes of bodies that the connections of a server hold now."""
    requests = (
        request for channel in list(server.active_channels.values()) for request in (channel.request, *channel.requests)
    )
    return sum(request.body_bytes_received for request in requests if request is not None)
