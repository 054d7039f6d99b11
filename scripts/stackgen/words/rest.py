"""What else changes: Loki, log collectors, console, probes, datasources by their keys; dashboards by their panels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stackgen.words.spell import duration, listed
from stackgen.words.trees import Tree, differing

Told = Iterator[tuple[str, str]]
MOST = 3  # keys of one file that are told with their values
DASHBOARDS = "grafana/dashboards/"
TEMPLATES = "alertmanager/templates/"  # in the trees of running parts alone: they are sources
PARTS = {  # path to the part that reads it, as a sentence names it
    "loki/loki.yml": "Loki",
    "loki/promtail.yml": "Promtail",
    "loki/config.alloy": "Alloy",
    "console/console.json": "console",
    "blackbox/blackbox.yml": "blackbox exporter",
    "grafana/provisioning/datasources/watchstack.yml": "Grafana's datasources",
    "grafana/provisioning/dashboards/watchstack.yml": "Grafana's folder of dashboards",
}
SPOKEN = {("loki/loki.yml", "limits_config.retention_period"): "logs are kept {new} instead of {old}"}
UNSAID = ("description",)  # the header of a JSON file
SECRET = ("options", "url", "notify")


def rest(old: Tree, new: Tree) -> Told:
    """Part and sentence."""
    for path, part in PARTS.items():
        if old.files.get(path) != new.files.get(path):
            yield from ((part, sentence) for sentence in _file(path, part, old, new))
    for path in sorted(differing(old, new)):
        if path.startswith(DASHBOARDS):
            yield "dashboard", _dashboard(path, old, new)
        elif path.startswith(TEMPLATES):
            fate = (
                "changes" if path in old.files and path in new.files else "is new" if path in new.files else "is gone"
            )
            yield "message", f"message template {path.removeprefix(TEMPLATES)} {fate}"


def _file(path: str, part: str, old: Tree, new: Tree) -> Iterator[str]:
    if path not in old.files or path not in new.files:
        yield f"{part}: {path} is {'new' if path in new.files else 'gone'}"
        return
    if path.endswith(".alloy"):
        yield f"{part}: {path} changes"
        return
    found = list(_keys(old.data(path), new.data(path)))
    spoken = [
        SPOKEN[path, key].format(new=_value(now), old=_value(was)) for key, was, now in found if (path, key) in SPOKEN
    ]
    yield from spoken
    others = [one for one in found if (path, one[0]) not in SPOKEN]
    if others:
        told = [_told(*one) for one in others[:MOST]]
        more = f" and {len(others) - MOST} more" if len(others) > MOST else ""
        yield f"{part}: {', '.join(told)}{more}"


def _told(key: str, was: object, now: object) -> str:
    if any(word in key for word in SECRET) or isinstance(was, list | dict) or isinstance(now, list | dict):
        return f"{key} changes"
    return f"{key} is {_value(now)} instead of {_value(was)}"


def _value(value: object) -> str:
    return "nothing" if value is None else duration(value)


def _keys(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted keys whose values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*new, *old)):
            if not (key == "" and name in UNSAID):
                yield from _keys(old.get(name), new.get(name), f"{key}.{name}" if key else str(name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (was, now) in enumerate(zip(old, new, strict=True)):
            yield from _keys(was, now, f"{key}[{index}]")
    elif old != new:
        yield key, old, new


def _dashboard(path: str, old: Tree, new: Tree) -> str:
    before, after = old.data(path), new.data(path)
    title = (after or before).get("title", path)
    if path not in old.files or path not in new.files:
        return f"dashboard {title} is {'new' if path in new.files else 'gone'}"
    was, now = _panels(before), _panels(after)
    words = [f"new panels: {listed(names, MOST)}"] if (names := [name for name in now if name not in was]) else []
    words += [f"panels that go: {listed(names, MOST)}"] if (names := [name for name in was if name not in now]) else []
    changed = [name for name in now if name in was and was[name] != now[name]]
    words += [f"changed panels: {listed(changed, MOST)}"] if changed else []
    return f"dashboard {title}: {'; '.join(words) or 'its settings change'}"


def _panels(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """Panels by title, those in collapsed rows too; where they stand and their number is no change of theirs."""
    found: dict[str, Any] = {}
    for panel in dashboard.get("panels") or ():
        found |= _panels(panel)
        name = str(panel.get("title") or panel.get("id"))
        found[name] = {key: value for key, value in panel.items() if key not in ("gridPos", "id", "panels")}
    return found
