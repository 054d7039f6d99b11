"""All checks over what was read: importing this room declares them."""

from stackgen.checks import (
    expressions,
    extras,
    meaning,
    routing,
    rules,
    services,
    settings,
    templates,
    texts,
    windows,
)
from stackgen.checks.subject import Subject
from stackgen.findings import CHECKS

__all__ = [
    "CHECKS",
    "Subject",
    "expressions",
    "extras",
    "meaning",
    "routing",
    "rules",
    "services",
    "settings",
    "templates",
    "texts",
    "windows",
]
