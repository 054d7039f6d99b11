"""The checks that the settings and the preset bring: each where its driver and its setting are there (X-36).

What a check does lives in its own module; an application's own check takes the place of one of these.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from watchstack.catalogue import Preset
from watchstack.health.check import RESERVED, Check
from watchstack.health.database import Database, PsycopgDatabase, SqlalchemyDatabase
from watchstack.health.health import Health
from watchstack.health.redis import RedisAt, redis_client
from watchstack.health.resources import Tiers, cpu_check, disk_check, memory_check
from watchstack.health.responsiveness import ResponsivenessCheck
from watchstack.host import HostSampler
from watchstack.http.recorder import Figures
from watchstack.settings import SettingError, Settings

_log = logging.getLogger("watchstack.health")
_DEFAULT_REDIS = Settings().redis_url


def provide(health: Health, settings: Settings, sampler: HostSampler, figures: Callable[[], Figures]) -> None:
    """Registers them. Raises SettingError for a setting that cannot be what it has to be."""
    preset = settings.preset
    _stores(health, settings)
    if settings.openai_api_key:
        _with_driver("OPENAI_API_KEY", lambda: health.watch_openai(provided=True))
    times: dict[str, Any] = health.times
    targets = _targets(settings.health_network_targets)
    if targets or preset is Preset.API:
        health.watch_network(targets, provided=True)
    if preset in (Preset.API, Preset.FRAMEWORK):
        more = {**times, "provided": True}
        health.add(memory_check(sampler, _tiers(settings, "memory"), **more))
        health.add(disk_check(sampler, _tiers(settings, "disk"), **more))
        health.add(cpu_check(sampler, _tiers(settings, "cpu"), **more))
    if preset in (Preset.FRAMEWORK, Preset.AI):
        function = ResponsivenessCheck(
            figures,
            slow_ms=settings.response_time_threshold_ms,
            error_percent=settings.error_rate_threshold_percent,
        )
        about = "Answers since the last look, and how fast threads get on"
        health.add(Check("responsiveness", function, about, critical=False, provided=True, **times))
    for name, url in _apis(settings.health_external_apis):
        if name in health.checks or name in RESERVED:
            raise SettingError("HEALTH_EXTERNAL_APIS", name, "a name that no other check has")
        health.watch_web(name, url, provided=True)


def _stores(health: Health, settings: Settings) -> None:
    """PostgreSQL and others by DATABASE_URL, MongoDB, Redis; the latter in its own right, or as the framework's cache.

    The preset `ai` looks for Redis where its document expects it; the others where REDIS_URL says.
    """
    preset = settings.preset
    if settings.database_url:
        _with_driver("DATABASE_URL", lambda: health.watch_database(_database(health, settings), provided=True))
    if settings.mongodb_url:
        name = "database" if preset is Preset.API and not settings.database_url else "mongodb"
        _with_driver("MONGODB_URL", lambda: health.watch_mongodb(name=name, provided=True))
    if settings.redis_url != _DEFAULT_REDIS and preset is Preset.FRAMEWORK:
        _with_driver("REDIS_URL", lambda: health.watch_cache(_cache(health, settings), provided=True))
    elif settings.redis_url != _DEFAULT_REDIS or preset is Preset.AI:
        _with_driver("REDIS_URL", lambda: health.watch_redis(provided=True))


def _with_driver(variable: str, register: Callable[[], Check]) -> None:
    """Without the driver there is no check, and the log says so. Raises SettingError for a URL that is none."""
    try:
        register()
    except ImportError as error:
        _log.warning("%s is not checked: %s", variable, error)
    except SettingError:
        raise
    except ValueError as error:
        raise SettingError(variable, "…", str(error)) from None


def _database(health: Health, settings: Settings) -> Database:
    url = settings.database_url
    if url.startswith(("postgresql://", "postgres://")):
        return PsycopgDatabase(url, seconds=settings.health_check_timeout)
    import importlib

    sqlalchemy = importlib.import_module("sqlalchemy")
    try:
        address = sqlalchemy.make_url(url)
        # no pool: none of its connections may reach a worker that is forked off, and the application's is another
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    except sqlalchemy.exc.NoSuchModuleError as error:
        raise ValueError(f"a URL of PostgreSQL or of SQLAlchemy: {error}") from None
    except (sqlalchemy.exc.ArgumentError, ValueError):  # their texts may show the whole URL
        told = "a URL of PostgreSQL or of SQLAlchemy, DIALECT://USER:PASSWORD@HOST/NAME, in whose password special"
        raise ValueError(f"{told} characters are percent-encoded") from None
    health.owned.append(engine.dispose)
    return SqlalchemyDatabase(engine)


def _cache(health: Health, settings: Settings) -> RedisAt:
    return redis_client(settings.redis_url, seconds=health.times["timeout"])


def _apis(text: str) -> list[tuple[str, str]]:
    """`name=URL` separated by commas."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    for part in found:
        name, _, url = part.partition("=")
        if not name.strip() or not url.strip().startswith(("http://", "https://")):
            raise SettingError(
                "HEALTH_EXTERNAL_APIS", name.strip(), "name=URL separated by commas, each URL of http or https"
            )
    return [(name.strip(), url.strip()) for name, _, url in (part.partition("=") for part in found)]


def _targets(text: str) -> list[tuple[str, int]]:
    """`host:port` separated by commas."""
    found: list[tuple[str, int]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        host, _, port = part.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise SettingError("HEALTH_NETWORK_TARGETS", text, "host:port separated by commas")
        found.append((host.strip("[]"), int(port)))
    return found


def _tiers(settings: Settings, what: str) -> Tiers:
    """X-13: the variable of the first system is the critical tier of memory, and the warning tier of CPU and disk."""
    return {
        "memory": Tiers(settings.memory_usage_warning_percent, settings.memory_usage_threshold_percent),
        "cpu": Tiers(settings.cpu_usage_threshold_percent, settings.cpu_usage_critical_percent),
        "disk": Tiers(settings.disk_usage_threshold_percent, settings.disk_usage_critical_percent),
    }[what]
