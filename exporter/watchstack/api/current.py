"""The one monitoring that a process shares, and what every accessor of the five systems' documents returns (X-27).

It is the one that the application names, else the one that watches an application already, else it is made of the
environment when it is first asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from watchstack.api.activity import UserActivityMonitor
from watchstack.api.checker import HealthChecker
from watchstack.api.collector import MetricsCollector
from watchstack.catalogue import Preset
from watchstack.monitoring import Monitoring
from watchstack.running import RUNNING
from watchstack.settings import Settings


@dataclass(frozen=True)
class Current:
    """What belongs to the shared monitoring."""

    monitoring: Monitoring
    collector: MetricsCollector
    checker: HealthChecker
    activity: UserActivityMonitor


class _Holder:
    """Where the shared instance lies. preset: of a monitoring that is made here, where the environment names none."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.current: Current | None = None
        self.preset: Preset | None = None


_holder = _Holder()


def current() -> Current:
    """The shared instances. Raises SettingError for a bad setting, RuntimeError where several monitorings watch
    applications and none of them is named."""
    with _holder.lock:
        if _holder.current is None:
            _holder.current = _around(_found())
        return _holder.current


def use_monitoring(monitoring: Monitoring) -> None:
    """Makes `monitoring` the one that all accessors return. Raises RuntimeError when they have returned another."""
    with _holder.lock:
        if _holder.current is None:
            _holder.current = _around(monitoring)
        elif _holder.current.monitoring is not monitoring:
            raise RuntimeError("another monitoring is in use already: call use_monitoring() before anything else")


def default_preset(preset: Preset | str) -> None:
    """The preset of a monitoring that is made on demand; MONITORING_PRESET wins. Raises ValueError for none of them."""
    with _holder.lock:
        _holder.preset = Preset(preset)


def default_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of an environment, with the default preset where it names none. Raises SettingError."""
    settings = Settings.from_environ(environ)
    if settings.preset is None and _holder.preset is not None:
        settings = Settings.from_environ(environ, preset=_holder.preset)
    return settings


def forget() -> None:
    """Stops the shared monitoring and lets go of every one, as a test does between two applications."""
    with _holder.lock:
        if _holder.current is not None:
            _holder.current.monitoring.stop()
        _holder.current = None
        _holder.preset = None
        RUNNING.clear()


def get_monitoring() -> Monitoring:
    """The shared monitoring."""
    return current().monitoring


def get_metrics_collector() -> MetricsCollector:
    """The shared collector (G-14)."""
    return current().collector


def get_health_checker() -> HealthChecker:
    """The shared checker (G-10)."""
    return current().checker


def get_user_activity_monitor() -> UserActivityMonitor:
    """The shared monitor of user activity."""
    return current().activity


def _found() -> Monitoring:
    running = [one for one in RUNNING.all() if isinstance(one, Monitoring)]
    if len(running) > 1:
        raise RuntimeError("several monitorings watch applications here: name the shared one with use_monitoring()")
    if running:
        return running[0]
    return Monitoring(settings=default_settings())


def _around(monitoring: Monitoring) -> Current:
    RUNNING.shared = monitoring
    return Current(monitoring, MetricsCollector(monitoring), HealthChecker(monitoring), UserActivityMonitor(monitoring))
