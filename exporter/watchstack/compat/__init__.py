"""Writes the packages that the five systems' documents import from (X-34). Exports alone."""

from watchstack.compat.packages import FILES
from watchstack.compat.write import Foreign, write

__all__ = ["FILES", "Foreign", "write"]
