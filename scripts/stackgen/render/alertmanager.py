"""alertmanager/alertmanager.yml: inhibition, and what `routes`, `windows` and `receivers` make. Message texts are the
hand-written templates in alertmanager/templates."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from stackgen.model import Receiver
from stackgen.model.stack import INBOX, SEVERITIES
from stackgen.promql import quoted
from stackgen.render.common import STACK, Source
from stackgen.render.dump import header, to_yaml
from stackgen.render.receivers import receiver, relayed, webhook
from stackgen.render.routes import NOBODY, WATCHDOG, equals, route
from stackgen.render.windows import time_interval

__all__ = ["ADDRESS", "PATH", "TOKEN", "WATCHDOG", "render"]

PATH = "alertmanager/alertmanager.yml"
ADDRESS = "alertmanager/address.tmpl"
TOKEN = "inbox-token"


def render(source: Source) -> dict[str, bytes]:
    """The file by its path."""
    return {PATH: to_yaml(_config(source), header(PATH, STACK)), ADDRESS: _address(source)}


def _address(source: Source) -> bytes:
    """The one template that is generated: the console's address, which no notification carries."""
    quoted = json.dumps(source.stack.address, ensure_ascii=False)
    define = f'{{{{ define "watchstack.address" }}}}{{{{ {quoted} }}}}{{{{ end }}}}'
    return f"{{{{/* {header(ADDRESS, STACK)} */}}}}\n{define}\n".encode()


def _config(source: Source) -> dict[str, Any]:
    tree, windows = route(source), source.stack.windows.values()
    return {
        "templates": ["templates/*.tmpl", "address.tmpl"],
        "route": tree,
        **({"time_intervals": [time_interval(window) for window in windows]} if windows else {}),
        "inhibit_rules": list(_inhibit_rules()),
        "receivers": [
            {"name": INBOX, "webhook_configs": [_console(source, "inbox")]},
            {"name": WATCHDOG, "webhook_configs": [_console(source, "watchdog")]},
            *(_receiver(source, one) for one in source.stack.receivers.values() if one.name != INBOX),
            *([{"name": NOBODY}] if NOBODY in _named(tree) else []),
        ],
    }


def _named(tree: Mapping[str, Any]) -> Iterator[str]:
    """Every receiver of a routing tree."""
    yield tree["receiver"]
    for one in tree.get("routes", ()):
        yield from _named(one)


def _receiver(source: Source, one: Receiver) -> dict[str, Any]:
    if not relayed(one):
        return receiver(one, source.placement["alertmanager"].secrets)
    kept = {key: one.options[key] for key in ("max_alerts", "send_resolved") if key in one.options}
    return {"name": one.name, "webhook_configs": [_console(source, f"relay/{one.name}", kept)]}


def _console(source: Source, path: str, options: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """A webhook of the console's, with its token."""
    places = source.placement
    target = {**options, "url": f"{places['console'].url}/api/v1/{path}"}
    return webhook(target, bearer=f"{places['alertmanager'].secrets}/{TOKEN}")


def _inhibit_rules() -> Iterator[dict[str, Any]]:
    """A higher severity mutes the lower ones about the same subject; what is down mutes what hangs on it.

    Labels missing on both sides count as equal in Alertmanager: the matchers keep alerts without the labels out.
    """
    for rank, severity in enumerate(SEVERITIES[:-1]):
        lower = SEVERITIES[rank + 1 :]
        target = equals("severity", lower[0]) if len(lower) == 1 else f"severity=~{quoted('|'.join(lower))}"
        yield {
            "source_matchers": [equals("severity", severity), 'subject=~".+"'],
            "target_matchers": [target, 'subject=~".+"'],
            "equal": ["subject", "service", "instance"],
        }
    yield {
        "source_matchers": [equals("inhibits", "instance")],
        "target_matchers": ['instance=~".+"'],
        "equal": ["service", "instance"],
    }
