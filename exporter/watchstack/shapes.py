"""What makes JSON Schemas short: objects, lists, what may be absent. The schemas: schemas.py, console/schemas.py."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
BOOL: Schema = {"type": "boolean"}
ANY: Schema = {"type": "object"}


def record(keys: Schema, optional: tuple[str, ...] = ()) -> Schema:
    """An object of exactly these keys."""
    required = [key for key in keys if key not in optional]
    return {"type": "object", "properties": keys, "required": required, "additionalProperties": False}


def by_name(inner: Schema) -> Schema:
    """An object whose keys are names that somebody gave."""
    return {"type": "object", "additionalProperties": inner}


def each(inner: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": inner}


def maybe(schema: Schema) -> Schema:
    """This, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def told(about: str, **schema: Any) -> Schema:
    """With words about it."""
    return {**schema, "description": about}


TIME = told("UTC", type="string", pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", format="date-time")
