"""`MonitoringConfig`: the settings under the names of their environment variables (F-42)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from watchstack.api.current import default_settings
from watchstack.catalogue import Preset
from watchstack.settings import OTHER_NAMES, Settings, variable

_FIELDS = {variable(one.name): one.name for one in dataclasses.fields(Settings)}
_FIELDS |= {other: name for name, others in OTHER_NAMES.items() for other in others}


class MonitoringConfig:
    """Every variable of docs/settings.md as an attribute, such as `config.PROMETHEUS_ENABLED`; it cannot be changed.

    environ: by default the process's environment, read once. preset: by default that of the environment, else the
    application's default. Raises SettingError for a bad value.
    """

    def __init__(self, environ: Mapping[str, str] | None = None, *, preset: Preset | str | None = None) -> None:
        found = default_settings(environ) if preset is None else Settings.from_environ(environ, preset=preset)
        object.__setattr__(self, "settings", found)

    settings: Settings

    def __getattr__(self, name: str) -> Any:
        if name not in _FIELDS:
            raise AttributeError(f"there is no setting {name!r}")
        return getattr(self.settings, _FIELDS[name])

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("settings are read from the environment and cannot be changed")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *_FIELDS})
