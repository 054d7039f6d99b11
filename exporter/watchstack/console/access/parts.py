"""What the guard needs, held together: accounts, sessions, limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from watchstack.console.access.accounts import Accounts
from watchstack.console.access.limits import Limits
from watchstack.console.access.sessions import Sessions
from watchstack.console.clock import Clock
from watchstack.console.store import Store


@dataclass(frozen=True)
class Access:
    """One of each for one console."""

    accounts: Accounts
    sessions: Sessions
    limits: Limits


def build_access(secrets: Path, store: Store, clock: Clock) -> Access:
    """secrets: the folder with the password files."""
    accounts = Accounts(secrets)
    return Access(accounts, Sessions(store, clock, accounts.password), Limits(clock))
