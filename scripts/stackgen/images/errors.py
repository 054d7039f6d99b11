"""What can go wrong with an image, as one exception."""

from __future__ import annotations

from stackgen.engines.base import EngineError


class ImageError(EngineError):
    """An image cannot be built or asked for: what happened, and what to do."""
