"""From the bytes of a file to a classic dashboard: the forms in which Grafana gives a dashboard away are unwrapped.

Those are the bare model, the export for sharing (with `__inputs`), the answer and the request of the API, and the
resources v0, v1 and v2. What v2 says is turned into the classic form in `v2`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NoReturn

from stackgen.imports.faults import ImportFault
from stackgen.imports.shape import misshapen
from stackgen.imports.v2 import classic

LARGEST = 4 * 2**20  # bytes
RESOURCE = "dashboard.grafana.app/"
KINDS = ("Dashboard", "DashboardWithAccessInfo")  # the second is what Grafana's own page asks for
_EXPORT = "save one in Grafana: Export, then JSON"


@dataclass
class Found:
    """model: the dashboard, to be changed at will. inputs: answers to `__inputs` that stood beside it, by name."""

    model: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(content: bytes) -> Found:
    """Raises ImportFault when the file holds no dashboard."""
    if len(content) > LARGEST:
        raise ImportFault(
            f"is too large: {len(content):,} bytes, and at most {LARGEST:,} are read",
            hint="leave its snapshot data out",
        )
    found = _unwrapped(_parsed(content))
    model = found.model
    if not isinstance(model.get("title"), str) or not model["title"].strip():
        raise ImportFault("the dashboard has no title", hint=_EXPORT)
    if "rows" in model and "panels" not in model:
        raise ImportFault(
            "is of a Grafana before 5, with rows of panels", hint="open and save it once in a newer Grafana"
        )
    _inlined(model, found.notes)
    if not isinstance(model.get("panels"), list):
        raise ImportFault("is no dashboard: `panels` is no list of panels", hint=_EXPORT)
    if faults := list(misshapen(model)):
        raise ImportFault(*(f"is no dashboard: {fault}" for fault in faults), hint=_EXPORT)
    return found


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_number)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ImportFault("is no text in UTF-8", hint=_EXPORT, line=line, column=1) from error
    except json.JSONDecodeError as error:
        raise ImportFault(f"is no JSON: {error.msg}", hint=_EXPORT, line=error.lineno, column=error.colno) from error
    except ValueError as error:  # a whole number of thousands of digits
        raise ImportFault(f"is no dashboard: {error}", hint=_EXPORT) from error
    except RecursionError as error:
        raise ImportFault("is no dashboard: it is nested too deeply", hint=_EXPORT) from error


def _number(word: str) -> float:
    found = float(word)
    return found if isfinite(found) else _no_number(word)


def _no_number(word: str) -> NoReturn:
    raise ImportFault(f"is no JSON: {word[:40]} is no number that can be kept", hint=_EXPORT)


def _unwrapped(content: Any) -> Found:
    if not isinstance(content, dict):
        raise ImportFault("is no dashboard: the file holds no JSON object", hint=_EXPORT)
    if isinstance(content.get("dashboard"), dict):
        inner = _unwrapped(content["dashboard"])
        given = content.get("inputs")
        answers = given if isinstance(given, list) else []
        inner.inputs |= {str(one.get("name")): one for one in answers if isinstance(one, dict)}
        return inner
    version = str(content.get("apiVersion", ""))
    if version.startswith(RESOURCE):
        return _resource(content, version.removeprefix(RESOURCE))
    if "elements" in content and "layout" in content:
        return _converted(content)
    if "panels" not in content and "rows" not in content:
        raise ImportFault("is no dashboard: it has neither panels nor elements", hint=_EXPORT)
    return Found(content)


def _resource(content: Mapping[str, Any], version: str) -> Found:
    spec, metadata = content.get("spec"), content.get("metadata")
    kind = content.get("kind")
    if kind not in KINDS or not isinstance(spec, dict):
        what = f"a {kind}" if isinstance(kind, str) and kind not in KINDS else "a resource without a dashboard"
        raise ImportFault(f"is {what} of Grafana, not a Dashboard", hint=_EXPORT)
    name = str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
    found = _converted(spec) if version.startswith("v2") else Found(spec)
    if name:
        found.model["uid"] = name
    return found


def _converted(spec: Mapping[str, Any]) -> Found:
    model, notes = classic(spec)
    return Found(
        model, notes=["is in Grafana's v2 form, which provisioning does not take: turned into the classic one", *notes]
    )


def _inlined(model: dict[str, Any], notes: list[str]) -> None:
    """Library panels that the export brought along, in the place of the references to them."""
    brought = model.pop("__elements", None)
    if isinstance(brought, list):  # of Grafana 8
        brought = {str(one.get("uid")): one for one in brought if isinstance(one, dict)}
    known = brought if isinstance(brought, dict) else {}
    for panel in every_panel(model):
        reference = panel.get("libraryPanel")
        if not isinstance(reference, dict):
            continue
        element = known.get(str(reference.get("uid")), {})
        whole = element.get("model") if isinstance(element, dict) else None
        name = reference.get("name") or reference.get("uid")
        if not isinstance(whole, dict):
            raise ImportFault(
                f"panel {panel.get('id')} is the library panel '{name}', which the file does not bring along",
                hint="export it for sharing with another instance, or unlink the panel first",
            )
        kept: dict[str, Any] = {key: panel[key] for key in ("id", "gridPos") if key in panel}
        panel.clear()
        panel.update({key: value for key, value in whole.items() if key != "libraryPanel"} | kept)
        notes.append(f"the library panel '{name}' is a panel of its own now")


def every_panel(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The panels, and those inside of collapsed rows."""
    found = []
    held = model.get("panels")
    for panel in held if isinstance(held, list) else ():
        if isinstance(panel, dict):
            inside = panel.get("panels")
            found += [panel, *(one for one in inside if isinstance(one, dict))] if isinstance(inside, list) else [panel]
    return found
