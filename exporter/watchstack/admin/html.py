"""The HTML of the admin pages and its headers. Jinja2 is loaded with the first page that is asked for."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from watchstack.endpoints import Answer, Handler, Request, content

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent
_SECURE = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),  # no-referrer would make the Origin of our own forms null
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
BASE = "/admin/monitoring"
KINDS = {
    "admin.css": "text/css",
    "admin.js": "text/javascript",
    "charts.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def html(template: str, request: Request, status: int = 200, **values: object) -> Answer:
    """A page. values: for the template, which knows `base`, the path of the admin pages, and `version` of its files."""
    page = _environment().get_template(template)
    body = page.render(base=request.root + BASE, root=request.root, version=_version(), **values)
    answer = content(body.encode(), "text/html; charset=utf-8", status)
    answer.headers += _SECURE
    return answer


def asset(name: str) -> Handler:
    """Serves one of the files beside the templates."""
    body = (_HERE / "static" / name).read_bytes()
    kind = KINDS[name] + ("; charset=utf-8" if KINDS[name].startswith("text/") else "")

    def handle(request: Request) -> Answer:
        answer = content(body, kind)
        answer.headers = [one for one in answer.headers if one[0] != "Cache-Control"]
        answer.headers += [("Cache-Control", "max-age=86400"), *_SECURE[1:2]]
        return answer

    return handle


def attached(answer: Answer, name: str) -> Answer:
    """The answer as a file to keep."""
    answer.headers += [("Content-Disposition", f'attachment; filename="{name}"'), *_SECURE[1:2]]
    return answer


@cache
def _version() -> str:
    """Changes with the files, so that a browser never shows an old one."""
    digest = hashlib.sha256()
    for name in sorted(KINDS):
        digest.update((_HERE / "static" / name).read_bytes())
    return digest.hexdigest()[:12]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_HERE / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
