"""The real programs: those in the cache print their pins, the distribution's are at or above the floor."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from console_parts import part_running
from stackgen.parts import cache
from stackgen.parts.errors import PartError
from stackgen.parts.extras import EXTRAS, floor_program, owner
from stackgen.parts.resolve import cached, compose_plugin, grafana_home, printed_version
from stackgen.parts.table import PARTS, Part
from stackgen.parts.versions import at_least
from support import choose_ports, unavailable

pytestmark = pytest.mark.tools

STACK = [name for part in PARTS.values() if part.build for name in part.programs]
TESTS_OWN = [name for extra in EXTRAS.values() if extra.build for name in extra.programs]
FLOOR = [name for part in PARTS.values() if part.debian for name in part.programs]
Find = Callable[..., Path]


@pytest.mark.parametrize("name", [*STACK, *TESTS_OWN])
def test_a_built_program_prints_its_pin_and_is_what_was_installed(program: Find, name: str) -> None:
    path = program(name)
    part = owner(name)
    assert printed_version(path) == part.built_version
    assert part.build is not None
    entry = cache.find(part.name, part.built_version, part.programs, recipe=part.build.digest, full=True)
    assert entry is not None
    assert entry.facts["module"] == f"{part.build.module}@{part.build.version}"
    assert entry.facts["sum"].startswith("h1:")


@pytest.mark.parametrize("name", STACK)
def test_a_built_program_names_no_folder_of_the_machine_that_built_it(program: Find, name: str) -> None:
    assert str(cache.root()).encode() not in program(name).read_bytes()


@pytest.mark.parametrize("name", FLOOR)
def test_the_distributions_program_reaches_the_floor(program: Find, name: str) -> None:
    part = owner(name)
    assert isinstance(part, Part)
    assert part.floor is not None
    version = printed_version(program(name, "floor"))
    assert at_least(version, part.floor)
    assert at_least(part.version, version)


@pytest.mark.parametrize("name", ["redis_exporter", "postgres_exporter"])
def test_exporters_of_the_distribution_run(program: Find, name: str) -> None:
    assert at_least(printed_version(program(name)), owner(name).floor or "0")


def test_the_compose_plugin_runs_by_itself() -> None:
    try:
        plugin = compose_plugin()
    except PartError as error:
        unavailable(str(error))
    said = subprocess.run([plugin, "version", "--short"], capture_output=True, text=True, check=True).stdout
    assert at_least(said.strip(), "2.20")


def test_the_distributions_alertmanager_finds_its_templates_where_it_was_unpacked(
    program: Find, tmp_path: Path
) -> None:
    (tmp_path / "own.tmpl").write_text('{{ define "own" }}{{ template "slack.default.title" . }}{{ end }}')
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: r}\nreceivers: [{name: r}]\ntemplates: ['*.tmpl']\n")
    done = subprocess.run(
        [program("amtool", "floor"), "check-config", config], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1 templates" in done.stdout
    [port] = choose_ports(1)
    command = [str(program("alertmanager", "floor")), f"--config.file={config}", f"--storage.path={tmp_path}/data",
               f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    with part_running(command, f"http://127.0.0.1:{port}/-/ready", tmp_path / "elsewhere"):
        pass


def test_grafanas_home_has_what_its_server_reads(program: Find) -> None:
    program("grafana")
    server = cached(EXTRAS["grafana-server"])
    assert server is not None
    home = grafana_home(server)
    for inside in (
        "conf/defaults.ini",
        "public/views/index-template.html",
        "public/emails",
        "public/img/user_profile.png",
        "public/app/plugins/datasource/prometheus",
    ):
        assert (home / inside).exists()
    assert (home / "public/build/assets-manifest.json").read_text() == "{}\n"


def test_a_program_that_no_package_carries_has_no_floor() -> None:
    with pytest.raises(PartError, match="no distribution's package carries it"):
        floor_program("loki")
