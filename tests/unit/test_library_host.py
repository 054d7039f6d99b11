"""Reading the host: what odd hosts and containers tell, what they do not, and that no request ever waits for it."""

from __future__ import annotations

import os
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from library_kit import Hands, samples
from prometheus_client import CollectorRegistry
from waiting import DEADLINE, until
from watchstack.catalogue import Preset
from watchstack.host import HostSampler, mount_points
from watchstack.host_collector import HostCollector

Part = namedtuple("Part", "device mountpoint fstype opts")
Usage = namedtuple("Usage", "total used free percent")
Memory = namedtuple("Memory", "total available percent")
Times = namedtuple("Times", "user system idle iowait guest")
Card = namedtuple("Card", "bytes_sent bytes_recv")
Resident = namedtuple("Resident", "rss")


@dataclass
class Child:
    rss: int

    def memory_info(self) -> Resident:
        return Resident(self.rss)


class Process(Child):
    def children(self, recursive: bool) -> list[Child]:
        return [Child(7), Child(8)] if recursive else []


@dataclass
class Host:
    """A host to put together by hand; `broken` names readings that raise."""

    parts: list[Part] = field(default_factory=lambda: [Part("/dev/a", "/", "ext4", "rw")])
    times: Times = field(default_factory=lambda: Times(10, 10, 80, 0, 0))
    cards: dict[str, Card] = field(default_factory=lambda: {"eth0": Card(100, 200)})
    broken: dict[str, Exception] = field(default_factory=dict)
    usage: Usage = field(default_factory=lambda: Usage(1000, 400, 500, 44.4))
    resident: int = 5

    def _read(self, name: str, value: Any) -> Any:
        if name in self.broken:
            raise self.broken[name]
        return value

    def cpu_times(self) -> Any:
        return self._read("cpu_times", self.times)

    def virtual_memory(self) -> Any:
        return self._read("virtual_memory", Memory(1000, 300, 70.0))

    def disk_partitions(self, all: bool = False) -> Any:
        return self._read("disk_partitions", self.parts)

    def disk_usage(self, path: str) -> Any:
        return self._read("disk_usage " + path, self.usage)

    def net_io_counters(self, pernic: Any) -> Any:
        return self._read("net_io_counters", self.cards)

    def Process(self) -> Any:
        return self._read("Process", Process(self.resident))


def exposed(host: Any, preset: Preset | None = None, **more: Any) -> dict[str, float]:
    sampler = HostSampler(host, **more)
    registry = CollectorRegistry()
    HostCollector(sampler, registry, preset)
    sampler.sample()
    if isinstance(host, Host):
        host.times = Times(10 + 30, 10 + 10, 80 + 50, 10, 5)  # of 100 ticks, 5 of them guest's, 40 were work
    sampler.sample()
    return samples(registry, "")


def test_a_mount_whose_name_is_no_utf8_is_told(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xfc")
    os.mkdir(folder)
    found = exposed(Host(parts=[Part("/dev/a", "/", "ext4", "rw"), Part("/dev/b", folder, "ext4", "rw")]))
    assert found[f'system_disk_usage_percent{{mount_point="{tmp_path}/?"}}'] == 44.4


# B-17 B-34 B-35 B-67 B-68 B-69 B-70 B-71 B-72 B-73
def test_every_host_metric() -> None:
    assert exposed(Host()) == {
        "system_cpu_usage_percent{}": 40.0,
        "system_memory_usage_percent{}": 70.0,
        "system_memory_available_bytes{}": 300.0,
        'system_disk_usage_percent{mount_point="/"}': 44.4,
        'system_disk_available_bytes{mount_point="/"}': 500.0,
        "system_network_bytes_sent{}": 100.0,
        "system_network_bytes_received{}": 200.0,
    }


# B-06 B-07 B-08
def test_the_names_of_the_flask_preset() -> None:
    found = exposed(Host(), Preset.FLASK)
    assert found["system_cpu_percent{}"] == found["system_cpu_usage_percent{}"] == 40.0
    assert found["system_memory_bytes{}"] == 700.0
    assert found['system_disk_bytes{mount_point="/"}'] == 400.0


# B-24 B-81 X-39
def test_three_memories_have_three_meanings() -> None:
    assert exposed(Host(), Preset.FRAMEWORK, process=True)["memory_usage_bytes{}"] == 20.0
    assert exposed(Host(), Preset.AI, process=True)["holisticos_memory_usage_bytes{}"] == 5.0
    assert "memory_usage_bytes{}" not in exposed(Host())


#
def test_the_memory_of_the_process_is_read_for_each_scrape() -> None:
    host, registry = Host(), CollectorRegistry()
    sampler = HostSampler(host, process=True)
    HostCollector(sampler, registry, Preset.AI)
    sampler.sample()
    host.resident = 6
    assert samples(registry, "holisticos")["holisticos_memory_usage_bytes{}"] == 6.0
    host.broken["Process"] = KeyError("gone")
    assert samples(registry, "holisticos")["holisticos_memory_usage_bytes{}"] == 5.0
    assert samples(registry, "host_read")['host_read_failures_total{reading="process"}'] > 0


@pytest.mark.parametrize(
    ("broken", "absent"),
    [
        ("cpu_times", "system_cpu"),
        ("virtual_memory", "system_memory"),
        ("net_io_counters", "system_network"),
        ("disk_usage /", "system_disk"),
    ],
)
def test_what_cannot_be_read_is_absent_counted_and_logged_once(
    broken: str, absent: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = exposed(Host(broken={broken: PermissionError("not for you")}))
    assert not [name for name in found if name.startswith(absent)]
    assert len(found) >= 5
    assert [value for name, value in found.items() if name.startswith("host_read_failures_total")] == [2.0]
    assert caplog.text.count("not for you") == 1


def test_the_root_counts_even_when_nothing_lists_it() -> None:
    found = exposed(Host(broken={"disk_partitions": OSError("no /proc/mounts")}))
    assert found['system_disk_usage_percent{mount_point="/"}'] == 44.4


def test_a_disk_without_size_is_left_out() -> None:
    assert not [name for name in exposed(Host(usage=Usage(0, 0, 0, 0.0))) if name.startswith("system_disk")]


def test_the_share_of_cpu_keeps_its_last_value_when_no_tick_has_passed() -> None:
    host = Host()
    sampler = HostSampler(host)
    assert sampler.sample().cpu_percent is None
    host.times = Times(60, 10, 130, 0, 0)
    assert sampler.sample().cpu_percent == 50.0
    assert sampler.sample().cpu_percent == 50.0
    host.times = Times(0, 0, 1, 0, 0)  # set back, as after a suspended container
    assert sampler.sample().cpu_percent == 50.0


CONTAINER = [
    Part("overlay", "/", "overlay", "rw"),
    Part("proc", "/proc", "proc", "rw"),
    Part("tmpfs", "/dev", "tmpfs", "rw"),
    Part("shm", "/dev/shm", "tmpfs", "rw"),
    Part("/dev/vda1", "/etc/hosts", "ext4", "rw"),
    Part("/dev/vda1", "/etc/resolv.conf", "ext4", "rw"),
    Part("/dev/vda1", "/data", "ext4", "rw"),
    Part("/dev/vda1", "/data/inner", "ext4", "rw"),
]
DESKTOP = [
    Part("/dev/sda2", "/", "ext4", "rw"),
    Part("/dev/sda2", "/var/lib/docker/bind", "ext4", "rw"),
    Part("/dev/sda2", "/srv/bound", "ext4", "rw"),
    Part("/dev/sda1", "/boot/efi", "vfat", "rw"),
    Part("/dev/loop3", "/snap/core/1", "squashfs", "ro"),
    Part("/dev/loop4", "/var/lib/snapd/snap/x", "squashfs", "ro"),
    Part("/dev/sdb1", "/srv/backup disk", "xfs", "rw"),
    Part("/dev/sdb1", "/home", "xfs", "rw"),
    Part("nas:/x", "/mnt/nas", "nfs4", "rw"),
    Part("s3fs", "/mnt/s3", "fuse.s3fs", "rw"),
    Part("tank/a", "/tank/a", "zfs", "rw"),
    Part("tank/b", "/tank/b", "zfs", "rw"),
    Part("overlay", "/var/lib/docker/overlay2/x/merged", "overlay", "rw"),
    Part("tmpfs", "/run/user/1000", "tmpfs", "rw"),
    Part("/dev/sdc1", "/running", "ext4", "rw"),
]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (CONTAINER, ["/", "/data"]),
        (DESKTOP, ["/", "/home", "/running", "/tank/a", "/tank/b"]),
        ([], ["/"]),
        ([Part("none", "/", "9p", "rw")], ["/"]),
        ([Part("tmpfs", "/tmp", "tmpfs", "rw")], ["/"]),
    ],
    ids=["container", "desktop", "nothing", "9p root", "tmpfs alone"],
)
def test_mount_points(parts: list[Part], expected: list[str]) -> None:
    folders = {part.mountpoint for part in parts} - {"/etc/hosts", "/etc/resolv.conf"}
    assert mount_points(parts, folders.__contains__) == expected


def test_network_adds_up_real_cards_and_never_falls() -> None:
    host = Host(cards={"lo": Card(9, 9), "eth0": Card(100, 10), "docker0": Card(50, 5), "veth1": Card(50, 5)})
    sampler = HostSampler(host)
    assert sampler.sample().network_sent == 100
    host.cards = {"eth0": Card(150, 20), "wlan0": Card(7, 7)}
    assert sampler.sample().network_sent == 157
    host.cards = {"eth0": Card(10, 1)}  # wlan0 has gone, eth0 began anew
    sample = sampler.sample()
    assert (sample.network_sent, sample.network_received) == (167, 28)


def test_network_of_virtual_cards_alone_counts() -> None:
    sample = HostSampler(Host(cards={"lo": Card(9, 9), "veth0": Card(5, 6)})).sample()
    assert (sample.network_sent, sample.network_received) == (5, 6)


# B-85 O-07
def test_asking_for_metrics_never_reads_the_host() -> None:
    host = Host()
    sampler = HostSampler(host)
    registry = CollectorRegistry()
    HostCollector(sampler, registry)
    assert samples(registry, "system_") == {}
    sampler.sample()
    host.broken = dict.fromkeys(("cpu_times", "virtual_memory", "disk_partitions"), AssertionError("asked the host"))
    assert samples(registry, "system_memory_usage_percent") == {"system_memory_usage_percent{}": 70.0}
    assert sampler.failures == {}


def test_samples_come_in_the_background_and_stop() -> None:
    sampler = HostSampler(Host(), interval=0.01)
    sampler.start()
    first = sampler.latest
    assert first is not None
    until(lambda: sampler.latest is not first)
    thread = sampler._thread
    sampler.start()
    assert sampler._thread is thread
    sampler.stop()
    assert thread is not None
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_the_age_of_the_newest_sample() -> None:
    hands = Hands()
    sampler = HostSampler(Host(), clocks=hands.clocks())
    assert sampler.age is None
    sampler.sample()
    hands.forward(12)
    assert sampler.age == 12


def test_this_host_tells_all() -> None:
    sampler = HostSampler(process=True)
    sample = sampler.sample()
    assert sampler.failures == {}
    assert 0 < (sample.memory_percent or 0) <= 100
    assert sample.disks["/"].total > 0
    assert sample.process_memory
    assert sample.family_memory
    assert sample.family_memory >= sample.process_memory
