"""python run.py serves the platform on port 8000, or PORT."""

from __future__ import annotations

import os

from app import create_app

if __name__ == "__main__":
    create_app().run(os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000")))
