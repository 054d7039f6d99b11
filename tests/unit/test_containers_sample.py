"""Docker's JSON read into samples: both cgroup versions, what is absent, what is hostile."""

from __future__ import annotations

import pytest
from docker_fake import STATS_V1, STATS_V2, inspected, listed
from watchstack.containers.sample import Condition, Identity, Usage, condition, usage
from watchstack.containers.sample import listed as read_row
from watchstack.containers.settings import Endpoint, Settings
from watchstack.settings import SettingError


def test_memory_under_cgroup_v1_leaves_out_total_inactive_file() -> None:
    assert usage(STATS_V1) == Usage(
        cpu_seconds=0.14202882,
        memory=22114304 - 20000000,
        memory_limit=67108864,
        received=1050,
        transmitted=15,
        block_read=5096,
        block_written=8192,
    )


def test_memory_under_cgroup_v2_leaves_out_inactive_file() -> None:
    read = usage(STATS_V2)
    assert (read.memory, read.memory_limit) == (20_000_000, 8_000_000_000)
    assert (read.block_read, read.block_written) == (300, 400)


@pytest.mark.parametrize("cache", [50_000_000, 60_000_000])
def test_a_cache_that_is_not_less_than_the_usage_is_not_taken_off(cache: int) -> None:
    assert usage({"memory_stats": {"usage": 50_000_000, "stats": {"inactive_file": cache}}}).memory == 50_000_000


@pytest.mark.parametrize(
    "stats",
    [
        {},
        {"cpu_stats": {"cpu_usage": {}}, "memory_stats": {}, "blkio_stats": {"io_service_bytes_recursive": None}},
        {"cpu_stats": None, "memory_stats": None, "networks": None, "blkio_stats": None},
        {
            "cpu_stats": {"cpu_usage": {"total_usage": "much"}},
            "memory_stats": {"usage": True},
            "networks": {"eth0": None},
        },
    ],
)
def test_what_is_absent_stays_unknown(stats: dict[str, object]) -> None:
    assert usage(stats) == Usage()


def test_before_the_first_block_io_it_is_nought() -> None:
    read = usage({"blkio_stats": {"io_service_bytes_recursive": []}})
    assert (read.block_read, read.block_written) == (0, 0)


def test_conditions() -> None:
    assert condition(inspected(1)) == Condition(
        restarts=3, oom_killed=False, healthy=True, started_at=pytest.approx(1795227608.534857), exit_code=0
    )
    assert condition(inspected(1, health="unhealthy", oom=True)).healthy is False
    assert condition(inspected(1, oom=True)).oom_killed
    assert condition(inspected(1, health="starting")).healthy is None
    assert condition(inspected(1, health=None)).healthy is None
    never = condition({"State": {"StartedAt": "0001-01-01T00:00:00Z", "Health": None}})
    assert never == Condition()
    assert condition({"State": {"StartedAt": "soonZ"}}).started_at is None


def test_rows_of_the_list() -> None:
    row = read_row(listed(1, "shop-web-1"))
    assert row is not None
    assert row.identity == Identity("shop-web-1", "shop", "web")
    assert (row.state, row.image) == ("running", "shop/web:1.2")
    linked = read_row(listed(1) | {"Names": ["/other/alias", "/own"]})
    assert linked is not None
    assert linked.identity.name == "own"
    bare = read_row({"Id": "ab" * 32})
    assert bare is not None
    assert (bare.identity.name, bare.state, bare.identity.project) == ("ab" * 6, "unknown", "")
    assert read_row({}) is None


def test_labels_are_bounded_and_printable() -> None:
    row = read_row(listed(1, "x" * 5000, **{"com.docker.compose.project": "\ud800" + "y" * 5000}))
    assert row is not None
    assert [len(label) for label in row.identity.labels] == [200, 200, 3]
    "".join(row.identity.labels).encode()
    odd = read_row(listed(1, state="dancing"))
    assert odd is not None
    assert odd.state == "unknown"


def test_settings_of_the_collector() -> None:
    plain = Settings.read({})
    assert (str(plain.listen), plain.api, str(plain.docker), plain.limit) == (
        "127.0.0.1:9102",
        None,
        "unix:///var/run/docker.sock",
        500,
    )
    full = Settings.read(
        {
            "CONTAINERS_LISTEN": ":1",
            "CONTAINERS_API_LISTEN": "0.0.0.0:9103",
            "DOCKER_HOST": "tcp://docker:2375",
            "CONTAINERS_LIMIT": "50",
        }
    )
    assert (str(full.api), str(full.docker), full.limit) == ("0.0.0.0:9103", "tcp://docker:2375", 50)
    assert Endpoint.parse("http://[::1]:2375/") == Endpoint(host="::1", port=2375)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONTAINERS_LISTEN", "x"),
        ("CONTAINERS_API_LISTEN", "9103"),
        ("CONTAINERS_LIMIT", "0"),
        ("CONTAINERS_LIMIT", "all"),
        ("DOCKER_HOST", "/var/run/docker.sock"),
        ("DOCKER_HOST", "unix://docker.sock"),
        ("DOCKER_HOST", "ssh://host"),
        ("DOCKER_HOST", "tcp://:2375"),
        ("DOCKER_HOST", "tcp://host:0"),
        ("DOCKER_HOST", "tcp://host"),
    ],
)
def test_bad_settings_of_the_collector_are_told(variable: str, value: str) -> None:
    with pytest.raises(SettingError) as raised:
        Settings.read({variable: value})
    assert str(raised.value).startswith(f"{variable}={value!r} is not allowed: give ")
