"""Health answers and the console's own metrics.

`/health/live`: the process serves. `/health/ready`: it can keep what is sent to it; a silent watchdog does not make it
unready, as restarting the console would help nobody. `/health`: everything, unhealthy while anything is wrong.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from prometheus_client.exposition import choose_encoder

from watchstack.console import access
from watchstack.console.clock import iso
from watchstack.console.context import console

blueprint = Blueprint("health", __name__)


@blueprint.get("/health/live")
@access.open
def live() -> Response:
    return jsonify(status="healthy")


@blueprint.get("/health/ready")
@access.open
def ready() -> Response:
    own = console()
    return _answer(own.store.problem is None, [own.store.problem] if own.store.problem else [])


@blueprint.get("/health")
@access.open
def health() -> Response:
    own = console()
    problems = own.problems()
    seen = own.watchdog.state.last_seen
    return _answer(
        not problems,
        problems,
        watchdog={
            "alarm": own.watchdog.alarm,
            "lastSeen": None if seen is None else iso(seen),
            "silenceSeconds": own.config.current.silence_seconds,
            "told": None if own.config.current.notify is None else own.watchdog.state.told,
        },
        peers={answer.name: {"up": answer.up, "detail": answer.detail} for answer in own.peers.answers()},
    )


def _answer(good: bool, reasons: list[str], **more: object) -> Response:
    answer = jsonify(status="healthy" if good else "unhealthy", reasons=reasons, **more)
    answer.status_code = 200 if good else 503
    return answer


@blueprint.get("/metrics")
@access.open
def metrics() -> Response:
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(console().metrics.registry), content_type=content_type)
