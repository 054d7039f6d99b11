"""Versions compared, and the table of parts held together."""

from __future__ import annotations

import re

import pytest
from stackgen.parts.errors import PartError
from stackgen.parts.extras import EXTRAS, Extra, owner
from stackgen.parts.table import PARTS, Part
from stackgen.parts.versions import at_least, upstream

KNOWN: list[Part | Extra] = [*PARTS.values(), *EXTRAS.values()]


@pytest.mark.parametrize(
    ("version", "floor", "enough"),
    [
        ("2.53.3", "2.53", True),
        ("2.53", "2.53.0", True),
        ("2.9", "2.53", False),
        ("2.53.3+ds1-2+b4", "2.53.3", True),
        ("1:2.100-1", "2.53", True),
        ("0.28.1+ds-1", "0.28", True),
        ("0.25.0-1", "0.28", False),
        ("2.53.0~rc1-1", "2.53", False),
        ("2.53.0-rc.1", "2.53", False),
        ("2.53.0-rc.1", "2.52", True),
        ("v3.0.0", "2.53", True),
        ("go1.25rc1", "1.25", False),
        ("1.26.8", "1.26.5", True),
        ("nonsense", "0.1", False),
    ],
)
def test_at_least(version: str, floor: str, enough: bool) -> None:
    assert at_least(version, floor) is enough


def test_upstream_drops_epoch_and_revision() -> None:
    assert [upstream(text) for text in ("1:2.53.3+ds1-2", "1.9.0-1+b4", "v3.2", "x")] == ["2.53.3", "1.9.0", "3.2", ""]


@pytest.mark.parametrize("part", [part for part in KNOWN if part.build])
def test_a_recipe_builds_the_programs_that_the_table_names(part: Part | Extra) -> None:
    build, programs = part.build, part.programs
    assert build is not None
    last = [build.module.rpartition("/")[2] if name == "." else name.rpartition("/")[2] for name in build.packages]
    assert tuple(last) == programs
    assert build.disk >= 1000
    if build.stamps:
        assert part.built_version in dict(build.stamps).values()


@pytest.mark.parametrize("part", PARTS.values(), ids=lambda part: part.name)
def test_pin_image_and_module_are_one_version(part: Part) -> None:
    name, version, image, build = part.name, part.version, part.image, part.build
    assert re.search(rf":v?{re.escape(version)}(-alpine)?(@sha256:[0-9a-f]{{64}})?$", image), name
    if build is not None:
        shown = version.replace("3.", "0.3", 1) if name == "prometheus" else part.built_version
        assert build.version == f"v{shown}"


def test_the_digest_changes_with_the_program_alone() -> None:
    from dataclasses import replace

    build = PARTS["loki"].build
    assert build is not None
    assert replace(build, disk=1, modules=1).digest == build.digest
    assert replace(build, tags=("x",)).digest != build.digest


def test_every_program_has_one_owner() -> None:
    assert owner("promtool").name == "prometheus"
    assert owner("grafana").name == "grafana-server"
    names = [name for part in KNOWN for name in part.programs]
    assert len(names) == len(set(names))
    with pytest.raises(PartError, match="is no program of a part"):
        owner("emacs")
