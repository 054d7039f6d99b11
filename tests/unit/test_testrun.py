"""`./stack test` itself: what --install asks of the system, and that a failing tier is a failing run."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from stackgen.testrun import builds, system, tiers
from stackgen.testrun.tiers import Outcome, Tier
from support import ROOT


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine where nothing is installed, with an apt-get that only writes down how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ntest ! -e {tmp_path}/fail-$2\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(system, "_present", lambda program: False)
    monkeypatch.setattr(system, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def test_everything_missing_is_installed_and_no_service_started(apt: Path) -> None:
    system.install(lambda _text: None)
    update, install = (apt / "calls").read_text().splitlines()
    assert update == "-q update"
    assert install.split()[:4] == ["-q", "install", "-y", "--no-install-recommends"]
    assert set(install.split()[4:]) == set(system.NEEDED.values())
    assert not (apt / "policy-rc.d").exists()


def test_a_failing_update_is_told_and_gone_past(apt: Path) -> None:
    (apt / "fail-update").touch()
    said: list[str] = []
    system.install(said.append)
    assert any("apt-get update had trouble" in text for text in said)
    assert len((apt / "calls").read_text().splitlines()) == 2


def test_a_failing_install_says_so(apt: Path) -> None:
    (apt / "fail-install").touch()
    with pytest.raises(system.InstallError, match=r"apt-get install .*docker\.io"):
        system.install(lambda _text: None)


def test_without_root_it_says_what_to_run(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(system.InstallError, match="as root: apt-get install"):
        system.install(lambda _text: None)
    assert not (apt / "calls").exists()


def test_a_policy_that_is_there_stays(apt: Path) -> None:
    (apt / "policy-rc.d").write_text("theirs")
    system.install(lambda _text: None)
    assert (apt / "policy-rc.d").read_text() == "theirs"


@pytest.mark.parametrize("code", [0, 3])
def test_a_tier_gives_its_exit_code(code: int, capfd: pytest.CaptureFixture[str]) -> None:
    tier = Tier("one", ("-c", f"print('said'); raise SystemExit({code})"), lane=1)
    outcome = tiers.run(tier, ROOT)
    assert outcome.code == code
    assert "said" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("code", "counts", "word"),
    [
        (0, {}, "passed"),
        (0, {"passed": 7}, "passed, 7"),
        (0, {"passed": 7, "skipped": 2}, "passed, 7, 2 SKIPPED"),
        (0, {"skipped": 36}, "SKIPPED, all 36"),
        (1, {"passed": 7, "failed": 1}, "FAILED (1)"),
    ],
)
def test_skipped_tests_are_told(code: int, counts: dict[str, int], word: str) -> None:
    assert Outcome(Tier("one", ()), code, 1.0, counts).word == word


def pytest_of(folder: Path, tests: str, lane: int = 1) -> Tier:
    """A tier of one file of tests, which may count their runs with `runs(NAME)`."""
    (folder / "tests").mkdir()
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT / 'tests'}\n")
    (folder / "tests" / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "tests" / "test_some.py").write_text(f"""
import pytest
from pathlib import Path

def runs(name):
    with Path({str(folder)!r}, name).open("a+") as kept:
        kept.write(".")
        return kept.tell()

{tests}""")
    return Tier("one", ("-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/test_some.py"), lane=lane)


def test_the_counts_come_from_pytest(tmp_path: Path) -> None:
    tier = pytest_of(
        tmp_path, "def test_a(): pass\n@pytest.mark.skip(reason='no')\ndef test_b(): pass\ndef test_c(): assert 0\n"
    )
    outcome = tiers.run(tier, tmp_path)
    assert outcome.counts == {"passed": 1, "skipped": 1, "failed": 1, "error": 0}
    assert (outcome.code, outcome.unsteady) == (1, ())


def test_each_tier_has_a_folder_of_its_own_that_goes_with_it(tmp_path: Path) -> None:
    """Pytests that share one tidy up after each other, and one of two that do so at once ends with an error."""
    tier = pytest_of(tmp_path, f"def test_a(tmp_path): Path({str(tmp_path)!r}, 'told').write_text(str(tmp_path))")
    assert tiers.run(tier, tmp_path).code == 0
    folder = Path((tmp_path / "told").read_text())
    assert "pytest-of-" not in str(folder)
    assert not folder.parent.parent.exists()
    mine = tmp_path / "mine"
    assert tiers.run(tier, tmp_path, (f"--basetemp={mine}",)).code == 0
    assert Path((tmp_path / "told").read_text()).parent == mine
    assert mine.is_dir()


FIRST_FAILS = """
@pytest.fixture(scope="module")
def server():
    yield runs("server")
    assert runs("end") != 1, "the first does not end well"

def test_good(): assert runs("good")

@pytest.mark.parametrize("name", ["a b", "c"])
def test_odd(server, name): assert runs(name) != 1
"""


@pytest.mark.parametrize("lane", [0, 1])
def test_a_failure_that_does_not_come_again_is_told_and_passes(tmp_path: Path, lane: int) -> None:
    outcome = tiers.run(pytest_of(tmp_path, FIRST_FAILS, lane=lane), tmp_path)
    names = [name.rpartition("::")[2] for name in outcome.unsteady]
    assert names == ["test_odd[a b]", "test_odd[c]"]
    assert (outcome.code, outcome.word) == (0, "passed, 3, 2 UNSTEADY")
    assert len((tmp_path / "server").read_text()) == 2, "what the tests stand on is started anew"
    assert len((tmp_path / "good").read_text()) == 1, "what passed does not run again"


@pytest.mark.parametrize(
    ("tests", "runs"),
    [
        ("def test_bad(): assert runs('all') > 9", 2),
        ("@pytest.mark.parametrize('n', range(4))\ndef test_bad(n): assert runs('all') > 4", 1 * 4),
        ("def test_bad():\n    if runs('all') > 1: pytest.skip('away now')\n    assert 0", 2),
        ("import os\ndef test_bad():\n    runs('all')\n    os._exit(1)", 1),
        ("def test_bad():\n    runs('all')\n    raise KeyboardInterrupt", 1),
    ],
    ids=["fails again", "too many", "skipped then", "pytest killed", "interrupted"],
)
def test_a_real_failure_stays_one(tmp_path: Path, tests: str, runs: int) -> None:
    outcome = tiers.run(pytest_of(tmp_path, tests), tmp_path)
    assert (bool(outcome.code), outcome.unsteady) == (True, ())
    assert outcome.word.startswith("FAILED")
    assert len((tmp_path / "all").read_text()) == runs


def test_lanes_keep_their_order_and_lose_nothing() -> None:
    rows = {(1, 1): "abc", (2, 1): "f", (1, 2): "de", (2, 2): "gh"}  # by stage and lane
    given = [Tier(name, (), lane, stage) for (stage, lane), row in rows.items() for name in row]
    begun: list[str] = []

    def one(tier: Tier) -> Outcome:
        begun.append(tier.name)
        return Outcome(tier, 0, 0.0)

    done = tiers.run_lanes(given, one)
    assert [outcome.tier.name for outcome in done] == list("abcdefgh")
    assert set(begun[:5]) == set("abcde"), "the first stage ends before the second begins"
    assert [name for name in begun if name in "abc"] == list("abc")


def test_no_browser_runs_beside_docker() -> None:
    """Interfaces that come and go make Chromium let go of what it loads."""
    with_docker = {tier.stage for tier in tiers.TIERS if tier.name == "compose"}
    with_browser = {
        tier.stage
        for tier in tiers.TIERS
        for word in tier.command
        if word.startswith("tests/") and any("chromium" in p.read_text() for p in sorted((ROOT / word).rglob("*.py")))
    }
    assert with_browser
    assert with_browser.isdisjoint(with_docker)


def test_every_folder_of_tests_is_in_a_tier() -> None:
    named = {Path(word).parts[1] for tier in tiers.TIERS for word in tier.command if word.startswith("tests/")}
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders <= named
    assert {"grafana-server", "ferretdb"} <= set(builds.needed())
