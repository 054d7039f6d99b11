"""All checks over what was read: importing this room declares them."""

from stackgen.checks import expressions, routing, rules, services, settings, templates
from stackgen.checks.subject import Subject
from stackgen.findings import CHECKS

__all__ = ["CHECKS", "Subject", "expressions", "routing", "rules", "services", "settings", "templates"]
