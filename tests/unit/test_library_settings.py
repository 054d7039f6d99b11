"""Settings: the defaults of the requirements, presets, other names, and errors that say what is allowed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from watchstack import Monitoring, Preset, SettingError, Settings
from watchstack.settings import variable

# F.1: variable -> default as the sources give it
DEFAULTS: dict[str, Any] = {
    "PROMETHEUS_ENABLED": True,  # F-01
    "PROMETHEUS_PORT": 9090,  # F-02
    "PROMETHEUS_PATH": "/metrics",  # F-03
    "HEALTH_CHECK_TIMEOUT": 30,  # F-04
    "HEALTH_CHECK_INTERVAL": 60,  # F-05
    "ALERTING_ENABLED": False,  # F-06
    "ALERT_WEBHOOK_URL": "",  # F-07
    "ALERT_SLACK_WEBHOOK": "",  # F-08
    "HEALTH_CHECK_FAILURE_THRESHOLD": 3,  # F-09
    "RESPONSE_TIME_THRESHOLD_MS": 5000,  # F-10
    "MEMORY_USAGE_THRESHOLD_PERCENT": 90,  # F-11
    "CPU_USAGE_THRESHOLD_PERCENT": 80,  # F-12
    "DISK_USAGE_THRESHOLD_PERCENT": 85,  # F-13
    "DB_POOL_UTILIZATION_THRESHOLD": 0.8,  # F-14
    "DB_CONNECTION_TIMEOUT_THRESHOLD_MS": 1000,  # F-15
    "REDIS_MEMORY_THRESHOLD_PERCENT": 80,  # F-16
    "REDIS_CONNECTION_TIMEOUT_THRESHOLD_MS": 500,  # F-17
    "EXTERNAL_API_TIMEOUT_THRESHOLD_MS": 3000,  # F-18
    "EXTERNAL_API_FAILURE_THRESHOLD": 2,  # F-19
    "METRICS_RETENTION_HOURS": 24,  # F-20
    "METRICS_LOGGING_ENABLED": True,  # F-21
    "METRICS_LOG_LEVEL": "INFO",  # F-22
    "LOG_LEVEL": "INFO",  # F-23
    "LOG_FILE_PATH": "/app/logs/application.log",  # F-24
    "ENVIRONMENT": "production",  # F-25
    "SLACK_WEBHOOK_URL": "",  # F-26
    "REDIS_URL": "redis://localhost:6379",  # F-27
    "SMTP_HOST": "smtp.gmail.com",  # F-29
    "SMTP_PORT": 587,  # F-31
    "SMTP_USERNAME": "",  # F-32
    "SMTP_PASSWORD": "",  # F-33
    "FROM_EMAIL": "",  # F-34
    "ALERT_EMAIL_ENABLED": True,  # F-35
    "ALERT_CONSOLE_ENABLED": True,  # F-36
    "ENABLE_MONITORING": True,  # F-37
    "METRICS_COLLECTION_INTERVAL": 30,  # F-38
    "ALERT_CHECK_INTERVAL": 10,  # F-39
    "MONITORING_DEBUG": False,  # F-40
}
FIELDS = {variable(one.name): one for one in dataclasses.fields(Settings)}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_defaults_of_the_requirements(name: str) -> None:
    assert getattr(Settings.from_environ({}), FIELDS[name].name) == DEFAULTS[name]


@pytest.mark.parametrize("name", FIELDS)
def test_every_variable_is_read_from_the_environment(name: str) -> None:
    one = FIELDS[name]
    text, value = {
        bool: ("false" if one.default else "true", not one.default),
        int: ("7", 7),
        float: ("0.5", 0.5),
    }.get(type(one.default), ("/elsewhere", "/elsewhere"))
    if name == "MONITORING_PRESET":
        text, value = "iot", Preset.IOT
    elif "choices" in one.metadata:
        text, value = "debug", "DEBUG"
    assert getattr(Settings.from_environ({name: text}), one.name) == value
    assert getattr(Settings.from_environ({name: ""}), one.name) == one.default


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("PROMETHEUS_ENABLED", "maybe", "true or false"),
        ("PROMETHEUS_PORT", "0", "a number from 1 to 65535"),
        ("PROMETHEUS_PORT", "9090.5", "a whole number from 1 to 65535"),
        ("PROMETHEUS_PATH", "metrics", "a path that begins with /"),
        ("PROMETHEUS_PATH", "/met rics", "a path that begins with /"),
        ("PROMETHEUS_PATH", "/{anything}", "a path that begins with /"),
        ("HEALTH_CHECK_TIMEOUT", "soon", "a number from 0.01 to 86400"),
        ("HEALTH_CHECK_TIMEOUT", "0", "a number from 0.01 to 86400"),
        ("HEALTH_CHECK_TIMEOUT", "100000", "a number from 0.01 to 86400"),
        ("METRICS_COLLECTION_INTERVAL", "100000", "a number from 0.1 to 86400"),
        ("HEALTH_CHECK_INTERVAL", "nan", "a number not below 0.1"),
        ("HEALTH_CHECK_INTERVAL", "inf", "a number not below 0.1"),
        ("MEMORY_USAGE_THRESHOLD_PERCENT", "101", "a number from 0 to 100"),
        ("DB_POOL_UTILIZATION_THRESHOLD", "80", "a number from 0 to 1"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("MONITORING_PRESET", "django", "one of flask, api, framework, iot, ai"),
    ],
)
def test_a_bad_value_names_variable_value_and_what_is_allowed(name: str, text: str, allowed: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings.from_environ({name: text})
    assert str(caught.value).startswith(f"{name}=")
    assert (caught.value.variable, caught.value.value.upper()) == (name, text.upper())
    assert allowed in str(caught.value)


def test_a_value_that_is_no_utf8_is_refused() -> None:
    text = b"caf\xe9".decode(errors="surrogateescape")  # as Python has it of the environment
    with pytest.raises(SettingError, match=r"^APP_VERSION='caf\?' is not allowed: text in UTF-8$"):
        Settings.from_environ({"APP_VERSION": text})
    with pytest.raises(SettingError, match=r"^REDIS_URL='…' is not allowed: text in UTF-8$"):
        Settings.from_environ({"REDIS_URL": text})


def test_values_given_in_code_are_checked_too() -> None:
    with pytest.raises(SettingError, match="PROMETHEUS_PORT='70000' is not allowed"):
        Settings(prometheus_port=70000)
    with pytest.raises(SettingError, match="MONITORING_PRESET='django'"):
        Settings.from_environ({}, preset="django")
    with pytest.raises(TypeError, match="no_such_field"):
        Settings.from_environ({}, no_such_field=1)
    for field, value, kind in (
        ("health_check_timeout", "30", "float, not str"), ("enable_monitoring", "false", "bool, not str"),
        ("smtp_port", True, "int, not bool"), ("prometheus_path", None, "str, not NoneType"),
    ):  # fmt: skip
        with pytest.raises(SettingError, match=f"{field.upper()}='{value}' is not allowed: a value of type {kind}"):
            Settings(**{field: value})  # type: ignore[arg-type]
    with pytest.raises(SettingError) as caught:
        Settings(openai_api_key=b"sk-1")  # type: ignore[arg-type]
    assert "sk-1" not in str(caught.value)


def test_a_preset_may_be_given_as_a_word() -> None:
    assert Settings(preset="iot").preset is Preset.IOT  # type: ignore[arg-type]
    assert Settings.from_environ({"MONITORING_PRESET": " iot "}).preset is Preset.IOT


def test_the_order_is_code_then_environment_then_preset_then_default() -> None:
    assert Settings.from_environ({}, preset="iot").prometheus_path == "/health/metrics"
    environ = {"PROMETHEUS_PATH": "/mine", "MONITORING_PRESET": "iot"}
    assert Settings.from_environ(environ).prometheus_path == "/mine"
    assert Settings.from_environ(environ, prometheus_path="/code").prometheus_path == "/code"
    assert Settings.from_environ(environ, preset="ai").preset is Preset.AI


# X-11 O-10
def test_the_check_timeout_of_each_preset() -> None:
    found = {preset: Settings.from_environ({}, preset=preset).health_check_timeout for preset in ("flask", "ai")}
    assert found == {"flask": 30.0, "ai": 10.0}


# X-16 X-17
def test_other_names_and_fallbacks() -> None:
    settings = Settings.from_environ({"SMTP_SERVER": "mail.example", "SLACK_WEBHOOK_URL": "b", "SMTP_USERNAME": "me"})
    assert (settings.smtp_host, settings.slack_url, settings.sender) == ("mail.example", "b", "me")
    both = Settings.from_environ(
        {"SMTP_HOST": "first", "SMTP_SERVER": "second", "ALERT_SLACK_WEBHOOK": "a", "FROM_EMAIL": "x"}
    )
    assert (both.smtp_host, both.slack_url, both.sender) == ("first", "a", "x")


def test_alerting_in_the_application_is_said_to_come_later(caplog: pytest.LogCaptureFixture) -> None:  # F-06
    for on in (False, True):
        Monitoring(settings=Settings(alerting_enabled=on))
        told = [one.message.partition(",")[0] for one in caplog.records if one.name == "watchstack"]
        assert told == (["ALERTING_ENABLED is set"] if on else [])


def test_secrets_are_never_shown() -> None:
    settings = Settings.from_environ({"SMTP_PASSWORD": "hunter2", "REDIS_URL": "redis://:hunter2@host"})
    assert "hunter2" not in repr(settings)
    assert "environment='production'" in repr(settings)


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().environment = "x"  # type: ignore[misc]


def test_excluded_paths() -> None:
    assert Settings(monitoring_exclude="/a, /b,,").excluded == {"/a", "/b"}
