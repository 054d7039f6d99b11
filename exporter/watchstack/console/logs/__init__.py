"""The log page: what it asks of Loki, how lines fold into patterns, and the page itself."""

from watchstack.console.logs.pages import VIEWS, blueprint

__all__ = ["VIEWS", "blueprint"]
