"""What each stand-in holds: the program at the path, with the entry point, user and folders of the upstream image.

How an image is built lives in context, where the base comes from in rootfs, where programs come from in stackgen.parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stackgen.images.context import Entry

NOBODY = 65534
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
GROUP = "root:x:0:\nnobody:x:65534:\n"
# Debian's base has them; what a lone program gets.
LINKS = ("sh", "wget", "cat", "ls", "id", "sleep", "grep")


@dataclass(frozen=True)
class StandIn:
    """part: as in the table, or `mongodb`, which the examples alone use. based: on the Debian base, else on nothing.

    packages: of the distribution, onto the base.
    dockerfile: what comes after FROM and ADD. files: of the image's root, from programs (name to path) and busybox.
    programs: name of the part or extra whose programs it holds, "" for none.
    """

    part: str
    dockerfile: str
    files: Callable[[Mapping[str, Path], Path], tuple[Entry, ...]]
    based: bool = False
    packages: tuple[str, ...] = ()
    programs: str = ""

    @property
    def variable(self) -> str:
        """Environment variable that Compose takes the image from."""
        return self.part.upper().replace("-", "_") + "_IMAGE"

    @property
    def text(self) -> str:
        """The whole Dockerfile; root.tar is put onto the image's root by ADD."""
        base = "watchstack-local/base:debian" if self.based else "scratch"
        packages = "ADD packages.tar /\n" if self.packages else ""
        return f"FROM {base}\n{packages}ADD root.tar /\n{self.dockerfile.strip()}\n"


def _alone(
    *pairs: tuple[str, str], shell: bool = True, data: str = "", uid: int = NOBODY, zones: bool = False
) -> Callable[[Mapping[str, Path], Path], tuple[Entry, ...]]:
    """Static programs on nothing: each at its path, busybox for health checks, certificates of this machine.

    zones: its time zones too, as the official image has them.
    """

    def files(programs: Mapping[str, Path], busybox: Path) -> tuple[Entry, ...]:
        entries = [Entry(path, programs[name]) for name, path in pairs]
        entries += [Entry("etc/passwd", PASSWD.encode()), Entry("etc/group", GROUP.encode())]
        entries += [Entry("tmp", mode=0o1777), *_certificates()]
        if shell:
            entries += [Entry("bin/busybox", busybox), *(Entry(f"bin/{name}", link="busybox") for name in LINKS)]
        if data:
            entries.append(Entry(data, uid=uid, gid=uid))
        return (*entries, *(_zones() if zones else ()))

    return files


def _certificates() -> list[Entry]:
    path = Path("/etc/ssl/certs/ca-certificates.crt")
    return [Entry("etc/ssl/certs/ca-certificates.crt", path.read_bytes())] if path.exists() else []


def _zones() -> list[Entry]:
    folder = Path("/usr/share/zoneinfo")
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.suffix]
    kept = [path for path in found if path.relative_to(folder).parts[0] not in ("right", "posix")]
    return [Entry(path.relative_to("/").as_posix(), path) for path in kept]


def _on_base(*pairs: tuple[str, str]) -> Callable[[Mapping[str, Path], Path], tuple[Entry, ...]]:
    """Programs on the Debian base, which has a shell; wget comes from busybox."""

    def files(programs: Mapping[str, Path], busybox: Path) -> tuple[Entry, ...]:
        helpers = (Entry("usr/local/bin/busybox", busybox), Entry("usr/local/bin/wget", link="busybox"))
        return (*(Entry(path, programs[name]) for name, path in pairs), *helpers)

    return files


GRAFANA_RUN = b"""#!/bin/sh
# As the upstream image does: NAME__FILE gives NAME from a file.
for name in $(env | sed -n 's/^\\(GF_[A-Za-z0-9_]*\\)__FILE=.*/\\1/p'); do
  eval "file=\\$${name}__FILE"
  [ -r "$file" ] || { echo "cannot read $file, which ${name}__FILE names" >&2; exit 1; }
  export "$name=$(cat "$file")"
  unset "${name}__FILE"
done
exec grafana server --homepath=/usr/share/grafana --packaging=docker "$@" \\
  cfg:default.paths.data=/var/lib/grafana cfg:default.paths.logs=/var/log/grafana \\
  cfg:default.paths.plugins=/var/lib/grafana/plugins cfg:default.paths.provisioning=/etc/grafana/provisioning
"""

POSTGRES_RUN = b"""#!/bin/sh
# As the upstream image does: a database with user and password on the first start, and what lies in
# docker-entrypoint-initdb.d; then the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  how="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
  initdb --username="$POSTGRES_USER" ${POSTGRES_PASSWORD_FILE:+"--pwfile=$POSTGRES_PASSWORD_FILE"} \\
    --auth-host="$how" --auth-local=trust --encoding=UTF8 --locale=C.UTF-8
  echo "host all all all $how" >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
  [ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | postgres --single -D "$PGDATA" postgres
  if ls /docker-entrypoint-initdb.d/*.sql > /dev/null 2>&1; then
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    cat /docker-entrypoint-initdb.d/*.sql | psql -v ON_ERROR_STOP=1 -q -U "$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl -D "$PGDATA" -m fast -w stop
  fi
fi
exec "$@"
"""

MONGOD_RUN = b"""#!/bin/sh
# FerretDB in its place, which speaks its protocol; mongod's own options mean nothing to it.
exec ferretdb --handler=sqlite --sqlite-url=file:/data/db/ --state-dir=/data/db --listen-addr=0.0.0.0:27017 \\
  --telemetry=disable --debug-addr=-
"""


def _grafana(programs: Mapping[str, Path], busybox: Path) -> tuple[Entry, ...]:
    home = programs["grafana"].parent / "home"
    kept = [
        Entry(f"usr/share/grafana/{path.relative_to(home).as_posix()}", path, mode=0o644)
        for path in sorted(home.rglob("*"))
        if path.is_file()
    ]
    provisioned = ("access-control", "alerting", "dashboards", "datasources", "notifiers", "plugins")
    folders = ("var/lib/grafana", "var/log/grafana", *(f"etc/grafana/provisioning/{name}" for name in provisioned))
    return (
        *_on_base(("grafana", "usr/share/grafana/bin/grafana"))(programs, busybox),
        *kept,
        *(Entry(path, uid=472, mode=0o777) for path in folders),
        Entry("run.sh", GRAFANA_RUN, mode=0o755),
    )


def _redis(_programs: Mapping[str, Path], _busybox: Path) -> tuple[Entry, ...]:
    return (Entry("data", uid=999, gid=1000),)


def _postgres(_programs: Mapping[str, Path], _busybox: Path) -> tuple[Entry, ...]:
    return (
        Entry("usr/local/bin/docker-entrypoint.sh", POSTGRES_RUN, mode=0o755),
        Entry("var/lib/postgresql/data", uid=70, gid=70, mode=0o700),
    )


def _mongodb(programs: Mapping[str, Path], _busybox: Path) -> tuple[Entry, ...]:
    return (
        Entry("usr/local/bin/ferretdb", programs["ferretdb"]),
        Entry("usr/local/bin/mongod", MONGOD_RUN, mode=0o755),
        *(Entry(f"data/{name}", uid=999, gid=999) for name in ("db", "configdb")),
    )


STAND_INS = (
    StandIn(
        "prometheus",
        'USER nobody\nEXPOSE 9090\nWORKDIR /prometheus\nENTRYPOINT ["/bin/prometheus"]\n'
        'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]',
        _alone(("prometheus", "bin/prometheus"), ("promtool", "bin/promtool"), data="prometheus"),
        programs="prometheus",
    ),
    StandIn(
        "alertmanager",
        'USER nobody\nEXPOSE 9093\nWORKDIR /alertmanager\nENTRYPOINT ["/bin/alertmanager"]\n'
        'CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]',
        _alone(("alertmanager", "bin/alertmanager"), ("amtool", "bin/amtool"), data="alertmanager", zones=True),
        programs="alertmanager",
    ),
    StandIn(
        "node-exporter",
        'USER nobody\nEXPOSE 9100\nENTRYPOINT ["/bin/node_exporter"]',
        _alone(("node_exporter", "bin/node_exporter")),
        programs="node-exporter",
    ),
    StandIn(
        "blackbox-exporter",
        'EXPOSE 9115\nENTRYPOINT ["/bin/blackbox_exporter"]\nCMD ["--config.file=/etc/blackbox_exporter/config.yml"]',
        _alone(("blackbox_exporter", "bin/blackbox_exporter")),
        programs="blackbox-exporter",
    ),
    StandIn(
        "loki",  # without a shell, as upstream
        'USER 10001\nEXPOSE 3100\nENTRYPOINT ["/usr/bin/loki"]\nCMD ["-config.file=/etc/loki/local-config.yaml"]',
        _alone(("loki", "usr/bin/loki"), shell=False, data="loki", uid=10001),
        programs="loki",
    ),
    StandIn(
        "promtail",  # with bash and no HTTP client, as upstream
        'ENTRYPOINT ["/usr/bin/promtail"]\nCMD ["-config.file=/etc/promtail/config.yml"]',
        lambda programs, _busybox: (Entry("usr/bin/promtail", programs["promtail"]),),
        based=True,
        programs="promtail",
    ),
    StandIn(
        "grafana",
        "ENV PATH=/usr/share/grafana/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        'USER 472\nEXPOSE 3000\nWORKDIR /usr/share/grafana\nENTRYPOINT ["/run.sh"]',
        _grafana,
        based=True,
        programs="grafana-server",
    ),
    StandIn(
        "redis",
        'WORKDIR /data\nEXPOSE 6379\nCMD ["redis-server"]',
        _redis,
        based=True,
        packages=("redis-server",),
    ),
    StandIn(
        "redis-exporter",
        'USER 59000:59000\nEXPOSE 9121\nENTRYPOINT ["/redis_exporter"]',
        lambda programs, _busybox: (Entry("redis_exporter", programs["redis_exporter"]),),
        based=True,
        programs="redis-exporter",
    ),
    StandIn(
        "postgres",
        "RUN groupadd --system --gid 70 postgres"
        " && useradd --system --uid 70 --gid 70 --home-dir /var/lib/postgresql postgres"
        " && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/\n"
        'ENV PGDATA=/var/lib/postgresql/data\nEXPOSE 5432\nENTRYPOINT ["docker-entrypoint.sh"]\nCMD ["postgres"]',
        _postgres,
        based=True,
        packages=("postgresql", "postgresql-client"),
    ),
    StandIn(
        "postgres-exporter",
        'USER nobody\nEXPOSE 9187\nENTRYPOINT ["/bin/postgres_exporter"]',
        _on_base(("postgres_exporter", "usr/bin/postgres_exporter")),
        based=True,
        programs="postgres-exporter",
    ),
    StandIn("mongodb", 'EXPOSE 27017\nCMD ["mongod"]', _mongodb, based=True, programs="ferretdb"),
)
WITHOUT = {"alloy": "its module is not served, so that it cannot be built here; `collector: promtail` needs none"}
