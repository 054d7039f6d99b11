"""Fake programs for the tests of the parts: a Go client and an apt, both small Python scripts that note their calls."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackgen.parts.table import GoBuild, Part

TOOL = GoBuild(
    "example.com/tool",
    "v0.302.0",
    ("cmd/tool", "cmd/toolctl"),
    tags=("small",),
    stamps=(("example.com/version.Version", "3.2.0"),),
    modules=3,
)
PART = Part(
    "tool",
    "3.2.0",
    9999,
    "/ready",
    floor="2.5",
    programs=("tool", "toolctl"),
    debian=("tool-server", "tool-ctl"),
    build=TOOL,
)

GO = '''#!{python}
"""A Go client: FAKE_GO_FAIL names a verb and what it says; with FAKE_GO_HELD `build` waits for a file `go-on`."""
import json, os, pathlib, sys, time

verb, rest = sys.argv[1], sys.argv[2:]
home = pathlib.Path(os.environ["FAKE_GO_HOME"])
kept = [name for name in os.environ if name.startswith("GO") or name == "CGO_ENABLED"]
with (home / "calls").open("a") as file:
    file.write(json.dumps({{"verb": verb, "rest": rest, "folder": os.getcwd(), "pid": os.getpid(),
                           "nice": os.nice(0), "environment": {{name: os.environ[name] for name in kept}}}}) + "\\n")
fails, _, says = os.environ.get("FAKE_GO_FAIL", "").partition("|")
if fails == verb:
    print(says, file=sys.stderr)
    sys.exit(1)
if verb == "env":
    version = os.environ.get("FAKE_GO_VERSION", "go1.26.8")
    print(json.dumps({{"GOVERSION": version, "GOPROXY": "proxy", "GOSUMDB": "off"}}))
elif verb == "mod" and rest[0] == "download":
    module, version = rest[-1].split("@")
    folder = pathlib.Path(os.environ["GOMODCACHE"]) / "module"
    (folder / "conf").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "defaults.ini").write_text("[x]")
    (folder / "go.sum").write_text("sums")
    (folder / "go.mod").write_text("module " + module)
    (folder / "main.go").write_text("package main")
    print(json.dumps({{"Dir": str(folder), "GoMod": str(folder / "go.mod"), "Sum": "h1:abc"}}))
elif verb == "mod" and rest[0] == "edit":
    print((home / "told.json").read_text())
elif verb == "list":
    for count in range(3):
        print(f"go: downloading example.com/dep{{count}} v1.0.0", file=sys.stderr)
    print("\\n".join(f"example.com/package{{count}}" for count in range(4)))
elif verb == "build":
    for count in range(4):
        print(f"example.com/package{{count}}", file=sys.stderr, flush=True)
    ends = time.monotonic() + 120 * bool(os.environ.get("FAKE_GO_HELD"))
    while time.monotonic() < ends and not (home / "go-on").exists():
        time.sleep(0.02)
    target = pathlib.Path(rest[rest.index("-o") + 1])
    left = os.environ.get("FAKE_GO_LEAVES", "tool toolctl").split()
    for name in left:
        (target / name).write_text("#!/bin/sh\\necho tool, version 3.2.0\\n")
'''

TOLD: Mapping[str, object] = {
    "Go": "1.25.0",
    "Require": [
        {"Path": "example.com/dep0", "Version": "v1.0.0"},
        {"Path": "a.b/c", "Version": "v2.0.0", "Indirect": True},
    ],
    "Exclude": [{"Path": "example.com/bad", "Version": "v0.1.0"}],
    "Replace": [
        {"Old": {"Path": "example.com/near"}, "New": {"Path": "./near"}},
        {
            "Old": {"Path": "example.com/far", "Version": "v1.0.0"},
            "New": {"Path": "example.com/fork", "Version": "v1.1.0"},
        },
        {"Old": {"Path": "example.com/any"}, "New": {"Path": "example.com/other", "Version": "v3.0.0"}},
    ],
    "Godebug": [{"Key": "http2client", "Value": "0"}],
}

APT = '''#!{python}
"""apt and dpkg: the archive is archive.json, package to [version, files]; FAKE_APT_FAIL names a verb that fails."""
import json, os, pathlib, sys

home = pathlib.Path(os.environ["FAKE_APT_HOME"])
name, arguments = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
words = [word for word in arguments if not word.startswith("-")]
with (home / "calls").open("a") as file:
    file.write(json.dumps([name, *arguments]) + "\\n")
if os.environ.get("FAKE_APT_FAIL") == (words or [""])[0]:
    print("E: Failed to fetch the index  Could not resolve the mirror", file=sys.stderr)
    sys.exit(100)
archive = json.loads((home / "archive.json").read_text())
if name == "apt-config":
    print('Acquire::http::Proxy "http://proxy:3128";\\nAcquire::Languages "de";')
    print('APT::Update::Post-Invoke:: "rm -rf /";')
elif name == "apt-cache":
    package = words[1]
    if package not in archive:
        sys.exit(100)
    print(f"Package: {{package}}\\nVersion: {{archive[package][0]}}")
elif name == "apt-get" and words[0] == "download":
    for package in words[1:]:
        pathlib.Path(f"{{package}}_1_amd64.deb").write_text(package)
elif name == "dpkg-deb":
    content = pathlib.Path(words[-1])
    for path, text in archive[pathlib.Path(words[0]).read_text()][1].items():
        (content / path).parent.mkdir(parents=True, exist_ok=True)
        (content / path).write_text(text)
        (content / path).chmod(0o755)
'''


def install(folder: Path, name: str, text: str) -> Path:
    """Writes a fake program as a script that this Python runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text.format(python=sys.executable) if text in (GO, APT) else text, "utf-8")
    path.chmod(0o755)
    return path


def calls(home: Path) -> list[Any]:
    """What a fake noted of its calls, in order."""
    path = home / "calls"
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def verbs(home: Path) -> list[str]:
    """The Go client's calls but for the question after its version."""
    return [str(call["verb"]) for call in calls(home) if call["verb"] != "env"]


def gone(pid: int) -> bool:
    """Whether a process is no more (or a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def search_path(folder: Path) -> str:
    """A PATH with the fakes first, and of the system only what the code itself calls."""
    system = folder / "system"
    system.mkdir(parents=True, exist_ok=True)
    for name in ("nice", "setpriv", "sh", "env"):
        for place in ("/usr/bin", "/bin"):
            if Path(place, name).exists() and not (system / name).exists():
                (system / name).symlink_to(Path(place, name))
    return f"{folder}{os.pathsep}{system}"
