"""Runbook pages: Markdown files of one folder, rendered without HTML of their own. Which alert has which: its rule."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

LARGEST = 512 * 1024  # bytes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_PAGE_LINK = re.compile(r"(?:\./)?([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.md(#[A-Za-z0-9_-]*)?")


class Runbooks:
    """The pages of a folder; None for a console without any."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def names(self) -> list[str]:
        """Sorted; a README is no runbook."""
        if self._folder is None:
            return []
        try:
            files = list(self._folder.iterdir())
        except OSError:
            return []
        return sorted(f.stem for f in files if f.suffix == ".md" and _NAME.fullmatch(f.stem) and f.stem != "README")

    def has(self, name: str) -> bool:
        return self._file(name) is not None

    def page(self, name: str) -> Markup | None:
        """The page as HTML; None when there is no such page."""
        file = self._file(name)
        if file is None:
            return None
        try:
            with file.open("rb") as stream:
                text = stream.read(LARGEST).decode("utf-8", "replace")
        except OSError:
            return None
        tokens = self._markdown.parse(text)
        for token in tokens:
            _link_pages(token)
        # markdown-it escapes all text, and HTML of the source's own is switched off
        return Markup(self._markdown.renderer.render(tokens, self._markdown.options, {}))

    def _file(self, name: str) -> Path | None:
        if self._folder is None or not _NAME.fullmatch(name):
            return None
        file = self._folder / f"{name}.md"
        inside = file.resolve().is_relative_to(self._folder.resolve())  # a link may lead to another page, not elsewhere
        return file if inside and file.is_file() else None


def _link_pages(token: Token) -> None:
    """A link to `other.md` leads to that runbook's page."""
    for child in token.children or ():
        match = _PAGE_LINK.fullmatch(str(child.attrs.get("href", "")))
        if match:
            child.attrs["href"] = f"/runbooks/{match[1]}{match[2] or ''}"
