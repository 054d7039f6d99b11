"""What the environment says about the console: the one module of it that reads variables. No files are read here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from watchstack.serve import Address
from watchstack.settings import SettingError

TOKEN_FILE = "inbox-token"
CONFIG_FILE = "console.json"


@dataclass(frozen=True)
class Settings:
    """Settings of one console process.

    data: folder of the database. config: folder with console.json. secrets: folder with inbox-token and what the
    notify receiver names. runbooks: folder of Markdown pages, None for none. entries, days: how much the inbox keeps.
    grafana: where a browser finds Grafana, "" where it does not run. dashboards: folders of Grafana's JSON files.
    """

    listen: Address
    data: Path
    config: Path
    secrets: Path
    runbooks: Path | None = None
    entries: int = 20_000
    days: int = 90
    grafana: str = ""
    dashboards: tuple[Path, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises SettingError for the first variable that is missing or holds what it may not."""
        runbooks = environment.get("CONSOLE_RUNBOOKS", "")
        return cls(
            listen=Address.parse(environment.get("CONSOLE_LISTEN", "127.0.0.1:9099"), "CONSOLE_LISTEN"),
            data=_folder(environment, "CONSOLE_DATA", "a folder to keep the inbox in"),
            config=_folder(environment, "CONSOLE_CONFIG", f"the folder that holds {CONFIG_FILE}"),
            secrets=_folder(environment, "CONSOLE_SECRETS", f"the folder that holds {TOKEN_FILE}"),
            runbooks=Path(runbooks) if runbooks else None,
            entries=_number(environment, "CONSOLE_INBOX_ENTRIES", 20_000, 100, 1_000_000),
            days=_number(environment, "CONSOLE_INBOX_DAYS", 90, 1, 3650),
            grafana=_address(environment, "CONSOLE_GRAFANA"),
            dashboards=tuple(
                Path(part) for part in environment.get("CONSOLE_DASHBOARDS", "").split(os.pathsep) if part
            ),
        )


def _folder(environment: Mapping[str, str], variable: str, what: str) -> Path:
    value = environment.get(variable, "")
    if not value:
        raise SettingError(variable, value, f"give {what}")
    return Path(value)


def _address(environment: Mapping[str, str], variable: str) -> str:
    value = environment.get(variable, "").rstrip("/")
    if value and not value.startswith(("http://", "https://")):
        raise SettingError(variable, value, "give an address that a browser reaches, http:// or https://")
    return value


def _number(environment: Mapping[str, str], variable: str, default: int, low: int, high: int) -> int:
    value = environment.get(variable, "")
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and low <= int(value[:12]) <= high):
        raise SettingError(variable, value, f"give a whole number from {low} to {high}")
    return int(value)
