"""The IoT platform: telemetry of wells in, analyses and backups of it; metrics and middleware begin with it."""

from __future__ import annotations

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.api.middleware.monitoring import init_monitoring
from app.api.routes import wells
from app.core.metrics import metrics_collector
from app.store import Store


def create_app() -> Flask:
    """The application, monitored from its first request; the database may come later."""
    app = Flask("iot")
    monitoring = metrics_collector.monitoring
    store = Store(monitoring)
    app.register_blueprint(wells.routes(store))

    @app.errorhandler(SQLAlchemyError)
    def unavailable(error: SQLAlchemyError) -> tuple[dict[str, str], int]:
        app.logger.error("%s: %s", type(error).__name__, error)
        return {"error": "the database does not answer"}, 503

    init_monitoring(app)
    return app
