"""Receivers of stack.yml in Alertmanager's words, one function a kind. Secrets only by file, never by value.

A key ending in `_file` names a file of the secrets folder. Other keys are Alertmanager's own and pass through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackgen.model import Receiver

PRODUCT = "Watchstack"

Options = Mapping[str, Any]


def _template(name: str) -> str:
    """A call of one of the hand-written templates, with all that Alertmanager knows of the message."""
    return f'{{{{ template "watchstack.{name}" . }}}}'


def relayed(one: Receiver) -> bool:
    """Whether the console passes the message on: Alertmanager 0.28 cannot write the project's own JSON."""
    return one.kind == "webhook" and one.options.get("format", "watchstack") == "watchstack"


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


def _webhook(options: Options) -> dict[str, Any]:
    kept = {key: value for key, value in options.items() if key not in ("bearer_token_file", "format")}
    return webhook(kept, bearer=options.get("bearer_token_file", ""))


def _slack(options: Options) -> dict[str, Any]:
    return {
        **_renamed(options, webhook_url_file="api_url_file"),
        "color": _template("colour"),
        "pretext": _template("slack.pretext"),
        "title": _template("slack.title"),
        "title_link": _template("link"),
        "text": _template("slack"),
        "fallback": _template("slack.title"),
        "fields": [
            {"title": "Severity", "value": _template("severity"), "short": True},
            {"title": "Service", "value": _template("slack.service"), "short": True},
            {"title": "Environment", "value": _template("slack.environment"), "short": True},
        ],
        "footer": f"{PRODUCT} Monitoring",
    }


def _email(options: Options) -> dict[str, Any]:
    named = _renamed(options, username="auth_username", password_file="auth_password_file")
    to = options["to"]
    return {
        **named,
        "to": to if isinstance(to, str) else ", ".join(to),
        "headers": {"Subject": _template("title")},
        "html": _template("html"),
        "text": _template("text"),
    }


def _pagerduty(options: Options) -> dict[str, Any]:
    """`firing` and the like would hold every label of every alert: the text in their place stays readable.

    Alertmanager 0.34 takes a detail that reads as YAML for data; nothing that begins with a tab does.
    """
    return {
        **options,
        "severity": _template("severity"),
        "description": _template("summary"),
        "client": PRODUCT,
        "client_url": _template("link"),
        "component": _template("service"),
        "details": {
            "text": "\t" + _template("text"),
            "firing": "{{ len .Alerts.Firing }}",
            "resolved": "{{ len .Alerts.Resolved }}",
            "num_firing": "{{ len .Alerts.Firing }}",
            "num_resolved": "{{ len .Alerts.Resolved }}",
        },
        "links": [{"href": _template("link"), "text": "What to do"}],
    }


def _opsgenie(options: Options) -> dict[str, Any]:
    return {
        **options,
        "message": _template("title"),
        "description": _template("text"),
        "priority": _template("priority"),
        "entity": _template("service"),
        "source": PRODUCT,
    }


def _teams(options: Options) -> dict[str, Any]:
    return {**options, "title": _template("markdown.title"), "text": _template("markdown")}


def _telegram(options: Options) -> dict[str, Any]:
    return {**options, "parse_mode": "HTML", "message": _template("telegram")}


def _discord(options: Options) -> dict[str, Any]:
    return {**options, "title": _template("markdown.title"), "message": _template("markdown")}


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
