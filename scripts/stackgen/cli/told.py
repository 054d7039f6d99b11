"""What `up` and `status` say at the end: addresses, passwords, and who is told of an alert."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from watchstack import init

from stackgen.engines import native_examples
from stackgen.engines.base import PartStatus
from stackgen.model import Model
from stackgen.model.stack import INBOX
from stackgen.parts.table import PARTS

PAGES = {
    "console": "console: inbox, runbooks, alerts",
    "grafana": "Grafana: dashboards",
    "prometheus": "Prometheus: metrics, rules",
    "alertmanager": "Alertmanager: silences",
    "loki": "Loki: logs (an API, no page)",
}


NATIVE_COLLECTOR = "promtail"


def addresses(parts: Sequence[PartStatus]) -> list[tuple[str, str]]:
    """What to open in a browser: title and address, in the order of use."""
    found = {part.part: part.address for part in parts}
    own = [(title, found[name]) for name, title in PAGES.items() if name in found]
    examples = {one.name: f"the example of the preset {one.preset}" for one in native_examples.EXAMPLES}
    return own + [(title, found[name]) for name, title in examples.items() if name in found]


def passwords(engine: str) -> str:
    """Where the passwords lie."""
    accounts = f"admin (secrets/{init.CONSOLE_ADMIN}) or viewer (secrets/{init.CONSOLE_VIEWER})"
    console = f"sign in to the console as {accounts}"
    if engine == "docker":
        return f"{console}, to Grafana as admin (secrets/{init.GRAFANA_PASSWORD})"
    return f"{console}; Grafana's pages come with the docker engine only (secrets/{init.GRAFANA_PASSWORD})"


def example_token(parts: Sequence[PartStatus]) -> str:
    """Where the token of the examples' own pages lies, "" without examples."""
    if not {one.name for one in native_examples.EXAMPLES} & {part.part for part in parts}:
        return ""
    return f"the examples' pages at /admin/monitoring ask for the token in secrets/{init.EXAMPLES_TOKEN}"


def first_password(root: Path) -> str:
    """The console's admin password, for the one time that it is shown: on a terminal, right after it was made."""
    password = (root / "secrets" / init.CONSOLE_ADMIN).read_text("utf-8").strip()
    return f"the console's admin password is {password} (shown this once; it stays in secrets/{init.CONSOLE_ADMIN})"


def notes(model: Model, root: Path, engine: str = "") -> list[str]:
    """What a person should know although everything runs. engine: the one that runs it."""
    return [
        *nobody_outside(model),
        *missing_secrets(model, root),
        *((*without_effect(model), *native_examples.absent(root)) if engine == "native" else ()),
    ]


def without_effect(model: Model) -> list[str]:
    """Sentences about what stack.yml asks for and the native engine does not run, since it exists only as an image."""
    parts = {
        profile: [part for part in PARTS.values() if part.profile == profile] for profile in model.stack.active_profiles
    }
    said = [
        f"profiles: {profile} has no effect natively: {' and '.join(part.name for part in absent)} "
        f"{'exist' if len(absent) > 1 else 'exists'} only as {'images' if len(absent) > 1 else 'an image'} "
        "(./stack up --engine docker runs it)"
        for profile, every in parts.items()
        if (absent := [part for part in every if not part.native])
    ]
    if model.stack.collector != NATIVE_COLLECTOR:
        said.append(
            f"collector: {model.stack.collector} has no effect natively: it exists only as an image, "
            f"{NATIVE_COLLECTOR} collects"
        )
    return said


def missing_secrets(model: Model, root: Path) -> list[str]:
    """Sentences about secret files that a receiver names and that are not there."""
    return [
        f"secrets/{value} is not there, but the receiver {receiver.name} needs it: put the secret into it, mode 600"
        for receiver in model.stack.receivers.values()
        for option, value in receiver.options.items()
        if option.endswith("_file") and isinstance(value, str) and not (root / "secrets" / value).exists()
    ]


def nobody_outside(model: Model) -> list[str]:
    """Sentences about who is not told."""
    said = []
    if not any(name != INBOX for name in model.stack.receivers):
        said.append("nobody outside is told of alerts: no receiver but the inbox is set up (receivers: in stack.yml)")
    if model.stack.watchdog.notify is None:
        said.append("nobody is told when the console itself stops: watchdog.notify in stack.yml names no receiver")
    return said
