"""Metrics, health answers and probes for Python applications and hosts. Exports alone, imported when asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from watchstack.catalogue import Preset
    from watchstack.monitoring import Monitoring
    from watchstack.settings import SettingError, Settings

__all__ = ["Monitoring", "Preset", "SettingError", "Settings"]
_WHERE = {"Preset": "catalogue", "Monitoring": "monitoring", "SettingError": "settings", "Settings": "settings"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
