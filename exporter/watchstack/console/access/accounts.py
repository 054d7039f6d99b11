"""The two accounts of the console. Their passwords are files, read again when they change; nothing is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from watchstack.console.access.token import TokenFile, alike

VIEWER, ADMIN = "viewer", "admin"
FILES = {ADMIN: "console-admin-password", VIEWER: "console-viewer-password"}


@dataclass(frozen=True)
class User:
    """Somebody who showed a password or has a session. role: VIEWER or ADMIN; the account of a role has its name."""

    name: str
    role: str

    @property
    def may_change(self) -> bool:
        """Whether anything but reading is allowed."""
        return self.role == ADMIN


class Accounts:
    """secrets: the folder of the password files. An account without a password lets nobody in."""

    def __init__(self, secrets: Path) -> None:
        self._files = {name: TokenFile(secrets / file) for name, file in FILES.items()}

    def password(self, name: str) -> bytes:
        """The password in force; nothing when there is no such account or its file is absent or empty."""
        file = self._files.get(name)
        return file.current() if file else b""

    def knows(self, name: str, shown: str) -> User | None:
        """Whose password it is, when it is that of this account; nobody's when the account does not exist."""
        wanted = self.password(name)
        return User(name, name) if alike(shown, wanted or b"\0none") and wanted else None

    def bearer(self, shown: str) -> User | None:
        """Whose password a program shows without a name; both are compared."""
        found = [user for name in self._files if (user := self.knows(name, shown)) is not None]
        return found[0] if found else None  # admin first, should both be the same

    def problems(self) -> list[str]:
        """In words, which accounts let nobody in."""
        for file in self._files.values():
            file.check()
        return [f"nobody signs in as {name}: {file.problem}" for name, file in self._files.items() if file.problem]
