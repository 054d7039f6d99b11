"""The configuration that the native parts read, `.stack/config`: put together, replaced as a whole, put back.

The tree that was in force before is kept beside it as `config.old` until the next one comes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from stackgen.engines.native_examples import with_examples
from stackgen.engines.native_files import Folder, unwritable
from stackgen.model import Model
from stackgen.placement import Placement

COPIED = "alertmanager/templates"  # hand-written, part of the configuration
LINKED = "prometheus"  # beside the generated files: target files that discovery reads while the stack runs


def native_model(model: Model) -> Model:
    """The model as it runs natively: Promtail collects, since Alloy exists only as an image."""
    return replace(model, stack=replace(model.stack, collector="promtail"))


def contents(root: Path, model: Model, placement: Placement) -> dict[str, bytes]:
    """Every file of the tree: relative POSIX path to content."""
    from stackgen.render import render  # late: looking at a running stack does without it

    files = render(native_model(with_examples(model, root)), placement)
    return files | {name: path.read_bytes() for name, path in templates(root)}


def templates(root: Path) -> Iterator[tuple[str, Path]]:
    """Alertmanager's, which are hand-written: name in the tree and place."""
    found = (path for path in sorted((root / COPIED).glob("*.tmpl")) if path.is_file())  # no editor's lock, a dead link
    return ((f"{COPIED}/{path.name}", path) for path in found)


def targets(root: Path, files: Mapping[str, bytes]) -> Iterator[tuple[str, Path]]:
    """The hand-written files of targets beside the generated ones: name in the tree and place."""
    source = root / LINKED
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        name = path.relative_to(root).as_posix()
        if not path.is_file() or name in files or path.suffix not in (".json", ".yml", ".yaml"):
            continue
        if not name.startswith((f"{LINKED}/rules/", f"{LINKED}/tests/")):
            yield name, path


class Tree:
    """`.stack/config` and what lies beside it while it is replaced."""

    def __init__(self, root: Path, folder: Folder) -> None:
        self._root = root
        self.path = folder.config
        self._new = folder.path / "config.new"  # being written
        self._next = folder.path / "config.next"  # whole
        self._old = folder.path / "config.old"

    def recover(self) -> None:
        """Finishes or undoes a replacement that was interrupted."""
        for candidate in (self._next, self._old):
            if not self.path.exists() and candidate.exists():
                candidate.rename(self.path)

    def read(self) -> dict[str, bytes]:
        """The tree in force."""
        return read_tree(self.path)

    def install(self, files: Mapping[str, bytes]) -> bool:
        """Puts this tree in force; False when it is already. Raises EngineError when the disk does not take it."""
        try:
            self.recover()
            if self.path.exists() and self.read() == dict(files):
                self._link(self.path, files)
                return False
            shutil.rmtree(self._new, ignore_errors=True)
            shutil.rmtree(self._next, ignore_errors=True)
            for name, content in files.items():
                _write(self._new / name, content)
            self._link(self._new, files)
            self._new.rename(self._next)
            shutil.rmtree(self._old, ignore_errors=True)
            if self.path.exists():
                self.path.rename(self._old)
            self._next.rename(self.path)
        except OSError as error:
            shutil.rmtree(self._new, ignore_errors=True)
            raise unwritable(self.path, error) from error
        return True

    def restore(self, files: Mapping[str, bytes]) -> None:
        """Puts an earlier tree in force again: the one that was kept beside it where it is that, else written anew."""
        self.recover()
        if self.read() != dict(files) and read_tree(self._old) == dict(files):
            self.put_back()
        else:
            self.install(files)

    def put_back(self) -> None:
        """Puts the tree in force that was before the last `install`."""
        if not self._old.exists():
            return
        shutil.rmtree(self._next, ignore_errors=True)
        self.path.rename(self._next)
        self._old.rename(self.path)
        shutil.rmtree(self._next, ignore_errors=True)

    def _link(self, tree: Path, files: Mapping[str, bytes]) -> None:
        """Links the hand-written target files, so that a change of theirs is seen at once."""
        for name, path in targets(self._root, files):
            link = tree / name
            if not link.is_symlink():
                link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                link.symlink_to(path)


def read_tree(folder: Path) -> dict[str, bytes]:
    """The plain files of a tree: relative POSIX path to content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
