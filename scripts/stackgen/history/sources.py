"""The files a person edits that make up a version: stack.yml, rules/ and Alertmanager's message templates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stackgen.journal import Transaction, WriteError, locked
from stackgen.source.files import STACK, rule_paths

TEMPLATES = "alertmanager/templates"


def sources(root: Path) -> dict[str, bytes]:
    """Every source that is there, path to content; one that cannot be read is left out."""
    paths = [STACK, *rule_paths(root)]
    paths += [path.relative_to(root).as_posix() for path in sorted((root / TEMPLATES).glob("*.tmpl"))]
    found = {}
    for path in paths:
        try:
            found[path] = (root / path).read_bytes()
        except OSError:
            continue
    return found


def put_sources(root: Path, wanted: Mapping[str, bytes]) -> list[str]:
    """Makes the sources exactly these, all at once; the paths that changed. Raises WriteError, with none changed."""
    present = sources(root)
    written = {path: content for path, content in wanted.items() if present.get(path) != content}
    removed = sorted(path for path in present if path not in wanted)
    if link := next((path for path in (*written, *removed) if (root / path).is_symlink()), ""):
        hint = f"take the link away, or put the earlier content into {os.path.realpath(root / link)} by hand"
        raise WriteError(f"{link} is a symbolic link, and earlier sources are not written through links", hint)
    if written or removed:
        with locked(root):
            transaction = Transaction(root)
            transaction.recover()
            transaction.replace(written, removed)
    return sorted((*written, *removed))
