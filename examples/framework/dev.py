"""python dev.py serves the notebook for development: a misused metric is an error here, not a line in the log."""

from __future__ import annotations

import os

os.environ.setdefault("ENVIRONMENT", "development")

import uvicorn
from app import app
from src.framework.monitoring.middleware import add_monitoring_middleware

app = add_monitoring_middleware(app)  # as app.py does: a second call changes nothing

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")))
