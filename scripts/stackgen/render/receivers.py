"""Receivers of stack.yml in Alertmanager's words, one function a kind. Secrets only by file, never by value.

A key ending in `_file` names a file of the secrets folder. Other keys are Alertmanager's own and pass through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackgen.model import Receiver

TITLE = '{{ template "watchstack.title" . }}'
TEXT = '{{ template "watchstack.text" . }}'
MARKDOWN = '{{ template "watchstack.markdown" . }}'
SLACK = '{{ template "watchstack.slack" . }}'
HTML = '{{ template "watchstack.html" . }}'
TELEGRAM = '{{ template "watchstack.telegram" . }}'
COLOUR = '{{ template "watchstack.colour" . }}'
SEVERITY = '{{ template "watchstack.severity" . }}'
PRIORITY = '{{ template "watchstack.priority" . }}'
RUNBOOK = '{{ template "watchstack.runbook" . }}'
CONSOLE = '{{ template "watchstack.link" . }}'

Options = Mapping[str, Any]


def receiver(one: Receiver, secrets: str) -> dict[str, Any]:
    """One entry of Alertmanager's `receivers`. secrets: the folder of secret files as Alertmanager sees it."""
    section, write = KINDS[one.kind]
    options = {key: f"{secrets}/{value}" if key.endswith("_file") else value for key, value in one.options.items()}
    return {"name": one.name, section: [{"send_resolved": True, **write(options)}]}


def webhook(target: Options, bearer: str = "") -> dict[str, Any]:
    """A webhook configuration; bearer: file of a token that goes along."""
    config: dict[str, Any] = {"send_resolved": True, **target}
    if bearer:
        config["http_config"] = {"authorization": {"type": "Bearer", "credentials_file": bearer}}
    return config


def _slack(options: Options) -> dict[str, Any]:
    return {
        **_renamed(options, webhook_url_file="api_url_file"),
        "color": COLOUR,
        "title": TITLE,
        "title_link": CONSOLE,
        "text": SLACK,
        "fallback": TITLE,
    }


def _email(options: Options) -> dict[str, Any]:
    named = _renamed(options, username="auth_username", password_file="auth_password_file")
    to = options["to"]
    return {
        **named,
        "to": to if isinstance(to, str) else ", ".join(to),
        "headers": {"Subject": TITLE},
        "html": HTML,
        "text": TEXT,
    }


def _webhook(options: Options) -> dict[str, Any]:
    kept = {key: value for key, value in options.items() if key != "bearer_token_file"}
    return webhook(kept, bearer=options.get("bearer_token_file", ""))


def _pagerduty(options: Options) -> dict[str, Any]:
    return {
        **options,
        "severity": SEVERITY,
        "description": TITLE,
        "client": "Watchstack",
        "client_url": CONSOLE,
        "details": {"text": TEXT},
        "links": [{"href": RUNBOOK, "text": "Runbook"}],
    }


def _opsgenie(options: Options) -> dict[str, Any]:
    return {**options, "message": TITLE, "description": TEXT, "priority": PRIORITY, "source": CONSOLE}


def _teams(options: Options) -> dict[str, Any]:
    return {**options, "title": TITLE, "text": MARKDOWN}


def _telegram(options: Options) -> dict[str, Any]:
    return {**options, "parse_mode": "HTML", "message": TELEGRAM}


def _discord(options: Options) -> dict[str, Any]:
    return {**options, "title": TITLE, "message": MARKDOWN}


KINDS: Mapping[str, tuple[str, Callable[[Options], dict[str, Any]]]] = {
    "slack": ("slack_configs", _slack),
    "email": ("email_configs", _email),
    "webhook": ("webhook_configs", _webhook),
    "pagerduty": ("pagerduty_configs", _pagerduty),
    "opsgenie": ("opsgenie_configs", _opsgenie),
    "teams": ("msteamsv2_configs", _teams),
    "telegram": ("telegram_configs", _telegram),
    "discord": ("discord_configs", _discord),
}


def _renamed(options: Options, **names: str) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in options.items()}
