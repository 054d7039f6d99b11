"""Chart.js as the installed package chartkick has it, with its licences: one file, compressed once, cached for good.

The package's own code is not imported: it belongs to another web framework.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from flask import Blueprint, Response, abort, request, url_for
from flask.typing import ResponseReturnValue

from watchstack.console import access

BUNDLE = ("django", "static", "chartkick", "Chart.bundle.js")
LICENCES = ("chart.js", "kurkle-color", "chartjs-adapter-date-fns", "date-fns")  # what the file is made of
FOR_GOOD = "public, max-age=31536000, immutable"
blueprint = Blueprint("assets", __name__)


@dataclass(frozen=True)
class _Bundle:
    plain: bytes
    packed: bytes
    version: str


@blueprint.get("/assets/chart.js")
@access.open
def chart() -> ResponseReturnValue:
    """?v=: its version, under which it never changes; without, the browser asks again."""
    own = _bundle()
    packed = "gzip" in request.headers.get("Accept-Encoding", "")
    answer = Response(own.packed if packed else own.plain, mimetype="text/javascript")
    if packed:
        answer.headers["Content-Encoding"] = "gzip"
    answer.vary.add("Accept-Encoding")
    answer.headers["Cache-Control"] = FOR_GOOD if request.args.get("v") == own.version else "no-cache"
    answer.set_etag(own.version + ("-gzip" if packed else ""))
    return answer.make_conditional(request)


@blueprint.get("/assets/chart.js.LICENSE")
@access.open
def licence() -> ResponseReturnValue:
    parts = (_package().joinpath("licenses", f"LICENSE-{name}.txt") for name in LICENCES)
    return Response("\n\n".join(part.read_text(encoding="utf-8") for part in parts), mimetype="text/plain")


@blueprint.app_context_processor
def _known_to_templates() -> dict[str, object]:
    return {"chart_js": chart_address}


def chart_address() -> str:
    """The address under which a page asks for Chart.js."""
    return url_for("assets.chart", v=_bundle().version)


@cache
def _bundle() -> _Bundle:
    try:
        content = _package().joinpath(*BUNDLE).read_bytes()
    except (ModuleNotFoundError, OSError):
        abort(503, "Chart.js is not installed: pip install 'watchstack[console]'")
    packed = gzip.compress(content, 9, mtime=0)
    return _Bundle(content, packed, hashlib.sha256(content).hexdigest()[:16])


def _package() -> Traversable:
    return files("chartkick")
