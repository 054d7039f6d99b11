"""The Debian base of stand-ins, made by debootstrap from the host's own mirror, and packages unpacked upon it.

Tarballs are kept below the parts' cache; what is put on the base lives in standins and own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound

from stackgen.images.context import INPUTS_LABEL, current
from stackgen.images.errors import ImageError
from stackgen.parts import aptsources, cache

BASE = "watchstack-local/base:debian"
PACKAGES = ("ca-certificates", "python3", "python3-venv", "tzdata")
PYTHON_LABEL = "watchstack.python"
ROUNDS = 1  # raised when the way the base is made changes
MADE_WITHIN = 1800
Say = Callable[[str], None]


def base(client: docker.DockerClient, say: Say) -> str:
    """Name of the base image, made when the engine does not hold it. Raises ImageError."""
    source = _source()
    key = _key(source, PACKAGES)
    if current(client, BASE, key):
        return BASE
    tarball = base_tarball(say)
    say(f"importing {BASE}")
    python = _python(tarball)
    client.api.timeout = MADE_WITHIN
    repository, _, tag = BASE.rpartition(":")
    try:
        client.api.import_image_from_file(
            str(tarball),
            repository=repository,
            tag=tag,
            changes=[f"LABEL {INPUTS_LABEL}={key} {PYTHON_LABEL}={python}", 'CMD ["bash"]'],
        )
    except DockerException as error:
        raise ImageError(f"{BASE} cannot be imported: {error}", "see the log of the Docker daemon") from error
    return BASE


def base_id(client: docker.DockerClient) -> str:
    """Identity of the base image that the engine holds. Raises ImageError when it holds none."""
    try:
        return str(client.images.get(BASE).id)
    except ImageNotFound as error:
        raise ImageError(f"{BASE} is not here", "./stack images makes it") from error


def python_version(client: docker.DockerClient) -> str:
    """Version of the base's Python, "3.13"."""
    return str(client.images.get(BASE).attrs["Config"]["Labels"][PYTHON_LABEL])


def base_tarball(say: Say) -> Path:
    """The base as a tarball in the cache, made when it is missing (about two minutes). Raises ImageError."""
    source = _source()
    path = cache.below("images") / f"base-{_key(source, PACKAGES)}.tar"
    with cache.lock("images-base"):
        if path.exists():
            return path
        _needs("debootstrap", "tar")
        say(f"making a base of Debian packages ({source.suite}) with debootstrap; this takes some minutes, once")
        with cache.staging("images-base") as staged:
            tree = staged / "root"
            _debootstrap(source, tree)
            _slim(tree)
            _tar(tree, path)
    return path


def packages_tarball(packages: tuple[str, ...], say: Say) -> Path:
    """The files of packages and of all they need beyond the base, as a tarball in the cache. Raises ImageError."""
    source = _source()
    path = cache.below("images") / f"{packages[0]}-{_key(source, (*PACKAGES, *packages))}.tar"
    lower = base_tarball(say)
    with cache.lock(f"images-{packages[0]}"):
        if path.exists():
            return path
        _needs("tar", "dpkg-deb", "chroot")
        say(f"fetching the packages of {packages[0]}")
        with cache.staging(f"images-{packages[0]}") as staged:
            root, tree = staged / "root", staged / "tree"
            for folder in (root, tree):
                folder.mkdir()
            _run(["tar", "-C", str(root), "-xf", str(lower)])
            for name in ("resolv.conf", "hosts"):
                if Path("/etc", name).exists():
                    shutil.copy(Path("/etc", name), root / "etc" / name)
            install = ["apt-get", "install", "-q", "-y", "--download-only", "--no-install-recommends", *packages]
            with _mirror(root, source):
                _run(["chroot", str(root), "apt-get", "update", "-q"], environment=_plain())
                _run(["chroot", str(root), *install], environment=_plain())
            for archive in sorted((root / "var/cache/apt/archives").glob("*.deb")):
                _run(["dpkg-deb", "-x", str(archive), str(tree)])
            _slim(tree)
            _tar(tree, path)
    return path


@contextmanager
def _mirror(root: Path, source: aptsources.Source) -> Iterator[None]:
    """apt inside the tree asks the host's mirror, by the host's settings of proxies and certificates."""
    listed = root / "etc/apt/sources.list"
    listed.write_text(f"deb {source.uri} {source.suite} {' '.join(source.components)}\n")
    said = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False).stdout
    kept = [line for line in said.splitlines() if line.startswith(("Acquire::http", "Acquire::https"))]
    (root / "etc/apt/apt.conf.d/99host").write_text("\n".join(['APT::Sandbox::User "root";', *kept]) + "\n")
    yield


def _source() -> aptsources.Source:
    source = aptsources.chosen()
    if source is None:
        raise ImageError(
            "the host's apt names no archive of its own distribution, from which a base could be made",
            "./stack images needs Debian or a relative of it",
        )
    return source


def _key(source: aptsources.Source, packages: tuple[str, ...]) -> str:
    words = [str(ROUNDS), source.suite, platform.machine(), *packages]
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _needs(*programs: str) -> None:
    if os.geteuid() != 0:
        raise ImageError("making the base needs root (debootstrap does)", "run ./stack images as root")
    for program in programs:
        if shutil.which(program) is None:
            raise ImageError(f"{program} is missing", "apt-get install debootstrap, or ./stack test --install")


def _debootstrap(source: aptsources.Source, tree: Path) -> None:
    keyring = source.signed_by if source.signed_by.startswith("/") and "," not in source.signed_by else ""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    command += [f"--keyring={keyring}"] if keyring else []
    _run([*command, source.suite, str(tree), source.uri], environment=_plain())


def _slim(tree: Path) -> None:
    """Takes away what no container reads."""
    for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/info"):
        shutil.rmtree(tree / name, ignore_errors=True)
    for name in ("var/cache/apt/archives", "var/lib/apt/lists"):
        folder = tree / name
        for path in folder.glob("*") if folder.is_dir() else ():
            if path.is_file():
                path.unlink()


def _tar(tree: Path, path: Path) -> None:
    """Packs the tree into the cache, whole or not at all."""
    temporary = path.with_suffix(".part")
    _run(["tar", "-C", str(tree), "--numeric-owner", "--one-file-system", "-cf", str(temporary), "."])
    temporary.replace(path)


def _python(tarball: Path) -> str:
    """Version of the base's Python from where its link points: "3.13"."""
    listed = _run(["tar", "-tvf", str(tarball), "./usr/bin/python3"])
    name = listed.strip().rpartition("-> ")[2]
    version = name.rpartition("python")[2]
    if not version:
        raise ImageError(f"the base {tarball} holds no Python", "remove that file and run the command again")
    return version


def _plain() -> dict[str, str]:
    """The environment with words in English and no settings of a shell of the host."""
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def _run(command: list[str], *, environment: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=MADE_WITHIN,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageError(f"`{command[0]}` cannot be run to its end: {error}") from error
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-4:])
        raise ImageError(f"`{' '.join(command[:4])} …` failed:\n{last}", "is the distribution's mirror reachable?")
    return done.stdout
