"""The five examples as parts of the stack, natively with the back ends that this machine has: `./stack up --examples`.
In containers they run as `docker_examples` says.

`.stack/examples.json` remembers that they are wanted, and where; without it there are none. The applications live in
examples/, what stands for their outside world and drives them in examples/world.py.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from watchstack import init

from stackgen.diagnostic import Position
from stackgen.engines.base import EngineError
from stackgen.engines.native_files import read_json, write_json
from stackgen.engines.native_plan import PartPlan
from stackgen.model import Model
from stackgen.model.slo import Latency, Slo
from stackgen.model.stack import Service
from stackgen.parts import resolve
from stackgen.parts.extras import EXTRAS

MARK = "examples.json"
PREFIX = "example-"
VERSION = "example"
TCP = ""  # readiness of what speaks no HTTP: it can be connected to
SEARCH_PATH = "?options=-csearch_path%3Dstandin,pg_catalog,public"  # where the stand-in of TimescaleDB lies


@dataclass(frozen=True)
class Example:
    """One application. command: behind the interpreter, below its folder; module: of `-m` instead.

    port: on loopback; ready: path that answers 200 as soon as it serves, whatever its back ends do.
    variables: of its document; `{world}`, `{redis}`, `{postgres}`, `{mongodb}` stand for ports.
    """

    preset: str
    port: int
    path: str
    ready: str
    command: tuple[str, ...]
    interval: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    slo: Slo | None = None

    @property
    def name(self) -> str:
        return PREFIX + self.preset


EXAMPLES = (
    Example("flask", 15000, "/metrics", "/health/live", ("flask/backend/app.py",), 30.0, {
        "DATABASE_URL": "postgresql://watch@127.0.0.1:{postgres}/postgres",
        "REDIS_URL": "redis://127.0.0.1:{redis}",
        "SUPABASE_URL": "http://127.0.0.1:{world}", "STRIPE_URL": "http://127.0.0.1:{world}",
    }),
    Example("api", 15001, "/monitoring/metrics", "/monitoring/health/live", ("-m", "app.main"), None, {
        "MONGODB_URL": "mongodb://127.0.0.1:{mongodb}/?serverSelectionTimeoutMS=500",
        "ENVIRONMENT": "development", "LOG_FILE_PATH": "application.log",
    }),
    Example("framework", 15002, "/api/metrics", "/api/metrics", ("framework/app.py",), 5.0, {
        "DATABASE_PATH": "notebook.db",
    }),
    Example("iot", 15003, "/health/metrics", "/health/live", ("iot/run.py",), None, {
        "DATABASE_URL": "postgresql://watch@127.0.0.1:{postgres}/postgres" + SEARCH_PATH,
        "BACKUP_FILE": "backup.jsonl",
    }, Slo(99.0, Latency(1.0, 95.0))),
    Example("ai", 15004, "/metrics", "/metrics", ("-m", "services.api_gateway.openai_main"), None, {
        "DATABASE_URL": "postgresql://watch@127.0.0.1:{postgres}/postgres",
        "REDIS_URL": "redis://127.0.0.1:{redis}",
        "OPENAI_API_KEY": "example", "OPENAI_BASE_URL": "http://127.0.0.1:{world}/v1",
    }),
)  # fmt: skip
BACKENDS = {"world": 15005, "redis": 15006, "postgres": 15007, "mongodb": 15008}


def default_ports() -> dict[str, int]:
    """Default port by part name, of the applications and what they stand on."""
    own = {one.name: one.port for one in EXAMPLES}
    return own | {PREFIX + name: port for name, port in BACKENDS.items()}


def variable(part: str) -> str:
    """Name of the variable that changes the port of a part named here: `EXAMPLE_FLASK_PORT`."""
    return part.upper().replace("-", "_") + "_PORT"


def want(state: Path, environment: Mapping[str, str]) -> None:
    """From now on they belong to the stack. Raises EngineError for a variable that holds no port, or one twice."""
    chosen: dict[str, int] = {}
    for part, default in default_ports().items():
        text = environment.get(variable(part), "") or str(default)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
            raise EngineError(f"{variable(part)}={text!r} is no port for {part}", "give a number from 1 to 65535")
        if int(text) in chosen.values():
            raise EngineError(f"port {text} is meant for two of the examples", f"change {variable(part)}")
        chosen[part] = int(text)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_json(state / MARK, chosen)


def leave(state: Path) -> None:
    """From now on they do not."""
    (state / MARK).unlink(missing_ok=True)


@contextmanager
def as_before(state: Path) -> Iterator[None]:
    """When what is done inside fails, they belong to the stack as they did before."""
    before = read_json(state / MARK)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            if before is None:
                leave(state)
            else:
                write_json(state / MARK, before)
        raise


def ports(state: Path) -> dict[str, int]:
    """Port by part name of those that are wanted, {} for none."""
    try:
        found = json.loads((state / MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: found[name] for name in default_ports()} if default_ports().keys() <= found.keys() else {}


def with_examples(model: Model, root: Path, *, inside: bool = False) -> Model:
    """The model with a service for each example that is wanted. inside: as containers know them, else on loopback."""
    chosen = ports(root / ".stack")
    taken = {service.name for service in model.stack.services}
    added = tuple(
        Service(
            name=one.name,
            where=Position("examples", 1, 1),
            targets=(f"{one.name}:{one.port}" if inside else f"127.0.0.1:{chosen[one.name]}",),
            preset=one.preset,
            metrics_path=one.path,
            interval=one.interval,
            slo=one.slo,
        )
        for one in EXAMPLES
        if chosen and one.name not in taken
    )
    stack = model.stack
    return replace(model, stack=replace(stack, services=(*stack.services, *added))) if added else model


def plans(root: Path) -> Iterator[PartPlan]:
    """What the supervisor runs for the wanted ones: back ends first, then the applications, then what drives them."""
    chosen = ports(root / ".stack")
    if not chosen:
        return
    folder = root / "examples"
    known = {name: str(chosen[PREFIX + name]) for name in BACKENDS}
    for name, command in _backends(folder, chosen).items():
        yield PartPlan(name, command, chosen[name], TCP, version=VERSION)
    path = f"{root / 'exporter'}"
    for one in EXAMPLES:
        first, *rest = one.command
        command = (first, *rest) if first == "-m" else (str(folder / first), *rest)
        variables = {key: value.format_map(known) for key, value in one.variables.items()}
        own = {
            "PORT": str(chosen[one.name]),
            "PYTHONPATH": f"{folder / one.preset}:{path}",
            "HEALTH_CPU_PER_CORE": "true",  # a busy core is no news
            "HEALTH_CHECK_INTERVAL": "15",
            "MONITORING_ADMIN_TOKEN": "",  # one of the user's own environment is not meant
            "MONITORING_ADMIN_TOKEN_FILE": str(root / "secrets" / init.EXAMPLES_TOKEN),  # the token is in no plan
        }
        yield PartPlan(
            one.name, (sys.executable, *command), chosen[one.name], one.ready, {**own, **variables}, version=VERSION
        )
    driven = [f"{one.preset}=http://127.0.0.1:{chosen[one.name]}" for one in EXAMPLES]
    world = PREFIX + "world"
    command = (sys.executable, str(folder / "world.py"), str(chosen[world]), *driven)
    yield PartPlan(world, command, chosen[world], "/-/ready", version=VERSION)


def absent(root: Path) -> list[str]:
    """Sentences about back ends that the wanted examples do without."""
    chosen = ports(root / ".stack")
    here = _backends(root / "examples", chosen) if chosen else {}
    ferretdb = "FerretDB (python -m stackgen.parts build ferretdb)"
    words = {"redis": "redis-server", "postgres": "PostgreSQL", "mongodb": ferretdb}
    return [
        f"the examples do without {name}, which their health tells: {word} is not here"
        for name, word in words.items()
        if chosen and PREFIX + name not in here
    ]


def _backends(folder: Path, chosen: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Command by part name of the back ends whose program is on this machine."""
    found: dict[str, tuple[str, ...]] = {}
    redis, postgres, mongodb = (PREFIX + name for name in ("redis", "postgres", "mongodb"))
    if server := shutil.which("redis-server"):
        found[redis] = (server, "--bind", "127.0.0.1", "--port", str(chosen[redis]), "--save", "")
    if binaries := sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        script = str(folder / "postgres.py")
        found[postgres] = (sys.executable, script, str(binaries[-1].parent), str(chosen[postgres]))
    if program := resolve.cached(EXTRAS["ferretdb"]):
        listens = f"--listen-addr=127.0.0.1:{chosen[mongodb]}"
        sqlite = ("--handler=sqlite", "--sqlite-url=file:./", "--state-dir=.", "--telemetry=disable", "--debug-addr=-")
        found[mongodb] = (str(program.server), *sqlite, listens)
    return found
