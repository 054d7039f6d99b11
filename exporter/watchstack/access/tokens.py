"""The tokens of the two roles, from settings or files (M-05, M-06). What a role may do is said in gate.py."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from watchstack.settings import SettingError, Settings


class Role(StrEnum):
    """admin: everything. viewer: looks, but neither runs nor exports anything."""

    ADMIN = "admin"
    VIEWER = "viewer"


@dataclass(frozen=True)
class _Token:
    """variable: of the setting that holds it. file: read at every question, so that a new token needs no restart."""

    variable: str
    given: str
    file: str

    def __post_init__(self) -> None:
        variable = f"{self.variable}_FILE"
        if self.file and self.given:
            raise SettingError(variable, self.file, "set either the token or its file, not both")
        if self.file and not self.now:
            raise SettingError(variable, self.file, "a file that can be read and holds the token")

    @property
    def configured(self) -> bool:
        return bool(self.given or self.file)

    @property
    def now(self) -> str:
        """The token, "" for none: nobody gets in by a file that is gone."""
        if not self.file:
            return self.given
        try:
            return Path(self.file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""


class Tokens:
    """Raises SettingError for a file that cannot be read or is empty, a token beside its file, the same one twice."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = {
            Role.ADMIN: _Token(
                "MONITORING_ADMIN_TOKEN", settings.monitoring_admin_token, settings.monitoring_admin_token_file
            ),
            Role.VIEWER: _Token(
                "MONITORING_VIEWER_TOKEN", settings.monitoring_viewer_token, settings.monitoring_viewer_token_file
            ),
        }
        admin, viewer = (token.now for token in self._tokens.values())
        if viewer and hmac.compare_digest(admin.encode(), viewer.encode()):
            raise SettingError("MONITORING_VIEWER_TOKEN", "…", "another token than the admin's")

    def configured(self, role: Role) -> bool:
        """Whether somebody can have this role: the admin may all that the viewer may."""
        return any(token.configured for one, token in self._tokens.items() if one is role or role is Role.VIEWER)

    def of(self, role: Role) -> str:
        """The token of a role, "" for none."""
        return self._tokens[role].now

    def role_of(self, given: str) -> Role | None:
        """Whose token it is, in a time that does not tell. given: as servers hand headers on, each byte a character."""
        found = None
        for role, token in self._tokens.items():
            expected = token.now
            same = hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())
            if same and expected:
                found = found or role
        return found
