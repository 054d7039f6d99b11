"""Who may do what in the console: accounts, sessions, the guard before every request, limits, the audit log."""

from watchstack.console.access.marks import Need, admin, inbox_token, open, viewer

__all__ = ["Need", "admin", "inbox_token", "open", "viewer"]
