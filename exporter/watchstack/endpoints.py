"""The library's own answers without any I/O: which paths it serves, and the answer to a request. Adapters send them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from urllib.parse import parse_qsl

from prometheus_client import CollectorRegistry

from watchstack.exposition import Format, gzipped, pieces
from watchstack.workers import WorkersRegistry

_log = logging.getLogger("watchstack.endpoints")
LARGEST_BODY = 16 * 1024  # bytes of a request's body: forms of a few fields are all that is taken
_FORM = "application/x-www-form-urlencoded"
Headers = list[tuple[str, str]]
REASONS = {
    200: "OK",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Request:
    """What a handler may ask of a request. header: value of a header by its lower-case name, None when absent.

    owned: whether the application has a route of its own for a path. named: the parts of the path that its template
    names. root: the path below which the application is mounted. client: the address that the server tells. secure:
    whether it came over https. body: None for one that is larger than LARGEST_BODY. role, csrf: what the gate has
    found of the one who asks, "" for anyone.
    """

    method: str
    path: str
    query: str
    header: Callable[[str], str | None]
    owned: Callable[[str], bool] = lambda path: False
    named: Mapping[str, str] = field(default_factory=dict)
    root: str = ""
    client: str = ""
    secure: bool = False
    body: bytes | None = b""
    role: str = ""
    csrf: str = ""

    def form(self) -> dict[str, str]:
        """The last value of each field of a form; empty for a body of another kind."""
        kind = (self.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != _FORM or not self.body:
            return {}
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def parameter(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return dict(parse_qsl(self.query, keep_blank_values=True)).get(name)


@dataclass
class Answer:
    """A whole answer. chunks: the body in pieces; an adapter lets other work run between two of them."""

    status: int
    headers: Headers
    chunks: Iterable[bytes] = ()

    @property
    def status_line(self) -> str:
        return f"{self.status} {REASONS.get(self.status, 'Unknown')}"


Handler = Callable[[Request], Answer]


@dataclass
class Endpoints:
    """Handlers by path; a path may hold `{names}`, each for one part between slashes, and exact paths win over those.

    A path answers GET along with HEAD, or another method, or both by handlers of their own. waiting: paths whose
    handlers may have to wait for something. owned: whether the application has a route of its own for one of the paths,
    which then wins; ASGI applications are looked at themselves.
    """

    handlers: dict[str, Handler] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    methods: dict[str, dict[str, Handler]] = field(default_factory=dict)
    templates: dict[str, re.Pattern[str]] = field(default_factory=dict)
    owned: Callable[[str], bool] = lambda path: False

    def add(self, path: str, handler: Handler, *, method: str = "GET", waits: bool = False) -> None:
        """Serves `path`, also in place of what was served there by this method before."""
        self.handlers[path] = handler
        self.methods.setdefault(path, {})[method] = handler
        if waits:
            self.waiting.add(path)
        if "{" in path:
            self.templates[path] = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self.find(path) is not None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """With one of which every path begins that a template takes; cheaper to ask for than the templates."""
        return tuple({path[: path.index("{")] for path in self.templates})

    def find(self, path: str) -> str | None:
        """The path or template that takes `path`."""
        if path in self.handlers and path not in self.templates:
            return path
        return next((name for name, pattern in self.templates.items() if pattern.fullmatch(path)), None)

    def serves(self, path: str, owned: Callable[[str], bool]) -> bool:
        """Whether `path` is served here. owned: whether the application has it itself, asked with the template too."""
        name = self.find(path)
        return name is not None and not owned(path) and (name == path or not owned(name))

    def answer(self, request: Request) -> Answer:
        """The answer to a request for one of the paths; a handler that raises is logged and answered with 500.

        Raises KeyError for a path that is not here.
        """
        name = self.find(request.path)
        if name is None:
            raise KeyError(request.path)
        known = self.methods.get(name) or {"GET": self.handlers[name]}
        handler = known.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allowed = [also for method in known for also in (("GET", "HEAD") if method == "GET" else (method,))]
            answer = text(f"{' and '.join(allowed)} alone\n", 405)
            answer.headers.append(("Allow", ", ".join(allowed)))
            return answer
        if request.body is None:
            return text(f"the body is larger than {LARGEST_BODY} bytes\n", 413)
        try:
            answer = handler(self._named(name, request))
        except Exception:
            _log.exception("the answer to %s failed", request.path)
            answer = text("this answer failed; the log says why\n", 500)
        if request.method == "HEAD":
            answer.chunks = ()
        return answer

    def _named(self, name: str, request: Request) -> Request:
        pattern = self.templates.get(name)
        found = pattern.fullmatch(request.path) if pattern is not None else None
        return request if found is None else replace(request, named=found.groupdict())


def shape(path: str) -> str:
    """A path or a template with its parameters unnamed, as Flask, Starlette and this module write them."""
    return re.sub(r"<[^<>]+>|\{[^{}]+\}", "{}", path)


def content(body: bytes, kind: str, status: int = 200) -> Answer:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    return Answer(status, headers, (body,))


def text(body: str, status: int = 200) -> Answer:
    return content(body.encode(), "text/plain; charset=utf-8", status)


def redirect(location: str) -> Answer:
    """303: look there. location: a path; a browser asks for it with GET."""
    headers = [("Location", location), ("Content-Length", "0"), ("Cache-Control", "no-store")]
    return Answer(303, headers)


def json_answer(value: Mapping[str, object], status: int = 200) -> Answer:
    return content(json.dumps(value, ensure_ascii=False).encode() + b"\n", "application/json", status)


def metrics_handler(registry: CollectorRegistry | WorkersRegistry) -> Handler:
    """Serves `registry` in the format that the request prefers, compressed when it accepts gzip."""

    def handle(request: Request) -> Answer:
        form = Format.negotiate(request.header("accept"))
        headers = [
            ("Content-Type", form.content_type),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept, Accept-Encoding"),
        ]
        chunks = pieces(registry, form)
        if _accepts_gzip(request.header("accept-encoding")):
            headers.append(("Content-Encoding", "gzip"))
            chunks = gzipped(chunks)
        return Answer(200, *_measured(headers, chunks))

    return handle


def _measured(headers: Headers, chunks: Iterator[bytes]) -> tuple[Headers, Iterable[bytes]]:
    """Adds the length when the body is one piece; a longer one is sent as it is made."""
    first = next(chunks, b"")
    second = next(chunks, None)
    if second is None:
        return [*headers, ("Content-Length", str(len(first)))], (first,)
    return headers, chain((first, second), chunks)


def _accepts_gzip(header: str | None) -> bool:
    for part in (header or "").lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
