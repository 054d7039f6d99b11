"""What changes between two generated trees, in words: alerts, routes, scraping, and what restarts."""

from stackgen.words.change import Change, changes

__all__ = ["Change", "changes"]
