"""Reads where the host's own apt gets its packages from, in both formats of sources. Nothing is fetched here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
STABLE = "trixie"  # the oldest Debian whose packages are at or above the floors
OLDER = ("buster", "bullseye", "bookworm")


@dataclass(frozen=True)
class Source:
    """One archive. signed_by: keyrings or fingerprints, comma separated, or a whole key; "" means apt's own."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""

    def stanza(self) -> str:
        """The source in deb822 format."""
        key = self.signed_by if "\n" not in self.signed_by else _indented(self.signed_by)
        lines = [f"Types: deb\nURIs: {self.uri}\nSuites: {self.suite}\nComponents: {' '.join(self.components)}"]
        return "\n".join(lines + ([f"Signed-By: {key}"] if key else [])) + "\n"


def chosen(etc: Path = Path("/etc"), keyring: Path = KEYRING) -> Source | None:
    """The archive to take packages from: the host's own mirror, with Debian 13's suite on an older Debian.

    None when the host names no such archive.
    """
    system = _os_release(etc / "os-release")
    codename = system.get("VERSION_CODENAME", "")
    if not codename:
        return None
    for source in configured(etc / "apt"):
        if source.suite not in (codename, system.get("ID", "")) or "main" not in source.components:
            continue
        if system.get("ID") != "debian":
            return source
        signed_by = source.signed_by or (str(keyring) if keyring.exists() else "")
        suite = STABLE if codename in OLDER else source.suite
        return replace(source, suite=suite, components=("main",), signed_by=signed_by)
    return None


def configured(apt: Path) -> Iterator[Source]:
    """Every enabled binary source below /etc/apt, file by file."""
    folder = apt / "sources.list.d"
    for path in [apt / "sources.list", *(sorted(folder.iterdir()) if folder.is_dir() else [])]:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if path.suffix == ".list":
            yield from _one_line(text)
        elif path.suffix == ".sources":
            yield from _deb822(text)


def _one_line(text: str) -> Iterator[Source]:
    pattern = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>[^#]*)")
    for line in text.splitlines():
        match = pattern.match(line.strip())
        if match is not None:
            options = dict(item.partition("=")[::2] for item in (match["options"] or "").split())
            yield Source(match["uri"], match["suite"], tuple(match["components"].split()), options.get("signed-by", ""))


def _deb822(text: str) -> Iterator[Source]:
    for stanza in re.split(r"\n\s*\n", "\n".join(line for line in text.splitlines() if not line.startswith("#"))):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t") and name:
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false", "0") or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, tuple(fields.get("components", "").split()), fields.get("signed-by", ""))


def _indented(key: str) -> str:
    return "\n".join([""] + [" " + (line if line else ".") for line in key.strip().splitlines()])


def _os_release(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return {}
    return {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines) if name}
