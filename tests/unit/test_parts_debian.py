"""The distribution's packages: where the host's mirror is read from, what apt is asked, what is unpacked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import parts_fakes as fakes
import pytest
from stackgen.parts import aptsources, cache, debian
from stackgen.parts.errors import PartError

DEB822 = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/own.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://old.example/debian/ bookworm main contrib # here
"""
KEY = """\
Types: deb
URIs: http://mirror.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
"""


def host(tmp_path: Path, *, codename: str = "bookworm", name: str = "debian", **files: str) -> Path:
    etc = tmp_path / "etc"
    (etc / "apt/sources.list.d").mkdir(parents=True, exist_ok=True)
    (etc / "os-release").write_text(f'ID={name}\nVERSION_CODENAME="{codename}"\n')
    for file, text in files.items():
        place = etc / "apt" / ("sources.list" if file == "list" else f"sources.list.d/{file}.sources")
        place.write_text(text)
    return etc


def test_both_formats_are_read_and_debian_12_takes_the_suite_of_13(tmp_path: Path) -> None:
    found = aptsources.chosen(host(tmp_path, debian=DEB822))
    assert found == aptsources.Source(
        "http://mirror.example/debian", "trixie", ("main",), "/usr/share/keyrings/own.gpg"
    )
    found = aptsources.chosen(host(tmp_path, list=ONE_LINE))
    assert found == aptsources.Source("http://old.example/debian/", "trixie", ("main",), "/k.gpg")


@pytest.mark.parametrize(("codename", "suite"), [("bullseye", "trixie"), ("trixie", "trixie"), ("forky", "forky")])
def test_a_newer_debian_keeps_its_own_suite(tmp_path: Path, codename: str, suite: str) -> None:
    etc = host(tmp_path, codename=codename, debian=DEB822.replace("bookworm", codename))
    found = aptsources.chosen(etc)
    assert found is not None
    assert found.suite == suite


def test_another_distribution_keeps_suite_and_components(tmp_path: Path) -> None:
    etc = host(tmp_path, codename="noble", name="ubuntu", list="deb http://u.example/ubuntu noble main universe\n")
    assert aptsources.chosen(etc) == aptsources.Source("http://u.example/ubuntu", "noble", ("main", "universe"))


def test_a_disabled_or_foreign_archive_is_none(tmp_path: Path) -> None:
    assert aptsources.chosen(tmp_path) is None
    assert (
        aptsources.chosen(host(tmp_path, debian=DEB822.replace("Types: deb\n#", "Types: deb\nEnabled: no\n#"))) is None
    )
    assert aptsources.chosen(host(tmp_path, debian=DEB822.replace("bookworm", "stable"))) is None


def test_without_a_key_of_its_own_the_hosts_keyring_signs(tmp_path: Path) -> None:
    etc = host(tmp_path, list="deb http://m.example/debian bookworm main\n")
    keyring = tmp_path / "ring.gpg"
    keyring.touch()
    found = aptsources.chosen(etc, keyring)
    assert found is not None
    assert found.signed_by == str(keyring)


def test_an_embedded_key_is_written_back_as_it_was(tmp_path: Path) -> None:
    found = aptsources.chosen(host(tmp_path, codename="trixie", debian=KEY))
    assert found is not None
    assert found.stanza().endswith(
        "Signed-By: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )


SERVER = '#!/bin/sh\ncat /usr/share/prometheus/alertmanager/default.tmpl; echo "$@"\n'
ARCHIVE = {
    "tool-server": [
        "2.5.1+ds-1",
        {"usr/bin/prometheus-tool": "#!/bin/sh\necho tool, version 2.5.1\n", "usr/share/doc/x": ""},
    ],
    "tool-ctl": ["2.5.1+ds-1", {"usr/bin/toolctl": "#!/bin/sh\necho toolctl\n"}],
    "old": ["2.4-1", {"usr/bin/old": ""}],
    "moved": ["1:1.0-1", {"usr/bin/moved": SERVER, "usr/share/prometheus/alertmanager/default.tmpl": "template\n"}],
}


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake apt on the PATH; returns the folder where it notes its calls."""
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_APT_HOME", str(tmp_path))
    path = fakes.search_path(tmp_path / "bin")
    (tmp_path / "bin/system/cat").symlink_to("/bin/cat")
    monkeypatch.setenv("PATH", path)
    for name in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"):
        fakes.install(tmp_path / "bin", name, fakes.APT)
    (tmp_path / "archive.json").write_text(json.dumps(ARCHIVE))
    source = aptsources.Source("http://mirror.example/debian", "trixie", ("main",), "/k.gpg")
    monkeypatch.setattr(aptsources, "chosen", lambda: source)
    return tmp_path


def fetch(floor: str = "2.5") -> cache.Entry:
    return debian.fetch("tool", ("tool-server", "tool-ctl"), ("tool", "toolctl"), floor)


def asked(home: Path) -> list[list[str]]:
    return [call[:2] for call in fakes.calls(home) if call[0] != "apt-config"]


def test_packages_are_fetched_once_and_unpacked_together(apt: Path) -> None:
    entry = fetch()
    place = apt / "cache/debian/tool-server/2.5.1+ds-1"
    assert entry.version == "2.5.1"
    assert dict(entry.programs) == {"tool": place / "usr/bin/prometheus-tool", "toolctl": place / "usr/bin/toolctl"}
    assert asked(apt) == [
        ["apt-get", "update"], ["apt-cache", "show"], ["apt-get", "download"], ["dpkg-deb", "-x"], ["dpkg-deb", "-x"],
    ]  # fmt: skip
    assert not (place / "usr/share/doc").exists()
    held = debian.held(("tool-server",), ("tool", "toolctl"))
    assert held is not None
    assert held.programs == fetch().programs == entry.programs
    assert len(asked(apt)) == 5
    debian.fetch("moved", ("moved",), ("moved",))
    assert ["apt-get", "update"] not in asked(apt)[5:]


def test_apt_works_on_a_state_of_its_own(apt: Path) -> None:
    fetch()
    home = apt / "cache/debian/apt"
    settings = (home / "apt.conf").read_text()
    for name in ("Dir::State", "Dir::State::lists", "Dir::State::status", "Dir::Cache", "Dir::Etc::sourcelist"):
        assert f'{name} "{home}' in settings
    assert 'Dir::Etc::parts "/dev/null";' in settings
    assert 'Acquire::Languages "none";' in settings
    assert 'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";' in settings
    assert 'Acquire::http::Proxy "http://proxy:3128";' in settings  # the host's way to the network
    assert "Post-Invoke" not in settings  # not its hooks
    assert ('APT::Sandbox::User "root";' in settings) == (os.geteuid() == 0)
    assert "Signed-By: /k.gpg" in (home / "host.sources").read_text()


def test_what_is_older_than_the_floor_is_not_fetched(apt: Path) -> None:
    with pytest.raises(PartError, match=r"old is 2\.4-1, older than 2\.5"):
        debian.fetch("tool", ("old",), ("old",), "2.5")
    assert ["apt-get", "download"] not in asked(apt)


def test_an_unpacked_one_below_the_floor_is_not_taken(apt: Path) -> None:
    debian.fetch("tool", ("old",), ("old",), "2.4")
    with pytest.raises(PartError, match="older than"):
        debian.fetch("tool", ("old",), ("old",), "2.5")


def test_an_unknown_package_says_so(apt: Path) -> None:
    with pytest.raises(PartError, match="has no package nowhere"):
        debian.fetch("tool", ("nowhere",), ("tool",))


def test_a_package_without_the_program_says_so_and_leaves_nothing(apt: Path) -> None:
    with pytest.raises(PartError, match="holds no program absent"):
        debian.fetch("tool", ("tool-server",), ("absent",))
    assert not (apt / "cache/debian/tool-server").exists()


def test_no_network_says_what_to_check(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_APT_FAIL", "update")
    with pytest.raises(PartError) as caught:
        fetch()
    assert caught.value.message == "`apt-get update` failed with exit code 100"
    assert "Could not resolve" in caught.value.last
    assert "mirror answers" in caught.value.hint


def test_old_lists_serve_when_the_mirror_is_away(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch()
    os.utime(apt / "cache/debian/apt/updated", (0, 0))
    monkeypatch.setenv("FAKE_APT_FAIL", "update")
    assert debian.fetch("moved", ("moved",), ("moved",)).version == "1.0"


def test_lists_are_fetched_anew_when_a_download_fails(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch()
    monkeypatch.setenv("FAKE_APT_FAIL", "download")
    with pytest.raises(PartError, match="apt-get download"):
        debian.fetch("moved", ("moved",), ("moved",))
    assert asked(apt).count(["apt-get", "update"]) == 2


def test_too_little_disk_is_said_first(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "FREE", 1 << 40)
    with pytest.raises(PartError, match="MiB of free disk"):
        fetch()
    assert asked(apt) == []


def test_without_apt_there_is_no_package(apt: Path) -> None:
    (apt / "bin/apt-get").unlink()
    with pytest.raises(PartError, match="apt-get is missing"):
        fetch()


def test_a_host_without_an_archive_says_so(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aptsources, "chosen", lambda: None)
    with pytest.raises(PartError, match="names no archive"):
        fetch()


def test_a_program_that_reads_its_own_share_finds_it_where_it_was_unpacked(apt: Path, tmp_path: Path) -> None:
    entry = debian.fetch("moved", ("moved",), ("moved",))
    program = entry.programs["moved"]
    said = subprocess.run([program, "a b", "c"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert said == "template\na b c\n"
    moved = program.parents[2].rename(tmp_path / "elsewhere")
    said = subprocess.run([moved / "usr/bin/moved"], capture_output=True, text=True, check=True, cwd="/").stdout
    assert said == "template\n\n"
