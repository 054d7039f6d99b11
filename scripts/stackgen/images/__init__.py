"""Stand-ins for images that cannot be pulled, our own image among them, and the verifying of pinned digests."""

from stackgen.images.build import build
from stackgen.images.digests import verify

__all__ = ["build", "verify"]
