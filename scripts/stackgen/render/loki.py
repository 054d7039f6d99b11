"""loki/loki.yml: one process, everything on its own disk, sized for one host. Its rules are rendered in `rules`."""

from __future__ import annotations

from typing import Any

from stackgen.render.common import STACK, Source
from stackgen.render.dump import header, to_yaml

PATH = "loki/loki.yml"
GRPC_PORT = 9095  # Loki's own default
GRPC_PLACE = "loki-grpc"


def render(source: Source) -> dict[str, bytes]:
    """The file by its path."""
    return {PATH: to_yaml(_config(source), header(PATH, STACK))}


def _config(source: Source) -> dict[str, Any]:
    place = source.placement["loki"]
    grpc = source.placement.places.get(GRPC_PLACE)
    port = grpc.port if grpc else GRPC_PORT
    return {
        "auth_enabled": False,
        "analytics": {"reporting_enabled": False},
        "server": {
            "http_listen_address": source.listen,
            "http_listen_port": place.port,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": port,
            # At info it logs each question with its text: lines that the next question about logs finds again.
            "log_level": "warn",
        },
        "common": {
            "path_prefix": place.data,
            "instance_addr": "127.0.0.1",
            "replication_factor": 1,
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": f"{place.data}/chunks"}},
        },
        "schema_config": {"configs": [_schema()]},
        "ingester": {
            # Ready as soon as it is: with one process there is no ring to wait for.
            "lifecycler": {"min_ready_duration": "0s", "final_sleep": "0s"},
            "wal": {"dir": f"{place.data}/wal", "flush_on_shutdown": True},
        },
        "compactor": {
            "working_directory": f"{place.data}/compactor",
            "retention_enabled": True,
            "delete_request_store": "filesystem",
        },
        "limits_config": _limits(source),
        # Named, so that no scheduler is searched for: that takes Loki 10 s by default, and errors in its log.
        "frontend_worker": {"frontend_address": f"127.0.0.1:{port}", "dns_lookup_duration": "1s"},
        "query_range": {"results_cache": {"cache": {"embedded_cache": {"enabled": True, "max_size_mb": 50}}}},
        "ruler": {
            "storage": {"type": "local", "local": {"directory": f"{place.config}/rules"}},
            "rule_path": f"{place.data}/ruler",
            "alertmanager_url": source.placement["alertmanager"].url,
            "poll_interval": "5s",
            "enable_api": True,
            "enable_alertmanager_v2": True,
            "ring": {"kvstore": {"store": "inmemory"}},
        },
    }


def _schema() -> dict[str, Any]:
    """The only period there is. A later schema is a further entry: a period that holds data is never changed."""
    return {
        "from": "2024-01-01",
        "store": "tsdb",
        "object_store": "filesystem",
        "schema": "v13",
        "index": {"prefix": "index_", "period": "24h"},
    }


def _limits(source: Source) -> dict[str, Any]:
    return {
        "retention_period": source.stack.retention.logs,
        "ingestion_rate_mb": 16,
        "ingestion_burst_size_mb": 32,
        "per_stream_rate_limit": "8MB",
        "per_stream_rate_limit_burst": "16MB",
        "max_global_streams_per_user": 10000,
        "max_line_size": "256KB",
        "max_line_size_truncate": True,
        "max_query_parallelism": 4,
        "max_entries_limit_per_query": 5000,
        "max_query_series": 5000,  # shapes of log lines are many before the most frequent are chosen
        "allow_structured_metadata": True,
        "volume_enabled": True,
    }
