"""Text that an answer in UTF-8 can hold."""

from __future__ import annotations


def text_of(value: object) -> str:
    """The value as text, with `?` for what UTF-8 cannot write: the name of a file may hold such."""
    return str(value).encode(errors="replace").decode()
