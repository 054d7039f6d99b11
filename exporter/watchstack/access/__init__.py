"""Who may ask for what of the library's own endpoints. Exports alone."""

from watchstack.access.gate import LOGIN, Access, Gate
from watchstack.access.tokens import Role, Tokens

__all__ = ["LOGIN", "Access", "Gate", "Role", "Tokens"]
