"""Programs out of the distribution's packages: downloaded and unpacked below the cache, never installed.

apt runs with a state of its own below `<cache>/debian/apt`; the packages are verified by apt with the host's keyring.
Where the host's mirror stands is read in aptsources; who wants a program from here is decided in resolve.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from stackgen.parts import aptsources, cache
from stackgen.parts.errors import PartError
from stackgen.parts.versions import at_least, upstream

FRESH = 12 * 3600  # seconds for which the package lists are good
FREE = 400  # MiB: package lists 20, a package and its contents up to 250
TIMEOUT = 300


def fetch(part: str, packages: tuple[str, ...], programs: tuple[str, ...], floor: str = "0") -> cache.Entry:
    """The packages' programs, unpacked together into `<cache>/debian/<first package>/<its version>/`.

    floor: the oldest version that will do; entry.version is the program's own. Raises PartError.
    """
    known = held(packages, programs, floor)
    if known is not None:
        return known
    with cache.lock("debian"):
        known = held(packages, programs, floor)
        if known is not None:
            return known
        apt = _Apt(part)
        version = apt.candidate(packages[0])
        if not at_least(version, floor):
            message = f"the distribution's {packages[0]} is {version}, older than {floor}, the oldest that will do"
            raise PartError(part, message)
        return apt.unpack(packages, version, programs)


def held(packages: tuple[str, ...], programs: tuple[str, ...], floor: str = "0") -> cache.Entry | None:
    """What lies unpacked of these packages at or above the floor, the latest first; nothing is fetched."""
    folder = cache.root() / "debian" / packages[0]
    places = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    for place in reversed(places):
        entry = cache.read(place, programs)
        if entry is not None and at_least(entry.version, floor):
            return entry
    return None


class _Apt:
    """apt with lists, cache and sources below the cache folder. The caller holds the lock `debian`."""

    def __init__(self, part: str) -> None:
        self._part = part
        for tool in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise PartError(part, f"no distribution package is to be had here: {tool} is missing")
        self._home = cache.below("debian", "apt")
        self._environment = {**os.environ, "LC_ALL": "C.UTF-8", "APT_CONFIG": str(self._home / "apt.conf")}
        self._configure()

    def _configure(self) -> None:
        source = aptsources.chosen()
        if source is None:
            raise PartError(self._part, "the host's apt names no archive of its own distribution")
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (self._home / name).mkdir(parents=True, exist_ok=True)
        if not (self._home / "status").exists():  # a newer one would make apt build its cache anew
            (self._home / "status").touch()
        sources = self._home / "host.sources"
        if not sources.exists() or sources.read_text("utf-8") != source.stanza():
            sources.write_text(source.stanza(), "utf-8")
            self._stamp.unlink(missing_ok=True)
        home = str(self._home)
        settings = {
            "Dir::State": f"{home}/state", "Dir::State::lists": f"{home}/lists", "Dir::State::status": f"{home}/status",
            "Dir::Cache": f"{home}/cache", 
            "Dir::Etc::sourcelist": str(sources), "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::main": "/dev/null", "Dir::Etc::parts": "/dev/null", "Acquire::Languages": "none",
            "Acquire::Retries": "2", "Acquire::http::Timeout": "30", "APT::Update::Error-Mode": "any",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::CNF::DefaultEnabled": "false",
            **{f"Acquire::IndexTargets::deb::DEP-11{suffix}::DefaultEnabled": "false"
               for suffix in ("", "-icons", "-icons-small", "-icons-hidpi", "-icons-large")},
        }  # fmt: skip
        if os.geteuid() == 0:
            settings["APT::Sandbox::User"] = "root"
        lines = [*self._proxies(), *(f'{name} "{value}";' for name, value in settings.items())]
        (self._home / "apt.conf").write_text("\n".join(lines) + "\n", "utf-8")

    def _proxies(self) -> list[str]:
        """The host's settings of how to fetch (proxies, certificates); its hooks and the like are left out."""
        environment = {name: value for name, value in os.environ.items() if name != "APT_CONFIG"}
        said = subprocess.run(
            ["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False, env=environment
        ).stdout
        kept = ("Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Proxy", "Acquire::ForceIPv")
        return [line for line in said.splitlines() if line.startswith(kept)]

    @property
    def _stamp(self) -> Path:
        return self._home / "updated"

    def candidate(self, package: str) -> str:
        """The version of the package that the archive has; the lists are fetched when they are old."""
        fresh = self._stamp.exists() and time.time() - self._stamp.stat().st_mtime < FRESH
        if not fresh:
            self._update()
        said = self._run(["apt-cache", "show", "--no-all-versions", package], check=False)
        for line in said.splitlines():
            if line.startswith("Version: "):
                return line.removeprefix("Version: ").strip()
        raise PartError(self._part, f"the distribution's archive has no package {package}")

    def _update(self) -> None:
        self._check_disk()
        try:
            self._run(["apt-get", "update", "-q"])
        except PartError:
            if not self._stamp.exists():  # old lists are better than none
                raise
        else:
            self._stamp.touch()

    def _check_disk(self) -> None:
        status = os.statvfs(self._home)
        free = status.f_bavail * status.f_frsize >> 20
        if free < FREE:
            raise PartError(
                self._part, f"unpacking a package needs {FREE} MiB of free disk, {cache.root()} has {free} MiB",
                "free some space, or name another folder: WATCHSTACK_CACHE",
            )  # fmt: skip

    def unpack(self, packages: tuple[str, ...], version: str, programs: tuple[str, ...]) -> cache.Entry:
        """Downloads and unpacks the packages, the first of which has this version."""
        self._check_disk()
        with cache.staging(f"debian-{packages[0]}") as staged:
            download = staged / "download"
            download.mkdir()
            try:
                self._run(["apt-get", "download", "-q", *packages], folder=download)
            except PartError:  # the archive may have moved on since the lists were fetched
                self._stamp.unlink(missing_ok=True)
                version = self.candidate(packages[0])
                self._run(["apt-get", "download", "-q", *packages], folder=download)
            content = staged / "content"
            for archive in sorted(download.glob("*.deb")):
                self._run(["dpkg-deb", "-x", str(archive), str(content)])
            for name in ("doc", "man", "lintian", "locale"):
                shutil.rmtree(content / "usr/share" / name, ignore_errors=True)
            relocate(content)
            found = {name: _program(self._part, packages[0], content, name) for name in programs}
            place = cache.root() / "debian" / packages[0] / version.replace(":", "_")
            facts = {"package": packages[0], "package_version": version}
            return cache.install_at(place, content, cache.Entry(self._part, upstream(version), found, facts))

    def _run(self, command: list[str], folder: Path | None = None, *, check: bool = True) -> str:
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=self._environment, timeout=TIMEOUT,
                cwd=folder or self._home, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise PartError(self._part, f"`{command[0]}` gave no answer within {TIMEOUT} s", _HINT) from error
        if check and done.returncode:
            last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-4:])
            raise PartError(
                self._part, f"`{' '.join(command[:2])}` failed with exit code {done.returncode}", _HINT, last=last
            )
        return done.stdout


_HINT = "check that the distribution's mirror answers, then run the same command again"


def _program(part: str, package: str, top: Path, name: str) -> Path:
    """Path of a program relative to the unpacked package; Debian prefixes some names and writes dashes."""
    dashed = name.replace("_", "-")
    for folder in ("usr/libexec/docker/cli-plugins", "usr/bin"):
        for candidate in (name, dashed, f"prometheus-{dashed}"):
            if (top / folder / candidate).is_file():
                return Path(folder, candidate)
    raise PartError(part, f"the distribution's package {package} holds no program {name}")


SHARE = "/usr/share/prometheus/alertmanager"
MOVED = "/proc/self/fd/9"
WRAPPER = """#!/bin/sh
here=${{0%/*}}
exec 9< "$here/../{share}" && exec "$here/../lib/watchstack/{name}" "$@"
"""


def relocate(content: Path) -> None:
    """Makes Debian's Alertmanager and amtool find their templates where the package was unpacked.

    They read them at the absolute path of an installed package. In the unpacked copy that path is replaced by one of
    the same length, a file descriptor; the program becomes a script that opens the folder as that descriptor first.
    """
    share = content / SHARE.lstrip("/")
    if not share.is_dir():
        return
    padded = MOVED + "/" * (len(SHARE) - len(MOVED))
    for program in sorted((content / "usr/bin").iterdir()):
        data = program.read_bytes()
        if SHARE.encode() not in data:
            continue
        real = content / "usr/lib/watchstack" / program.name
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(data.replace(SHARE.encode(), padded.encode()))
        real.chmod(0o755)
        program.unlink()
        program.write_text(WRAPPER.format(share=SHARE.removeprefix("/usr/"), name=program.name), "utf-8")
        program.chmod(0o755)
