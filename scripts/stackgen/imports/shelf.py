"""Which dashboards there are, and names that none of them has: uid, title, file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from stackgen.imports.faults import ImportFault
from stackgen.live.boards import CUSTOM, read

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")  # what Grafana takes
RESERVED = "watchstack-"  # uids of generated dashboards, also of those that come with a profile


@dataclass(frozen=True)
class Standing:
    """A dashboard that is there. file: relative to the checkout. custom: a person saved it."""

    file: str
    uid: str
    title: str
    panels: int
    custom: bool


@dataclass(frozen=True)
class Shelf:
    """All of them."""

    standing: tuple[Standing, ...]

    @classmethod
    def of(cls, root: Path) -> Shelf:
        """Those of a checkout; files that are no dashboards are left out."""
        found = (one for one in read(root) if not one.fault)
        return cls(
            tuple(Standing(one.file, one.uid, one.title, sum(1 for _ in one.panels()), one.custom) for one in found)
        )

    def file(self, name: str, title: str, uid: str) -> str:
        """Where a dashboard goes: under the name that was asked for, else its title. Raises ImportFault when another
        one stands there.
        """
        file = f"{CUSTOM}/{name or slug(title)}.json"
        there = self._there(file)
        earlier = there is not None and self._refused(uid, file) and there.uid == _after(title)  # taken before, mended
        if there is not None and uid and there.uid != uid and not earlier:
            raise ImportFault(
                f"{file} is another dashboard already ('{there.title}', uid {there.uid})",
                hint="give this one a name of its own with --name, or remove that file first",
            )
        return file

    def uid(self, wanted: str, file: str, title: str) -> tuple[str, str]:
        """The uid itself where it is free, else one that is; and why it is another one, "" when it is not."""
        there, why = self._there(file), self._refused(wanted, file)
        if there is not None:  # the same dashboard, as `file` has seen
            return there.uid, why if wanted else ""
        if not why:
            return wanted, ""
        return _free(_after(title), {one.uid for one in self.standing}, "-"), why

    def _there(self, file: str) -> Standing | None:
        return next((one for one in self.standing if one.file == file), None)

    def _refused(self, uid: str, file: str) -> str:
        """Why a dashboard cannot have this uid, "" when it can."""
        taken = {one.uid: one.file for one in self.standing if one.file != file}
        if not uid:
            return "it had none"
        if not UID.fullmatch(uid):
            return f"'{uid[:60]}' is none that Grafana takes"
        if uid in taken:
            return f"'{uid}' is that of {taken[uid]}"
        return f"'{uid}' is kept for generated dashboards" if uid.startswith(RESERVED) else ""

    def title(self, wanted: str, file: str) -> tuple[str, str]:
        """The title itself, or one that no other dashboard has: Grafana stops provisioning over two of one name."""
        taken = {one.title: one.file for one in self.standing if one.file != file}
        if wanted not in taken:
            return wanted, ""
        return _free(wanted, taken, " "), f"{taken[wanted]} has the title '{wanted}'"


def _free(wanted: str, taken: Iterable[str], between: str) -> str:
    numbered = (f"{wanted}{between}{number}" for number in range(2, 10_000))
    return next(one for one in (wanted, *numbered) if one not in taken)


def _after(title: str) -> str:
    """A uid after a title that is not kept for others, with room for a number behind it."""
    words = slug(title)
    while words.startswith(RESERVED):
        words = words.removeprefix(RESERVED)
    return words[:36].strip("-") or "dashboard"


def slug(title: str) -> str:
    """A title as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60].strip("-") or "dashboard"


def dumped(model: object) -> bytes:
    """The file as it is written."""
    return (json.dumps(model, indent=2, ensure_ascii=False) + "\n").encode()
