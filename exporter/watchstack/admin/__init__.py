"""The page /admin/monitoring of an application, and what can be taken from there. Exports alone."""

from watchstack.admin.page import Page
from watchstack.admin.signing import Signing

__all__ = ["Page", "Signing"]
