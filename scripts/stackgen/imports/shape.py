"""Whether a classic dashboard has the form that everything behind relies on: lists of objects where they belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def misshapen(model: Mapping[str, Any]) -> Iterator[str]:
    """What has another form, each as a sentence with its place."""
    yield from _listed(model, "__inputs", "")
    for section in ("templating", "annotations"):
        held = model.get(section)
        if held is not None and not isinstance(held, dict):
            yield f"{section} is no object"
        elif held:
            yield from _listed(held, "list", f"{section}.")
            for number, one in enumerate(_objects(held.get("list"))):
                if not isinstance(one.get("current") or {}, dict):
                    yield f"{section}.list[{number}].current is no object"
    yield from _panels(model, "")


def _panels(owner: Mapping[str, Any], where: str) -> Iterator[str]:
    yield from _listed(owner, "panels", where)
    for number, panel in enumerate(_objects(owner.get("panels"))):
        here = f"{where}panels[{number}]."
        yield from _listed(panel, "targets", here)
        if not where:
            yield from _panels(panel, here)


def _listed(owner: Mapping[str, Any], key: str, where: str) -> Iterator[str]:
    found = owner.get(key)
    if key in owner and found is not None and not (isinstance(found, list) and len(_objects(found)) == len(found)):
        yield f"{where}{key} is no list of objects"


def _objects(found: Any) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
