"""The engine that runs the stack in containers, through Compose. What single questions need lives in the modules
`docker_…` beside this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
from watchstack import init

from stackgen.engines import (
    docker_client,
    docker_compose,
    docker_config,
    docker_examples,
    docker_images,
    docker_rest,
    docker_status,
    docker_words,
    native_examples,
    ports,
)
from stackgen.engines.base import Context, EngineError, PartStatus, State
from stackgen.engines.docker_compose import Compose
from stackgen.engines.docker_placement import COMPOSE
from stackgen.engines.finishing import finish
from stackgen.engines.native_files import unwritable
from stackgen.images import envfile, own
from stackgen.parts.table import PARTS
from stackgen.placement import Placement

PROJECT = "watchstack"
READY = 180.0  # seconds for a part that has been started to become healthy
PULL = 1800.0  # seconds for the images to come
LOOK = 0.5
RESTARTS = 3  # after which a part that keeps ending is given up waiting for

Watch = Callable[[list[PartStatus]], None]
Say = Callable[[str], None]


class DockerEngine:
    """`up` and `down` through Compose on the checkout of the context.

    watch is given the parts' states while something waits; say gets the lines of what takes long (pulls, builds).
    """

    name = "docker"

    def __init__(self, context: Context, watch: Watch | None = None, say: Say | None = None) -> None:
        self.context = context
        self.watch: Watch = watch or (lambda _parts: None)
        self.say: Say = say or (lambda _line: None)

    def placement(self) -> Placement:
        """Where the parts lie for each other inside the containers."""
        return COMPOSE

    @property
    def project(self) -> str:
        """Name of the Compose project: COMPOSE_PROJECT_NAME, so that a second stack can run beside the first."""
        return self.context.environment.get("COMPOSE_PROJECT_NAME") or PROJECT

    @property
    def wanted(self) -> tuple[str, ...]:
        """Parts that this model runs, in the order of the table, and the examples where they are wanted."""
        stack = self.context.model.stack
        parts = tuple(
            name
            for name, part in PARTS.items()
            if (name == stack.collector if name in docker_status.LOG_COLLECTORS else True)
            and (name == "alloy" or part.profile in ("", *stack.active_profiles))
        )
        return (*parts, *(docker_status.EXAMPLES if self._examples else ()))

    @property
    def _examples(self) -> bool:
        return docker_examples.wanted(self.context.root)

    @property
    def _tree(self) -> Path:
        return docker_examples.tree(self.context.root)

    # Up

    def up(self, *, wait: bool) -> None:
        """Starts what is missing and makes what runs read its newest configuration; returns when the essential parts
        are healthy. wait: when all parts are. A part that cannot come up is told by `status`; what else stands in the
        way raises EngineError before anything is started. On an interrupt what this call started is ended again.
        """
        root = self.context.root
        with docker_client.connected(self.context.environment) as client:
            before = self._mine(client)
            images = docker_images.choose(
                client, self.wanted, self.context.environment, envfile.read(self.context.state)
            )
        running = {name for name, attributes in before.items() if docker_status.runs(attributes)}
        self._check_ports(running)
        docker_config.check_readable(root, docker_examples.MOUNTED if self._examples else ())
        try:
            init.ensure(root / "secrets", examples=self._examples)
        except OSError as error:
            raise unwritable(root / "secrets", error) from error
        compose = self._compose(images.variables)
        try:
            self._fetch(compose, images)
            self._build(compose, images, own.OWN, images.own)
            if self._examples:
                self._build(compose, images, own.EXAMPLES, images.examples)
            self._start(compose, before)
            self._wait(everything=wait)
        except (KeyboardInterrupt, SystemExit):
            if not running:
                finish(self.down)
            raise

    def _fetch(self, compose: Compose, images: docker_images.Images) -> None:
        """Pulls what is neither here nor stood in for."""
        if images.absent:
            self.say(f"pulling {', '.join(images.absent)}")
            compose.run("pull", "--policy", "missing", *images.absent, say=self.say, timeout=PULL)

    def _build(self, compose: Compose, images: docker_images.Images, image: own.Image, name: str) -> None:
        """Builds an image of ours when its sources have changed; one that the environment names is pulled."""
        here = name in images.here
        if self.context.environment.get(image.variable):
            if not here:
                compose.run("pull", "--policy", "missing", image.service, say=self.say, timeout=PULL)
            return
        code = own.code_digest(self.context.root, image)
        with docker_client.connected(self.context.environment) as client:
            if here and own.built_from(client, name) == code:
                return
            if name != image.reference:
                own.build(client, self.context.root, image, self.say)
                return
        self.say(f"building {name}")
        variables = {**images.variables, image.code_variable: code}
        self._compose(variables).run("build", image.service, say=self.say, timeout=PULL)

    def _start(self, compose: Compose, before: docker_status.Containers) -> None:
        root = self.context.root
        if self._examples:
            docker_examples.put(root, docker_examples.contents(root, self.context.model))
        known = docker_config.seen(self.context.state)
        now = docker_config.digests(self._tree)
        compose.run("up", "--detach", "--no-build", "--remove-orphans", "--pull", "never", say=_nobody)
        with docker_client.connected(self.context.environment) as client:
            after = self._mine(client)
            if not self._examples:
                docker_examples.forget(root, client, self.project)
        stale = [
            name
            for name, digest in now.items()
            if name in before
            and docker_status.runs(before[name])
            and after.get(name, {}).get("Id") == before[name]["Id"]
            and known.get(name) != digest
        ]
        for name in stale:
            self._make_read(compose, name)
        docker_config.note(self.context.state, self._tree, now)

    def _wait(self, *, everything: bool) -> None:
        limit = time.monotonic() + READY
        while True:
            parts = self.status()
            self.watch(parts)
            waited = [part for part in parts if everything or (part.part in PARTS and PARTS[part.part].essential)]
            pending = [part for part in waited if part.state in (State.STARTING, State.UNHEALTHY)]
            if not [part for part in pending if not self._given_up(part)] or time.monotonic() > limit:
                return
            time.sleep(LOOK)

    def _given_up(self, part: PartStatus) -> bool:
        restarts = part.detail.rpartition("restarted ")[2].partition(" times")[0]
        return part.state is State.UNHEALTHY and restarts.isdigit() and int(restarts) >= RESTARTS

    def _check_ports(self, running: set[str]) -> None:
        chosen = self._ports()
        published = [name for name in self.wanted if name not in docker_status.UNPUBLISHED]
        ports.check_distinct({name: chosen[name] for name in published})
        busy = ports.taken(chosen, [name for name in published if name not in running], as_root=True)
        if busy:
            raise EngineError("; ".join(map(str, busy)), "free the port, or move the part with that variable")

    def _ports(self) -> dict[str, int]:
        """Port on loopback of every part. Raises EngineError for a value that is no port."""
        chosen = {}
        for name, part in PARTS.items():
            text = self.context.environment.get(part.port_variable) or str(part.port)
            if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
                raise EngineError(
                    f"{part.port_variable}={text!r} is no port for {name}", "give a number from 1 to 65535"
                )
            chosen[name] = int(text)
        return chosen | native_examples.ports(self.context.state)

    # Down

    def down(self) -> None:
        """Ends and removes every container and network; the volumes stay."""
        self._end()

    def destroy(self) -> None:
        """Ends every container and removes the volumes too; secrets/ stays."""
        self._end("--volumes")
        native_examples.leave(self.context.state)
        docker_examples.drop(self.context.root)

    def _end(self, *words: str) -> None:
        with docker_client.connected(self.context.environment) as client:
            self._mine(client)
        compose = self._compose(every_file=True)
        try:
            compose.run("down", "--remove-orphans", *words, say=_nobody, every_profile=True, timeout=240)
        except EngineError:
            with docker_client.connected(self.context.environment, timeout=60) as client:
                if self._mine(client):
                    raise
                docker_rest.remove(client, self.project, volumes="--volumes" in words, say=self.say)
        self.watch(self.status())

    # Look

    def running(self) -> bool:
        """Whether a container of this checkout's stack runs."""
        with docker_client.connected(self.context.environment) as client:
            found = docker_status.containers(client, self.project)
        return not docker_status.foreign(found, self.context.root) and any(map(docker_status.runs, found.values()))

    def status(self) -> list[PartStatus]:
        """The parts' states as the Docker engine tells them."""
        with docker_client.connected(self.context.environment) as client:
            found = docker_status.containers(client, self.project)
        if docker_status.foreign(found, self.context.root):
            found = {}
        wanted: tuple[str, ...] = self.wanted
        if "alloy" in found:
            wanted = tuple(name for name in wanted if name != "promtail")
        return docker_status.statuses(found, wanted, self._ports())

    def reload(self, part: str) -> None:
        """Makes a running part read its configuration: by a signal where it can, else by a restart. Secrets that came
        since are laid first. Raises EngineError.
        """
        with docker_client.connected(self.context.environment) as client:
            found = self._mine(client)
        if part in found and docker_status.runs(found[part]):
            self._make_read(self._compose(), part)
            docker_config.note(self.context.state, self._tree, [part])

    def other_words(self) -> dict[str, docker_words.Change]:
        """Running parts whose command line stack.yml wants otherwise. Raises EngineError."""
        with docker_client.connected(self.context.environment) as client:
            found = self._mine(client)
        given = docker_words.given(self.context.model.stack, self.context.environment)
        return docker_words.changes(found, docker_words.words(self.context.root), given)

    def make_anew(self, part: str, variables: Mapping[str, str] | None = None) -> None:
        """Gives a part the container that these variables (over stack.yml's) call for, of the image that it runs; one
        that is right already reads its configuration again. Raises EngineError.
        """
        with docker_client.connected(self.context.environment) as client:
            before = self._mine(client).get(part)
            images = docker_images.choose(client, [part], self.context.environment, envfile.read(self.context.state))
        image = {PARTS[part].variable: before["Config"]["Image"]} if before else images.variables
        compose = self._compose({**image, **(variables or {})})
        if part in init.READERS:
            self._lay_secrets()
        compose.run("up", "--detach", "--no-deps", "--no-build", "--pull", "never", part, say=_nobody, timeout=240)
        with docker_client.connected(self.context.environment) as client:
            after = self._mine(client).get(part)
        if before and after and after["Id"] == before["Id"] and docker_status.runs(before):
            self._make_read(compose, part)
        docker_config.note(self.context.state, self._tree, [part])

    def _make_read(self, compose: Compose, part: str) -> None:
        if part in init.READERS:
            self._lay_secrets()
        if part in docker_config.RELOADED:
            compose.run("kill", "-s", "HUP", part, say=_nobody, timeout=30)
        else:
            compose.run("restart", part, say=_nobody, timeout=150)

    def _lay_secrets(self) -> None:
        with docker_client.connected(self.context.environment, timeout=60) as client:
            found = self._mine(client).get(docker_status.INIT)
            if found is None:
                return
            container = client.containers.get(found["Id"])
            container.start()
            code = container.wait(timeout=60)["StatusCode"]
            if code:
                said = container.logs(tail=3).decode("utf-8", "replace").strip()
                raise EngineError(f"the secrets could not be laid: {said}", "see secrets/; then try again")

    def logs(self, part: str, *, follow: bool, tail: int) -> Iterator[str]:
        """Lines of a part's log, oldest first. Raises EngineError for a part that there is not."""
        known = (*PARTS, docker_status.INIT, *(docker_status.EXAMPLES if self._examples else ()))
        if part not in known:
            raise EngineError(f"there is no part '{part}'", f"parts: {', '.join(known)}")
        with docker_client.connected(self.context.environment) as client:
            if part not in self._mine(client):
                raise EngineError(f"{part} has no container", "./stack up starts the stack")
        words = ["logs", "--no-log-prefix", "--no-color", "--tail", str(tail), *(["--follow"] if follow else []), part]
        return self._compose().follow(*words)

    # Inside

    def _mine(self, client: docker.DockerClient) -> dict[str, dict[str, Any]]:
        """The containers of this checkout. Raises EngineError when the project is another checkout's."""
        found = docker_status.containers(client, self.project)
        other = docker_status.foreign(found, self.context.root)
        if other:
            raise EngineError(
                f"the project {self.project} runs already, from {other}",
                "./stack down there, or give this one another name: COMPOSE_PROJECT_NAME in the environment or .env",
            )
        return found

    def _compose(self, variables: Mapping[str, str] | None = None, *, every_file: bool = False) -> Compose:
        """Compose with the variables that docker-compose.yml takes."""
        environment = self.context.environment
        stack = self.context.model.stack
        given = docker_words.given(stack, environment)
        if path := docker_client.mounted_socket(environment):
            given["DOCKER_SOCKET"] = path
        asked = {"compose/alloy.yml": stack.collector == "alloy", docker_examples.OVERLAY: self._examples}
        overlays = [name for name, is_asked in asked.items() if every_file or is_asked]
        return Compose(
            docker_compose.find(environment),
            self.context.root,
            self.project,
            {**environment, **given, **docker_examples.variables(self.context.root), **(variables or {})},
            ("docker-compose.yml", *overlays),
            stack.active_profiles,
        )


def _nobody(_line: str) -> None:
    """Compose's own lines where the parts' states say the same."""
