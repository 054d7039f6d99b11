"""Which program is taken: the cache at the pin, else PATH or distribution from the floor on; the order of builds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import parts_fakes as fakes
import pytest
from stackgen.parts import cache, debian
from stackgen.parts.errors import PartError
from stackgen.parts.resolve import cached, ordered, printed_version, resolve
from stackgen.parts.table import PARTS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing in the cache, nothing on the PATH, and the distribution's package at 2.6."""
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", fakes.search_path(tmp_path / "bin"))

    def fetch(part: str, packages: tuple[str, ...], programs: tuple[str, ...], floor: str) -> cache.Entry:
        assert (packages, floor) == (("tool-server", "tool-ctl"), "2.5")
        return cache.Entry(part, "2.6.0", {name: Path("/debian", name) for name in programs}, {})

    monkeypatch.setattr(debian, "fetch", fetch)
    return tmp_path


def put_in_cache(recipe: str = fakes.TOOL.digest) -> None:
    with cache.staging("tool") as staged:
        for name in fakes.PART.programs:
            (staged / name).touch()
        cache.install("tool", "3.2.0", staged, fakes.PART.programs, {"recipe": recipe})


def put_on_path(home: Path, version: str, *names: str) -> None:
    for name in names or ("tool", "toolctl"):
        fakes.install(home / "bin", name, f"#!/bin/sh\necho {name}, version {version} >&2\n")


def taken(part: object = fakes.PART, **options: str) -> tuple[str, str]:
    program = resolve(part, **options)  # type: ignore[arg-type]
    return program.origin, program.version


def test_the_order_is_cache_path_distribution(home: Path) -> None:
    assert taken() == ("debian", "2.6.0")
    put_on_path(home, "2.7.0")
    assert taken() == ("path", "2.7.0")
    put_in_cache()
    assert taken() == ("cache", "3.2.0")


def test_another_recipe_in_the_cache_is_not_taken() -> None:
    put_in_cache("another")
    assert taken() == ("debian", "2.6.0")


@pytest.mark.parametrize(
    ("version", "origin"), [("2.4.9", "debian"), ("2.5.0", "path"), ("9.0.0+ds1", "path"), ("?", "debian")]
)
def test_the_path_must_reach_the_floor(home: Path, version: str, origin: str) -> None:
    put_on_path(home, version)
    assert taken()[0] == origin


def test_the_path_must_hold_every_program(home: Path) -> None:
    put_on_path(home, "2.7.0", "tool")
    assert taken()[0] == "debian"
    put_on_path(home, "2.7.0", "prometheus-toolctl")  # the distribution's spelling
    assert taken()[0] == "path"


def test_the_pin_is_asked_for_exactly(home: Path) -> None:
    with pytest.raises(PartError, match=r"3\.2\.0 is not in the cache") as caught:
        resolve(fakes.PART, accept="pin")
    assert caught.value.hint == "python -m stackgen.parts build tool"
    put_on_path(home, "3.2.1")
    with pytest.raises(PartError):
        resolve(fakes.PART, accept="pin")
    put_on_path(home, "3.2.0")
    assert taken(accept="pin") == ("path", "3.2.0")


def test_without_a_package_there_is_nothing_yet() -> None:
    with pytest.raises(PartError, match="not in the cache"):
        resolve(replace(fakes.PART, debian=()))


def test_a_part_of_our_own_is_in_no_cache() -> None:
    assert cached(PARTS["console"]) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("prometheus, version 2.53.3+ds1 (branch: debian/sid)", "2.53.3"),
        ("version: v1.24.0", "1.24.0"),
        ("Docker Compose version 2.26.1-4", "2.26.1"),
        ('level=info msg="Redis Metrics Exporter 1.69.0-1    build date', "1.69.0"),
        ("grafana version 10.1.0", "10.1.0"),
        ("usage: tool", ""),
    ],
)
def test_versions_as_programs_print_them(home: Path, text: str, version: str) -> None:
    assert printed_version(fakes.install(home / "bin", "any", f"#!/bin/sh\necho '{text}'\n")) == version
    assert printed_version(home / "missing") == ""


def test_the_order_of_builds_puts_first_what_is_waited_for() -> None:
    parts = [
        PARTS[name] for name in ("prometheus", "promtail", "blackbox-exporter", "loki", "alertmanager", "node-exporter")
    ]
    served = ("prometheus", "alertmanager", "node-exporter", "blackbox-exporter")
    assert [part.name for part in ordered(parts, served)] == [
        "node-exporter", "alertmanager", "loki", "promtail", "prometheus", "blackbox-exporter",
    ]  # fmt: skip
    assert [part.name for part in ordered(parts)][:3] == ["node-exporter", "alertmanager", "prometheus"]
    assert ordered([PARTS["console"]]) == []
