"""`./stack route`: whom an alert with these labels reaches, and what it mutes. Nothing running is asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
import yaml

from stackgen.cli import codes
from stackgen.cli.output import Output
from stackgen.cli.session import Session
from stackgen.engines.docker_placement import COMPOSE
from stackgen.model import Model
from stackgen.render.alertmanager import PATH
from stackgen.render.alertmanager import render as alertmanager
from stackgen.render.common import Source
from stackgen.render.routes import NOBODY
from stackgen.routing import Hit, inhibited_by, inhibits, open_windows, walk
from stackgen.routing.picture import picture


class Moment(click.ParamType[datetime]):
    """A point in time with a zone; without one it is UTC."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-11-21T18:30 or 2026-11-21T18:30+01:00", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@click.command()
@click.argument("labels", nargs=-1, metavar="[LABEL=VALUE]...")
@click.option("--at", type=Moment(), help="When, for windows: 2026-11-21T18:30 (UTC unless it says otherwise).")
@click.option("--json", "json_", is_flag=True, help="The answer as JSON.")
@click.pass_obj
def route(session: Session, labels: tuple[str, ...], at: datetime | None, json_: bool) -> None:
    """Show whom an alert reaches: severity=critical team=web service=shop. Without labels, show the whole tree.

    What the stack knows of a service or an alert that is named (its team, environment, severity) is filled in.
    """
    output = Output(json_=json_)
    session.recover(output)
    given = dict(_pair(word) for word in labels)
    model = session.load(output)
    source = Source(model, COMPOSE)
    config: Mapping[str, Any] = yaml.safe_load(alertmanager(source)[PATH])
    if not given:
        if json_:
            output.document(config["route"])
        else:
            click.echo(picture(model.stack))
        sys.exit(codes.FINE)
    alert = filled(source, given)
    moment = at or datetime.now(UTC)
    hits = [hit for hit in walk(config, alert, open_windows(config, moment)) if hit.receiver != NOBODY]
    if json_:
        output.document(document(config, alert, moment, hits))
    else:
        click.echo(words(config, alert, moment, hits))


def _pair(word: str) -> tuple[str, str]:
    name, equal, value = word.partition("=")
    if not equal or not name:
        raise click.UsageError(f"'{word}' is no label: write LABEL=VALUE, as in severity=critical")
    return name, value


def filled(source: Source, given: Mapping[str, str]) -> dict[str, str]:
    """The labels with what follows from them: the service's own, and those that the alert's rule sets."""
    known = {"environment": source.stack.environment}
    for service in source.stack.services:
        if service.name == given.get("service"):
            known = source.service_labels(service)
    labels = {**known, **_of_rule(source.model, given.get("alertname", "")), **given}
    return {name: value for name, value in labels.items() if value}


def _of_rule(model: Model, name: str) -> dict[str, str]:
    override = model.stack.overrides.get(name)
    for file in model.rule_files:
        for group in file.groups:
            for rule in group.rules:
                if rule.kind == "alert" and rule.name == name:
                    written = {key: str(value) for key, value in (rule.body.get("labels") or {}).items()}
                    labels = {key: value for key, value in written.items() if "{{" not in value}
                    changed = {
                        "severity": (override and override.severity) or "",
                        "team": (override and override.team) or rule.team or "",
                    }
                    return {**labels, **{key: value for key, value in changed.items() if value}}
    return {}


def words(config: Mapping[str, Any], labels: Mapping[str, str], at: datetime, hits: list[Hit]) -> str:
    """The answer for people."""
    lines = [f"an alert with {', '.join(f'{name}={value}' for name, value in labels.items())}"]
    lines.append(f"on {at:%a %Y-%m-%d %H:%M %Z}")
    width = max(len(hit.receiver) for hit in hits) if hits else 0
    for hit in hits:
        why = ", ".join(hit.matchers) or "every alert"
        silent = f"is not told now: {hit.silent}" if hit.silent else "is told"
        lines.append(f"  {hit.receiver.ljust(width)}  {silent}  ({why}; again every {hit.options['repeat_interval']})")
    subject = about(labels)
    for targets, equal in inhibits(config, subject):
        lines.append(f"it mutes {', '.join(targets)} with the same {', '.join(equal)}")
    for sources, equal in inhibited_by(config, subject):
        lines.append(f"it is muted by {', '.join(sources)} with the same {', '.join(equal)}")
    return "\n".join(lines)


def about(labels: Mapping[str, str]) -> Mapping[str, str]:
    """For inhibition: where no alert is named, it has a subject and an instance, as those of the stack have."""
    return labels if "alertname" in labels else {"subject": "any", "instance": "any", **labels}


def document(config: Mapping[str, Any], labels: Mapping[str, str], at: datetime, hits: list[Hit]) -> dict[str, Any]:
    """The answer for programs."""
    told = [
        {
            "receiver": hit.receiver,
            "told": not hit.silent,
            "silent": hit.silent,
            "matchers": list(hit.matchers),
            **hit.options,
        }
        for hit in hits
    ]
    subject = about(labels)
    return {
        "labels": dict(labels),
        "at": at.isoformat(),
        "receivers": told,
        "inhibits": [{"matchers": matchers, "equal": equal} for matchers, equal in inhibits(config, subject)],
        "inhibited_by": [{"matchers": matchers, "equal": equal} for matchers, equal in inhibited_by(config, subject)],
    }
