"""A dashboard as a short text that a person can review: what it asks, how and where it is drawn, where it leads.

Colours, legends' places and the like are in the generated JSON, which has golden files of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from trees import tree

FOLDER = Path(__file__).resolve().parent / "golden" / "dashboards"
PREFIX = "grafana/dashboards/"


def structures() -> dict[str, str]:
    """File name to text, of every dashboard that is generated: for the shipped stack, and those with a profile."""
    files = {**tree("rich", "compose"), **tree("shipped", "compose")}
    return {
        f"{path.removeprefix(PREFIX).removesuffix('.json')}.txt": structure(json.loads(content))
        for path, content in files.items()
        if path.startswith(PREFIX)
    }


def structure(board: Mapping[str, Any]) -> str:
    """The text of one."""
    return "".join(f"{line}\n" for line in _lines(board))


def write() -> None:
    """Every file anew; what is no longer generated goes."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name, text in structures().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _lines(board: Mapping[str, Any]) -> Iterator[str]:
    yield f"{board['title']}  /d/{board['uid']}  {', '.join(board['tags'])}"
    yield f"{board['time']['from']} to {board['time']['to']}, every {board['refresh']}, schema {board['schemaVersion']}"
    for variable in board["templating"].get("list", ()):
        query = variable["query"]
        asked = query["query"] if isinstance(query, dict) else query
        yield f"variable {variable['name']} ({variable['type']}): {asked}"
    for one in board["annotations"].get("list", ()):
        yield f"annotation {one['name']} ({one['datasource']['uid']}): {one['expr']}"
    for link in board["links"]:
        yield f"link {link['title']}: {_target(link)}{_flags(link)}"
    for panel in board["panels"]:
        yield ""
        yield from _panel(panel)


def _panel(panel: Mapping[str, Any]) -> Iterator[str]:
    place = panel["gridPos"]
    shown = panel.get("fieldConfig", {}).get("defaults", {})
    where = f"{place['x']},{place['y']} {place['w']}x{place['h']}"
    unit = f" in {shown['unit']}" if shown.get("unit") else ""
    empty = " (may be empty)" if "Empty is fine:" in panel["description"] else ""
    yield f"{panel['id']:>2}  {where:<12} {panel['type']} {panel['title']}{unit}{empty}"
    for target in panel.get("targets", ()):
        how = "now" if target.get("instant") else target["datasource"]["uid"]
        legend = f"  -> {target['legendFormat']}" if target.get("legendFormat") else ""
        yield f"    {target['refId']} {how}: {target['expr']}{legend}"
    for link in shown.get("links", ()):
        yield f"    link {link['title']}: {unquote(link['url'])}"
    for one in panel.get("transformations", ()):
        yield f"    then {one['id']}"


def _target(link: Mapping[str, Any]) -> str:
    return f"tagged {', '.join(link['tags'])}" if link["type"] == "dashboards" else unquote(link["url"])


def _flags(link: Mapping[str, Any]) -> str:
    flags = {"keepTime": "same time", "includeVars": "same variables", "targetBlank": "new page"}
    found = [words for key, words in flags.items() if link.get(key)]
    return f" ({', '.join(found)})" if found else ""
