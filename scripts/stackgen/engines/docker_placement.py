"""Where every part lives inside the Compose stack: the placement the committed tree is rendered with. Data only."""

from __future__ import annotations

from types import MappingProxyType

from stackgen.placement import Place, Placement

SECRETS = "/run/watchstack-secrets"  # in each container that reads secrets; holds that reader's files alone
DOCKER_API = "docker-api"  # the GET-only Docker API of the container collector: its place, network and name there
DOCKER_API_PORT = 2375

COMPOSE = Placement(
    engine="docker",
    docker_host="host.docker.internal",
    places=MappingProxyType(
        {
            "prometheus": Place("prometheus", 9090, config="/etc/prometheus", data="/prometheus", secrets=SECRETS),
            "alertmanager": Place(
                "alertmanager", 9093, config="/etc/alertmanager", data="/alertmanager", secrets=SECRETS
            ),
            "grafana": Place("grafana", 3000, config="/etc/grafana", data="/var/lib/grafana", secrets=SECRETS),
            "loki": Place("loki", 3100, config="/etc/loki", data="/loki"),
            "promtail": Place("promtail", 9080, config="/etc/promtail", data="/var/lib/promtail"),
            "alloy": Place("alloy", 12345, config="/etc/alloy", data="/var/lib/alloy"),
            "node-exporter": Place("node-exporter", 9100),
            "exporter": Place("exporter", 9101),
            "console": Place("console", 9099, config="/etc/watchstack", data="/var/lib/watchstack", secrets=SECRETS),
            "containers": Place("containers", 9102),
            DOCKER_API: Place("docker-api", DOCKER_API_PORT),
            "redis": Place("redis", 6379, data="/data"),
            "redis-exporter": Place("redis-exporter", 9121),
            "postgres": Place("postgres", 5432, data="/var/lib/postgresql/data", secrets=SECRETS),
            "postgres-exporter": Place("postgres-exporter", 9187, secrets=SECRETS),
            "blackbox-exporter": Place("blackbox-exporter", 9115, config="/etc/blackbox_exporter"),
        }
    ),
)
