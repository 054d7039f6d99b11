"""Every setting of the library in one frozen object, and the one place where the environment is read.

What a setting changes lives where it is used. docs/settings.md is generated from the fields below.
"""

from __future__ import annotations

# ruff: noqa: RUF009 -- _setting is dataclasses.field with the metadata that a setting has
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from watchstack.catalogue import Preset
from watchstack.utf8 import text_of

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_LARGEST = 1e15  # inf and nan are no settings
_KINDS: dict[str, tuple[type, ...]] = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}
DEVELOPMENT = frozenset({"development", "dev", "test", "testing", "local"})
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingError(ValueError):
    """A setting holds what it may not: names the variable, the value and what is allowed."""

    def __init__(self, variable: str, value: str, allowed: str) -> None:
        shown = value if len(value) <= 200 else value[:200] + "…"
        super().__init__(f"{variable}={shown!r} is not allowed: {allowed}")
        self.variable = variable
        self.value = value
        self.allowed = allowed


def _setting(default: Any, about: str, rows: str = "", *, secret: bool = False, **limits: Any) -> Any:
    """A field. limits: low, high (numbers), choices (words), path (begins with /), presets (defaults by preset)."""
    return field(default=default, repr=not secret, metadata={"about": about, "rows": rows, "secret": secret, **limits})


@dataclass(frozen=True)
class Settings:
    """All settings. A field's environment variable is its name in capitals.

    Seconds, milliseconds, percent and ratios as the names and descriptions say. Constructed directly it takes fields as
    they are given; a preset's own defaults come with `from_environ`. Raises SettingError for a value out of its bounds.
    """

    preset: Preset | None = _setting(
        None, "Metric names, paths and thresholds of one system; the variable is `MONITORING_PRESET`", "X-06 X-08"
    )
    enable_monitoring: bool = _setting(True, "Master switch: off leaves the application untouched", "F-37")
    prometheus_enabled: bool = _setting(True, "Serve metrics", "F-01")
    prometheus_port: int = _setting(9090, "Port of the Prometheus server, for links", "F-02 X-19", low=1, high=65535)
    prometheus_path: str = _setting(
        "/metrics",
        "Path of the metrics",
        "F-03 X-23",
        path=True,
        presets={"api": "/monitoring/metrics", "framework": "/api/metrics", "iot": "/health/metrics"},
    )
    prometheus_multiproc_dir: str = _setting(
        "",
        "Folder that the worker processes of one server share, emptied before the server starts; "
        "prometheus_client reads the same variable",
    )
    environment: str = _setting("production", "Name of the environment, in answers and `application_info`", "F-25")
    app_version: str = _setting("1.0.0", "Version of the application, in answers and `application_info`", "B-74")
    monitoring_exclude: str = _setting("", "Paths that are not measured, exact, separated by commas")
    monitoring_route_limit: int = _setting(
        1000, "Route templates with an `endpoint` label of their own; the rest share `overflow`", low=1, high=100_000
    )
    monitoring_label_limit: int = _setting(
        200,
        "Values that a label of one of the application's own metrics may have; the rest share `overflow`",
        "B-87",
        low=1,
        high=100_000,
    )
    metrics_sample_ratio: float = _setting(
        1.0,
        "Share of the requests whose duration and sizes are observed, for high traffic; every request is counted",
        "B-85",
        low=0.0001,
        high=1,
    )
    metrics_collection_interval: float = _setting(
        30.0, "Seconds between two samples of the host", "F-38", low=0.1, high=86_400
    )

    health_check_timeout: float = _setting(
        30.0, "Seconds a health check may take", "F-04 X-11", low=0.01, high=86_400, presets={"ai": 10.0}
    )
    health_check_interval: float = _setting(60.0, "Seconds between two runs of a health check", "F-05", low=0.1)
    health_cpu_per_core: bool = _setting(
        False, "Divide the CPU of the process by the number of cores in the check `system`", "Y-21"
    )
    health_always_200: bool = _setting(
        False, "Answer `/api/health` with 200 even when it is critical", "X-02", presets={"ai": True}
    )
    health_check_failure_threshold: int = _setting(3, "Failures before an alert", "F-09", low=1)
    response_time_threshold_ms: float = _setting(5000.0, "Answers slower than this are an alert, ms", "F-10", low=0)
    memory_usage_threshold_percent: float = _setting(
        90.0, "Memory in use, critical, percent", "F-11 X-13", low=0, high=100
    )
    memory_usage_warning_percent: float = _setting(
        80.0, "Memory in use, warning, percent", "X-13", low=0, high=100, presets={"api": 85.0, "framework": 85.0}
    )
    cpu_usage_threshold_percent: float = _setting(
        80.0, "CPU in use, warning, percent", "F-12 X-13", low=0, high=100, presets={"ai": 90.0}
    )
    cpu_usage_critical_percent: float = _setting(90.0, "CPU in use, critical, percent", "X-13", low=0, high=100)
    disk_usage_threshold_percent: float = _setting(85.0, "Disk in use, warning, percent", "F-13 X-13", low=0, high=100)
    disk_usage_critical_percent: float = _setting(95.0, "Disk in use, critical, percent", "X-13", low=0, high=100)
    db_pool_utilization_threshold: float = _setting(0.8, "Share of the pool checked out", "F-14", low=0, high=1)
    db_connection_timeout_threshold_ms: float = _setting(1000.0, "Time to connect to the database, ms", "F-15", low=0)
    redis_memory_threshold_percent: float = _setting(80.0, "Memory that Redis uses, percent", "F-16", low=0, high=100)
    redis_connection_timeout_threshold_ms: float = _setting(500.0, "Time to connect to Redis, ms", "F-17", low=0)
    external_api_timeout_threshold_ms: float = _setting(3000.0, "Answer time of an external API, ms", "F-18", low=0)
    external_api_failure_threshold: int = _setting(2, "Failures of an external API before an alert", "F-19", low=1)
    error_rate_threshold_percent: float = _setting(
        5.0, "Share of answers that are 5xx, percent", "C-39 X-12 Y-04", low=0, high=100
    )
    db_query_slow_threshold_ms: float = _setting(
        3000.0, "Time of a health query, connecting too, ms", "C-41 X-14", low=0
    )
    db_connections_threshold: int = _setting(
        0, "Connections checked out of the pool; 0 for no limit", "C-39 Y-04", low=0, presets={"ai": 8}
    )
    database_url: str = _setting(
        "", "Database to check: `postgresql://…` through psycopg, others through SQLAlchemy", "C-10 C-28", secret=True
    )
    mongodb_url: str = _setting("", "MongoDB to check", "C-10 X-36", secret=True)
    openai_api_key: str = _setting("", "Key of the OpenAI-compatible API to check", "C-47", secret=True)
    openai_base_url: str = _setting("", "Its address; empty: the service's own", "C-47")
    health_timescaledb: bool = _setting(False, "Check TimescaleDB in the database too", "C-29", presets={"iot": True})
    health_required_tables: str = _setting(
        "", "Tables that the startup probe waits for, separated by commas, with their schema where needed", "C-31"
    )
    health_external_apis: str = _setting(
        "",
        "APIs of other services to check, `name=URL` separated by commas, such as "
        "`supabase=https://….supabase.co,stripe=https://api.stripe.com`",
        "C-03 C-04",
        secret=True,
    )
    health_network_targets: str = _setting(
        "", "`host:port` separated by commas that the check `network` connects to", "C-12"
    )
    redis_url: str = _setting("redis://localhost:6379", "Redis to check", "F-27", secret=True)

    monitoring_admin_token: str = _setting(
        "", "Token of the admin endpoints, and in production of the restricted ones", "M-01 M-05", secret=True
    )
    monitoring_admin_token_file: str = _setting("", "File that holds it, in place of the token", "M-05")
    monitoring_viewer_token: str = _setting(
        "",
        "Token of those who may look at what the admin sees, but neither run nor export anything",
        "M-06",
        secret=True,
    )
    monitoring_viewer_token_file: str = _setting("", "File that holds it, in place of the token", "M-06")
    monitoring_rate_limit: int = _setting(
        600,
        "Requests a minute that an address may make to the endpoints that want a token, and ten times as many to the "
        "open ones, in each process; 0 for no limit",
        "M-07",
        low=0,
        high=1_000_000,
    )

    alerting_enabled: bool = _setting(False, "Alerts from within the application", "F-06")
    alert_webhook_url: str = _setting("", "Webhook that is told", "F-07", secret=True)
    alert_slack_webhook: str = _setting("", "Slack webhook that is told", "F-08 X-16", secret=True)
    slack_webhook_url: str = _setting("", "The same under its other name", "F-26 X-16", secret=True)
    alert_check_interval: float = _setting(10.0, "Seconds between two evaluations of alert rules", "F-39", low=0.1)
    alert_email_enabled: bool = _setting(True, "Alerts by mail", "F-35")
    alert_console_enabled: bool = _setting(True, "Alerts on the console", "F-36")
    smtp_host: str = _setting("smtp.gmail.com", "Mail server; `SMTP_SERVER` is its other name", "F-29 F-30 X-17")
    smtp_port: int = _setting(587, "Port of the mail server", "F-31", low=1, high=65535)
    smtp_username: str = _setting("", "User at the mail server", "F-32")
    smtp_password: str = _setting("", "Password at the mail server", "F-33", secret=True)
    from_email: str = _setting("", "Sender; empty: the user at the mail server", "F-34 X-17")

    metrics_retention_hours: float = _setting(24.0, "Hours that figures are kept in the application", "F-20", low=0)
    metrics_logging_enabled: bool = _setting(True, "Log figures", "F-21")
    metrics_log_level: str = _setting("INFO", "Level at which figures are logged", "F-22", choices=LEVELS)
    log_level: str = _setting("INFO", "Log level", "F-23", choices=LEVELS)
    log_file_path: str = _setting("/app/logs/application.log", "Log file", "F-24")
    monitoring_debug: bool = _setting(False, "Log what the monitoring does", "F-40")

    def __post_init__(self) -> None:
        for one in dataclasses.fields(self):
            _check(one, getattr(self, one.name))
        object.__setattr__(self, "preset", _preset(self.preset or ""))  # the word alone is taken too

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str] | None = None, *, preset: Preset | str | None = None, **fixed: Any
    ) -> Settings:
        """The settings of an environment, by default the process's; an empty variable counts as unset.

        preset: wins over MONITORING_PRESET. fixed: fields that the caller sets, whatever the environment says.
        Raises SettingError, and TypeError for a field that is none.
        """
        found = os.environ if environ is None else environ
        chosen = _preset(preset if preset is not None else found.get("MONITORING_PRESET", "").strip())
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {"preset": chosen}
        for one in dataclasses.fields(cls):
            if one.name == "preset":
                continue
            by_preset = one.metadata.get("presets", {})
            if chosen is not None and chosen in by_preset:
                values[one.name] = by_preset[chosen]
            names = (variable(one.name), *OTHER_NAMES.get(one.name, ()))
            name, text = next(((n, found[n]) for n in names if found.get(n)), ("", ""))
            if name:
                values[one.name] = _parse(name, text.strip(), kinds[one.name], one)
        return cls(**{**values, **fixed})

    @property
    def slack_url(self) -> str:
        """The first Slack webhook that is set, "" for none."""
        return self.alert_slack_webhook or self.slack_webhook_url

    @property
    def sender(self) -> str:
        """Who mails come from: `from_email`, else the user at the mail server; "" for none."""
        return self.from_email or self.smtp_username

    @property
    def in_development(self) -> bool:
        """Whether a misuse of the library is an error at once: ENVIRONMENT names a development or test environment."""
        return self.environment.lower() in DEVELOPMENT

    @property
    def excluded(self) -> frozenset[str]:
        """The paths that are not measured."""
        return frozenset(path.strip() for path in self.monitoring_exclude.split(",") if path.strip())


OTHER_NAMES = {"smtp_host": ("SMTP_SERVER",)}
LATER = frozenset(  # of alerting and logging from within the application: read and checked, nothing acts on them yet
    {*("alerting_enabled", "alert_webhook_url", "alert_slack_webhook", "slack_webhook_url", "alert_check_interval"),
     *("alert_email_enabled", "alert_console_enabled", "smtp_host", "smtp_port", "smtp_username", "smtp_password"),
     *("from_email", "health_check_failure_threshold", "metrics_logging_enabled", "metrics_log_level", "log_level"),
     *("log_file_path", "monitoring_debug", "prometheus_port")}
)  # fmt: skip


def variable(name: str) -> str:
    """The environment variable of a field."""
    return "MONITORING_PRESET" if name == "preset" else name.upper()


def _preset(value: Preset | str) -> Preset | None:
    try:
        return Preset(value) if value else None
    except ValueError:
        raise SettingError("MONITORING_PRESET", str(value), "one of " + ", ".join(Preset)) from None


def _parse(name: str, text: str, kind: Any, one: dataclasses.Field[Any]) -> Any:
    shown = text_of(text)
    if shown != text:  # no answer could hold it
        raise SettingError(name, "…" if one.metadata["secret"] else shown, "text in UTF-8")
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise SettingError(name, text, "true or false (also 1 or 0, yes or no, on or off)")
    if kind is str:
        return text.upper() if "choices" in one.metadata else text
    try:
        return kind(text)
    except ValueError:
        raise SettingError(name, text, _bounds(one, "a whole number" if kind is int else "a number")) from None


def _check(one: dataclasses.Field[Any], value: Any) -> None:
    """Raises SettingError when `value` is out of the field's bounds."""
    limits = one.metadata
    name = variable(one.name)
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    if one.name == "preset":
        _preset(value or "")
    elif not _fits(one, value):
        told = "…" if limits["secret"] else shown
        raise SettingError(name, told, f"a value of type {one.type}, not {type(value).__name__}")
    elif "choices" in limits and value not in limits["choices"]:
        raise SettingError(name, shown, "one of " + ", ".join(limits["choices"]))
    elif "path" in limits and (not value.startswith("/") or any(c.isspace() or c in "?#{}" for c in value)):
        raise SettingError(name, shown, "a path that begins with / and holds no space, ?, #, { or }")
    elif "low" in limits and not (limits["low"] <= value <= limits.get("high", _LARGEST)):
        raise SettingError(name, shown, _bounds(one, "a number"))


def _fits(one: dataclasses.Field[Any], value: Any) -> bool:
    """Whether a value has the type of its field; a bool is no number."""
    return isinstance(value, _KINDS[str(one.type)]) and (one.type == "bool" or not isinstance(value, bool))


def _bounds(one: dataclasses.Field[Any], kind: str) -> str:
    low, high = one.metadata.get("low"), one.metadata.get("high")
    if high is not None:
        return f"{kind} from {low:g} to {high:g}"
    return kind if low is None else f"{kind} not below {low:g}"
