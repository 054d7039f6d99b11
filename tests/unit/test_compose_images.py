"""Stand-ins: what goes into them, when they are built anew, how they are written down; and the verifying of digests."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound
from stackgen.engines.base import EngineError
from stackgen.images import context, digests, envfile, own, recipes, rootfs
from stackgen.images.context import Entry, Recipe
from stackgen.parts.table import OWN_IMAGE, PARTS
from support import ROOT


def test_every_image_has_a_stand_in_or_a_reason() -> None:
    made = {stand_in.part for stand_in in recipes.STAND_INS}
    pinned = {name for name, part in PARTS.items() if part.image != OWN_IMAGE}
    assert made | set(recipes.WITHOUT) == pinned | {"mongodb"}  # which the examples alone use
    assert not made & set(recipes.WITHOUT)


def test_the_file_of_variables_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert envfile.read(tmp_path / ".stack") == {}
    images = {"LOKI_IMAGE": "watchstack-local/loki:3.7.8", "A_IMAGE": "a:1"}
    envfile.write(tmp_path / ".stack", images)
    assert envfile.read(tmp_path / ".stack") == images
    envfile.write(tmp_path / ".stack", {"A_IMAGE": "a:2"})
    assert envfile.read(tmp_path / ".stack") == {"A_IMAGE": "a:2"}


# What goes in


class Engine:
    """Holds images with labels, and keeps the contexts it was given."""

    def __init__(self, **inputs: str) -> None:
        self.images, self.api = self, self
        self.timeout = 0
        self._inputs = inputs
        self.context: dict[str, bytes] = {}
        self.asked: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        if name not in self._inputs:
            raise ImageNotFound(name)
        image = type("Image", (), {})()
        image.attrs = {"Config": {"Labels": {context.INPUTS_LABEL: self._inputs[name]}}}
        return image

    def build(self, *, fileobj: io.BufferedIOBase, **asked: Any) -> None:
        with tarfile.open(fileobj=fileobj) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            self.context = {one.name: read.read() for one in members if (read := archive.extractfile(one)) is not None}
        self.asked = asked


def test_an_image_is_built_when_its_inputs_have_changed_alone() -> None:
    recipe = Recipe("x:1", "new", root=(Entry("bin/x", b"x", mode=0o755),), text="FROM scratch\nADD root.tar /\n")
    client: Any = Engine(**{"x:1": "new"})
    said: list[str] = []
    assert context.build(client, recipe, said.append) == "x:1"
    assert (client.asked, said) == ({}, [])
    client = Engine(**{"x:1": "old"})
    context.build(client, recipe, said.append)
    assert client.asked["labels"] == {context.INPUTS_LABEL: "new"}
    assert client.asked["network_mode"] == "none"
    assert said == ["building x:1"]
    assert client.context["Dockerfile"] == b"FROM scratch\nADD root.tar /\n"
    with tarfile.open(fileobj=io.BytesIO(client.context["root.tar"])) as root:
        assert [(one.name, one.mode) for one in root] == [("bin", 0o755), ("bin/x", 0o755)]


def test_folders_come_before_what_lies_in_them_and_keep_their_owner() -> None:
    entries = context.with_folders([Entry("data", uid=7), Entry("data/a/b", b""), Entry("etc/x", b"")])
    assert [(entry.path, entry.uid) for entry in entries] == [
        ("data", 7),
        ("data/a", 0),
        ("data/a/b", 0),
        ("etc", 0),
        ("etc/x", 0),
    ]


def test_a_lone_program_has_what_its_health_check_needs(tmp_path: Path) -> None:
    for name in ("node_exporter", "loki", "busybox"):
        (tmp_path / name).write_bytes(b"program")
    known = {stand_in.part: stand_in for stand_in in recipes.STAND_INS}

    def paths(part: str, name: str) -> set[str]:
        return {entry.path for entry in known[part].files({name: tmp_path / name}, tmp_path / "busybox")}

    assert {"bin/node_exporter", "bin/busybox", "bin/wget", "etc/passwd", "tmp"} <= paths(
        "node-exporter", "node_exporter"
    )
    loki = paths("loki", "loki")
    assert "usr/bin/loki" in loki
    assert not any("busybox" in path for path in loki)  # no shell, as upstream


# Our own image


def test_the_context_is_what_dockerignore_lets_through(tmp_path: Path) -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    allowed = [rule.removeprefix("!") for rule in rules]
    every = {path for image in (own.OWN, own.EXAMPLES) for path in image.sources(ROOT)}
    sources = {path.relative_to(ROOT).as_posix() for path in every} - {"exporter/Dockerfile"}
    assert {
        path for path in sources if not any(path == name or path.startswith(name + "/") for name in allowed)
    } == set()
    assert {name for name in allowed if not any(path.startswith(name) for path in sources)} == {"exporter/wheels"}
    assert not any("__pycache__" in path for path in sources)


@pytest.mark.parametrize("image", [own.OWN, own.EXAMPLES], ids=lambda image: image.variable)
def test_the_digest_of_the_code_changes_with_it_alone(tmp_path: Path, image: own.Image) -> None:
    for path in image.sources(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = own.code_digest(tmp_path, image)
    assert before == own.code_digest(ROOT, image)
    (tmp_path / "exporter" / "watchstack" / "__pycache__").mkdir()
    (tmp_path / "exporter" / "watchstack" / "__pycache__" / "x.pyc").touch()
    (tmp_path / "stack.yml").touch()
    assert own.code_digest(tmp_path, image) == before
    (tmp_path / "exporter" / "watchstack" / "new.py").touch()
    assert own.code_digest(tmp_path, image) != before


def test_wheels_are_all_there_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that a full disk or a kill left half filled would be believed for ever."""
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path))

    def download(folder: Path, *_words: object) -> None:
        for name in ("a.whl", "b.whl"):
            (folder / name).write_text("x")

    def full(_source: object, target: object, **_options: object) -> None:
        if (Path(str(target)).parent / "a.whl").exists():
            raise OSError(28, "No space left on device")
        Path(str(target)).touch()

    monkeypatch.setattr(own, "_download", download)
    with monkeypatch.context() as patch, suppress(OSError, shutil.Error):
        patch.setattr(shutil, "copyfile", full)
        own._wheels(ROOT, own.OWN, "3.13", lambda _line: None)
    found = own._wheels(ROOT, own.OWN, "3.13", lambda _line: None)
    assert sorted(path.name for path in found.iterdir()) == ["a.whl", "b.whl"]


def test_everything_that_the_install_asks_for_is_downloaded() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    held = {line.partition("==")[0].lower() for line in lines}

    def names(wanted: list[str]) -> set[str]:
        found = {re.split("[=<>]", requirement)[0]: requirement for requirement in wanted}
        assert [one for one in found if "==" not in found[one] and one.lower() not in held] == []
        return set(found)

    installed = {"flask", "prometheus_client", "psutil", "waitress", "docker", "setuptools"}
    assert installed <= names(own.requirements(ROOT))
    used = {"flask", "fastapi", "python-fasthtml", "psycopg[binary]", "pymongo", "openai", "uvicorn"}
    assert used <= names(own.examples_requirements(ROOT))


def test_making_a_base_without_root_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WATCHSTACK_CACHE", str(tmp_path))
    monkeypatch.setattr(rootfs.aptsources, "chosen", lambda: rootfs.aptsources.Source("mirror", "suite", ("main",)))
    monkeypatch.setattr(rootfs.os, "geteuid", lambda: 1000)
    with pytest.raises(EngineError, match="needs root") as error:
        rootfs.base_tarball(lambda _line: None)
    assert error.value.hint == "run ./stack images as root"


# Digests


class Registry:
    """What registries answer by reference; a missing one is unknown."""

    def __init__(self, answers: dict[str, str | Exception]) -> None:
        self.images = self
        self._answers = answers

    def get_registry_data(self, reference: str) -> Any:
        answer = self._answers.get(reference, APIError("x", explanation="manifest unknown"))
        if isinstance(answer, Exception):
            raise answer
        return type("Data", (), {"id": answer})()


def verified(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str | Exception]) -> tuple[bool, list[str]]:
    @contextmanager
    def connected(_environment: object, *, timeout: int) -> Any:
        yield Registry(answers)

    monkeypatch.setattr(digests.docker_client, "connected", connected)
    monkeypatch.setattr(digests, "pinned", lambda: iter([("loki", "g/loki:1@sha256:a"), ("pg", "q.io/pg:2@sha256:b")]))
    said: list[str] = []
    return digests.verify(ROOT, said.append), said


def test_digests_that_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    good, said = verified(
        monkeypatch,
        {
            "g/loki@sha256:a": "sha256:a",
            "g/loki:1": "sha256:a",
            "q.io/pg@sha256:b": "sha256:b",
            "q.io/pg:2": "sha256:c",
        },
    )
    assert good
    assert said[0].split() == ["loki", "answers:", "g/loki:1"]
    assert "the tag leads to sha256:c now" in said[1]


def test_a_digest_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    good, said = verified(monkeypatch, {"g/loki@sha256:a": "sha256:a", "g/loki:1": "sha256:a"})
    assert not good
    assert "NOT THERE: q.io/pg:2@sha256:b: manifest unknown" in said[1]


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = APIError("x", explanation="dial tcp: lookup failed")
    good, said = verified(monkeypatch, {"g/loki@sha256:a": failure, "q.io/pg@sha256:b": failure})
    assert not good
    assert said[-1].startswith("a network is needed")
    assert sum("not asked" in line for line in said[:2]) == 2


def test_everything_pinned_is_asked_for() -> None:
    asked = dict(digests.pinned())
    assert set(asked) == {name for name, part in PARTS.items() if part.image != OWN_IMAGE} | {"python", "mongodb"}
    assert all("@sha256:" in reference for reference in asked.values())
