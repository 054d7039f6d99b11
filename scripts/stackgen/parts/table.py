"""The one table of parts: name, pinned version, floor, image, ports, and where the program comes from natively.

How a build or download is carried out lives in the other modules of this room.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from types import MappingProxyType

_MEASURED = {"measured": True}


@dataclass(frozen=True)
class GoBuild:
    """How the pinned program is built from its Go module.

    module, version: what the module proxy serves. packages: main packages below the module, one a program.
    writable: build in a writable copy of the module (it needs files that the module does not carry): `files`, path and
    text, and `prepare`, arguments of Go commands that run there first. tags: build tags. cgo: needs a C compiler.
    stamps: variables and the values they are linked with, for `--version`. keep: folders and files of the module that
    the program needs beside it, put into `home/`; home: further files there, path and text.
    modules: about how many are downloaded. disk: free space that the build needs, in MiB (both measured).
    """

    module: str
    version: str
    packages: tuple[str, ...]
    writable: bool = False
    files: tuple[tuple[str, str], ...] = ()
    prepare: tuple[tuple[str, ...], ...] = ()
    tags: tuple[str, ...] = ()
    cgo: bool = False
    stamps: tuple[tuple[str, str], ...] = ()
    keep: tuple[str, ...] = ()
    home: tuple[tuple[str, str], ...] = ()
    modules: int = field(default=0, metadata=_MEASURED)
    disk: int = field(default=0, metadata=_MEASURED)

    @property
    def digest(self) -> str:
        """Changes when the program that comes out does."""
        counted = [item.name for item in fields(self) if not item.metadata]
        given = {name: value for name in counted if (value := getattr(self, name))}
        return hashlib.sha256(repr(given).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Part:
    """One part of the stack.

    version: the pin, "3.13.3". built: version that is built from the module where the pin is not served.
    floor: oldest version that the shipped configuration runs on, None for our own parts.
    image: upstream reference, tag and digest where it was agreed; `variable`: environment variable that replaces it.
    port: default port on loopback; `port_variable` changes it. container_port: port inside its container.
    programs: executables the part consists of, the server first.
    debian: packages of the distribution that carry the programs, the one whose version counts first.
    module: Python module of our own parts.
    ready: HTTP path that answers 200 when the part can do its work.
    uid: user id of the part's process in its image.
    profile: Compose profile, "" for always.
    essential: `up` waits for it within the first minutes; the others join when their build is done.
    scraped: it has metrics, and with them a job of its name.
    """

    name: str
    version: str
    port: int
    ready: str
    image: str = ""
    floor: str | None = None
    container_port: int = 0
    programs: tuple[str, ...] = ()
    build: GoBuild | None = None
    debian: tuple[str, ...] = ()
    module: str = ""
    uid: int = 65534
    profile: str = ""
    native: bool = True
    essential: bool = False
    built: str = ""
    scraped: bool = True

    @property
    def built_version(self) -> str:
        """Version of the program that is built from the module: the pin, or the nearest that is served."""
        return self.built or self.version

    @property
    def variable(self) -> str:
        """Our own parts share one image."""
        return "WATCHSTACK_IMAGE" if self.module else self.name.upper().replace("-", "_") + "_IMAGE"

    @property
    def port_variable(self) -> str:
        return self.name.upper().replace("-", "_") + "_PORT"

    @property
    def inner_port(self) -> int:
        return self.container_port or self.port


VERSION = "0.1.0"  # of our own parts: exporter, console, containers
OWN_IMAGE = f"watchstack/watchstack:{VERSION}"
OWN_UID = 10010
PYTHON_IMAGE = (  # of which our own image is built
    "python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b"
)


def _stamps(version: str, place: str = "github.com/prometheus/common/version") -> tuple[tuple[str, str], ...]:
    return ((f"{place}.Version", version), (f"{place}.Branch", "module"), (f"{place}.Revision", f"v{version}"))


def loki_stamps(version: str) -> tuple[tuple[str, str], ...]:
    """Version variables of Loki's programs, which set the common ones from their own."""
    return _stamps(version, "github.com/grafana/loki/v3/pkg/util/build")


# Discovery of hosts is compiled in where the renderers write it (file, http, dns) or a container host is near (moby,
# consul); without the clouds' clients Prometheus builds in less than half the time.
_DISCOVERY = ("remove_all_sd", "enable_dns_sd", "enable_moby_sd", "enable_consul_sd")

_PARTS = (
    Part(
        "prometheus",
        "3.13.3",
        9090,
        "/-/ready",
        image="prom/prometheus:v3.13.3@sha256:6976aa8a60fec930796ce5772b8d12da7a318a5daa8d40d69c5c7819a05eeed7",
        floor="2.53",
        programs=("prometheus", "promtool"),
        debian=("prometheus", "promtool"),
        essential=True,
        build=GoBuild(
            "github.com/prometheus/prometheus",
            "v0.313.3",
            ("cmd/prometheus", "cmd/promtool"),
            tags=_DISCOVERY,
            stamps=_stamps("3.13.3"),
            modules=200,
            disk=3000,
        ),
    ),
    Part(
        "alertmanager",
        "0.34.1",
        9093,
        "/-/ready",
        image="prom/alertmanager:v0.34.1@sha256:e9733bafb1bdef9b00e25a21f8f99dc26a22224bf16641ad754d1649f4c3357a",
        floor="0.28",
        programs=("alertmanager", "amtool"),
        debian=("prometheus-alertmanager",),
        essential=True,
        build=GoBuild(
            "github.com/prometheus/alertmanager",
            "v0.34.1",
            ("cmd/alertmanager", "cmd/amtool"),
            writable=True,
            files=(("ui/app/dist/index.html", "<!doctype html><title>Alertmanager</title>The API is whole.\n"),),
            stamps=_stamps("0.34.1"),
            modules=120,
            disk=2000,
        ),
    ),
    Part(
        "node-exporter",
        "1.12.1",
        9100,
        "/metrics",
        image="prom/node-exporter:v1.12.1@sha256:1b4e4438faca4dd7e001dd445d161a4a2091b0fededa84093b3a8dfeae1f1be0",
        floor="1.5",
        programs=("node_exporter",),
        debian=("prometheus-node-exporter",),
        essential=True,
        build=GoBuild(
            "github.com/prometheus/node_exporter", "v1.12.1", (".",), stamps=_stamps("1.12.1"), modules=60, disk=1000
        ),
    ),
    Part(
        "loki",
        "3.7.8",
        3100,
        "/ready",
        image="grafana/loki:3.7.8@sha256:1107dd5274e0ada47e42472b7a7e71f3b2a2fe878878108f3e2f9e51528f0193",
        floor="3.0",
        programs=("loki",),
        uid=10001,
        build=GoBuild(
            "github.com/grafana/loki/v3", "v3.7.8", ("cmd/loki",), stamps=loki_stamps("3.7.8"), modules=400, disk=6000
        ),
    ),
    Part(
        "promtail",
        "3.6.10",
        9080,
        "/ready",
        image="grafana/promtail:3.6.10@sha256:2a0f5e3e160ee5d549c585f6cc4f4e1c566ff783324a424bd75bc16503fc660e",
        floor="3.0",
        programs=("promtail",),
        built="3.6.4",
        build=GoBuild(
            "github.com/grafana/loki/v3",
            "v3.6.4",
            ("clients/cmd/promtail",),
            stamps=loki_stamps("3.6.4"),
            modules=400,
            disk=6000,
        ),
    ),
    Part(
        "grafana",
        "13.2.3",
        3000,
        "/api/health",
        image="grafana/grafana:13.2.3@sha256:b28bae15e219c998fb0e0424ed724930cc61b1f61fb404d47c862f9a23f9e572",
        uid=472,
        native=False,
    ),
    Part(
        "exporter",
        VERSION,
        9101,
        "/health/ready",
        image=OWN_IMAGE,
        module="watchstack.exporter",
        uid=OWN_UID,
        essential=True,
    ),
    Part(
        "console",
        VERSION,
        9099,
        "/health/ready",
        image=OWN_IMAGE,
        module="watchstack.console",
        uid=OWN_UID,
        essential=True,
    ),
    Part(
        "containers",
        VERSION,
        9102,
        "/health/live",
        image=OWN_IMAGE,
        module="watchstack.containers",
        uid=OWN_UID,
        essential=True,
    ),
    Part(
        "blackbox-exporter",
        "0.28.0",
        9115,
        "/-/healthy",
        profile="blackbox",
        image="prom/blackbox-exporter:v0.28.0@sha256:e753ff9f3fc458d02cca5eddab5a77e1c175eee484a8925ac7d524f04366c2fc",
        floor="0.24",
        programs=("blackbox_exporter",),
        debian=("prometheus-blackbox-exporter",),
        build=GoBuild(
            "github.com/prometheus/blackbox_exporter",
            "v0.28.0",
            (".",),
            stamps=_stamps("0.28.0"),
            modules=80,
            disk=1000,
        ),
    ),
    # In containers alone:
    Part(
        "alloy",
        "1.19.2",
        12345,
        "/-/ready",
        image="grafana/alloy:v1.19.2@sha256:b8ec653c44235fbe910879145dac3597d66b0aaecf60bcbbe82580767771a839",
        uid=473,
        profile="alloy",
        native=False,
    ),
    Part(
        "redis",
        "8.10.0",
        6379,
        "",
        image="redis:8.10.0-alpine@sha256:978f0e01593e65eed801f2402944efcd936d43b5027e4908a7897baf88ed6241",
        uid=999,
        profile="redis",
        native=False,
        scraped=False,
    ),
    Part(
        "redis-exporter",
        "1.86.0",
        9121,
        "/metrics",
        image="oliver006/redis_exporter:v1.86.0@sha256:2e9795be900db073e9475fdb9c5124db309b07a3e4e75a1770705cb03be1a1c8",
        uid=59000,
        profile="redis",
        native=False,
    ),
    Part(
        "postgres",
        "17.10",
        5432,
        "",
        image="postgres:17.10-alpine@sha256:742f40ea20b9ff2ff31db5458d127452988a2164df9e17441e191f3b72252193",
        uid=70,
        profile="postgres",
        native=False,
        scraped=False,
    ),
    Part(
        "postgres-exporter",
        "0.20.1",
        9187,
        "/metrics",
        image="quay.io/prometheuscommunity/postgres-exporter:v0.20.1"
        "@sha256:ac5ec343104fae0e2d84a27bb8d69b38430a11910c5382cad85d478d2bab713e",
        profile="postgres",
        native=False,
    ),
)

PARTS = MappingProxyType({part.name: part for part in _PARTS})
