# written by `python -m watchstack.compat flask DIR`; do not edit
"""Asks this application for its health and its metrics: python -m scripts.health_check_demo"""

import sys

from watchstack.client import HealthCheckClient, main

__all__ = [
    "HealthCheckClient",
    "main",
]

if __name__ == "__main__":
    sys.exit(main())
