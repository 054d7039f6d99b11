"""Asks a running application for its health and its metrics, whichever of the five systems it follows.

    python scripts/health_check_demo.py                          # http://localhost:5003, or $HEALTH_CHECK_URL
    python scripts/health_check_demo.py http://localhost:8000

The client itself is part of the library: exporter/watchstack/client.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    from watchstack.client import HealthCheckClient, main
except ModuleNotFoundError:  # a checkout without its virtual environment: the client needs nothing else
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "exporter"))
    from watchstack.client import HealthCheckClient, main

__all__ = ["HealthCheckClient", "main"]

if __name__ == "__main__":
    sys.exit(main())
