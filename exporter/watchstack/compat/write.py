"""Writes the files of packages.py into a folder: all or none, and nothing over what somebody else wrote."""

from __future__ import annotations

from pathlib import Path

from watchstack.catalogue import Preset
from watchstack.compat.packages import FILES

MARK = "# written by `python -m watchstack.compat"


class Foreign(FileExistsError):
    """Files in the way that this command did not write. paths: which; hidden: modules that a package would hide."""

    def __init__(self, paths: list[Path], hidden: list[Path]) -> None:
        named = "\n".join([*map(str, paths), *(f"{path}, which the package {path.stem} would hide" for path in hidden)])
        super().__init__(
            f"not written by this command, so left alone:\n{named}\n"
            "Nothing was written. Move them away, or choose another folder and merge by hand"
        )
        self.paths = [*paths, *hidden]


def write(preset: Preset | str, folder: Path) -> dict[str, str]:
    """Writes the packages of a preset below `folder`; path to `written`, `unchanged` or `kept`.

    Kept is the application's own `__init__.py` of a package that the files lie in. Raises Foreign, ValueError for a
    preset that is none, OSError.
    """
    chosen = Preset(preset)
    head = f"{MARK} {chosen} DIR`; do not edit\n"
    wanted = {path: head + body for path, body in FILES[chosen].items()}
    told = {path: _state(folder / path, text, head) for path, text in wanted.items()}
    foreign = [folder / path for path, state in told.items() if state == "foreign"]
    packages = {parent for path in wanted for parent in Path(path).parents if parent.name}
    new = [folder / package for package in sorted(packages) if not (folder / package / "__init__.py").exists()]
    hidden = [module for package in new if (module := package.with_suffix(".py")).exists()]
    if foreign or hidden:
        raise Foreign(foreign, hidden)
    for path, text in wanted.items():
        if told[path] == "written":
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    return told


def _state(path: Path, text: str, head: str) -> str:
    if not path.exists():
        return "written"
    found = path.read_text(encoding="utf-8", errors="replace")
    if found == text:
        return "unchanged"
    if found.startswith(head):
        return "written"
    return "kept" if path.name == "__init__.py" and path.parent.name != "monitoring" else "foreign"
