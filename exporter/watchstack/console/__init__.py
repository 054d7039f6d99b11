"""The console: what alerts say, kept and shown, and the alarm when alerting itself falls silent."""

from watchstack.console.app import create_app
from watchstack.console.context import Console, build
from watchstack.console.settings import Settings

__all__ = ["Console", "Settings", "build", "create_app"]
