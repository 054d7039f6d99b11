"""The collector's metrics and health answers as a Flask application."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from watchstack.containers.collector import Sampler


def create_app(registry: CollectorRegistry, sampler: Sampler) -> Flask:
    """Live while the process serves, ready while Docker answers: without Docker it lives on and waits for it."""
    app = Flask(__name__, static_folder=None)

    @app.get("/metrics")
    def metrics() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="healthy")

    @app.get("/health")
    @app.get("/health/ready")
    def ready() -> Response:
        sampler.sample()
        if sampler.up:
            return jsonify(status="healthy", reasons=[])
        answer = jsonify(status="unhealthy", reasons=[f"Docker is not available: {sampler.problem}"])
        answer.status_code = 503
        return answer

    return app
