"""What the host says about itself, read through psutil in the background: CPU, memory, disks, network.

The newest sample is kept; asking for it never touches the operating system. HTTP and alerts live elsewhere.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar

import psutil

from watchstack.clocks import SYSTEM, Clocks
from watchstack.utf8 import text_of

_log = logging.getLogger("watchstack.host")
_FORKING = 5.0  # seconds that a fork waits for a sample that is being taken
_Read = TypeVar("_Read")

# File systems that hold no data of their own on a disk, or whose answer can hang with a remote server.
PSEUDO_TYPES = frozenset(
    {
        *("aufs", "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devfs", "devpts"),
        *("devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "pstore"),
        *("ramfs", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs"),
        *("9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs", "virtiofs"),
    }
)
NOISE_FOLDERS = ("/boot/efi", "/dev", "/proc", "/run", "/snap", "/sys", "/var/lib/containers", "/var/lib/docker")
LOOPBACKS = ("lo", "lo0", "Loopback Pseudo-Interface 1")
VIRTUAL_CARDS = (
    "br-",
    "cali",
    "cni",
    "docker",
    "dummy",
    "flannel",
    "ifb",
    "veth",
    "virbr",
)  # carry what a card carries


class HostSource(Protocol):
    """The part of psutil that is read; tests hand in their own."""

    def cpu_times(self) -> Any: ...
    def virtual_memory(self) -> Any: ...
    def disk_partitions(self, all: bool = False) -> list[Any]: ...
    def disk_usage(self, path: str) -> Any: ...
    def net_io_counters(self, pernic: Literal[True]) -> Any: ...
    def Process(self) -> Any: ...


@dataclass(frozen=True)
class Disk:
    """One file system, bytes; `percent` is used / (used + available) as `df` shows it."""

    total: int
    used: int
    available: int
    percent: float


@dataclass(frozen=True)
class Sample:
    """One reading of the host; None or empty where this host does not tell.

    Memory and disks in bytes, percentages 0 to 100, network bytes over all real interfaces, never falling when one
    goes, `taken` in seconds of the steady clock. process_memory: resident bytes of this process, family_memory: those
    of its child processes added.
    """

    taken: float
    cpu_percent: float | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    memory_used: int | None = None
    memory_percent: float | None = None
    disks: Mapping[str, Disk] = field(default_factory=lambda: MappingProxyType({}))
    network_sent: int | None = None
    network_received: int | None = None
    process_memory: int | None = None
    family_memory: int | None = None


def _is_noise(mount: str, fstype: str) -> bool:
    if fstype in PSEUDO_TYPES or fstype.startswith("fuse."):
        return True
    return any(mount == folder or mount.startswith(folder + "/") for folder in NOISE_FOLDERS)


def mount_points(partitions: Iterable[Any], is_folder: Callable[[str], bool] = os.path.isdir) -> list[str]:
    """Mount points worth watching, never none: the root always counts, whatever carries it (overlay in a container).

    Left out: pseudo and remote file systems, snaps, single mounted files, further mounts of one device (bind mounts).
    """
    root = os.path.abspath(os.sep)
    by_device: dict[str, str] = {}
    root_device = next((part.device for part in partitions if part.mountpoint == root), None)
    for part in partitions:
        mount = part.mountpoint
        if mount == root or part.device == root_device or _is_noise(mount, part.fstype) or not is_folder(mount):
            continue
        known = by_device.get(part.device)
        if known is None or len(mount) < len(known):
            by_device[part.device] = mount
    return [root, *sorted(by_device.values())]


def _busy_and_total(times: Any) -> tuple[float, float]:
    """Busy and total CPU seconds since boot; guest time is already inside user time on Linux, I/O wait is idle."""
    values = times._asdict()
    total = sum(values.values()) - values.get("guest", 0.0) - values.get("guest_nice", 0.0)
    idle = values.get("idle", 0.0) + values.get("iowait", 0.0)
    return total - idle, total


class HostSampler:
    """Samples the host every `interval` seconds in a thread of its own; `latest` holds the newest sample.

    source: what is read, psutil by default. process: read this process's memory too. A reading that fails leaves its
    fields out of the sample, is counted in `failures` by name and logged once. The CPU figure is the mean since the
    sample before.
    """

    def __init__(
        self, source: HostSource = psutil, *, interval: float = 5.0, process: bool = False, clocks: Clocks = SYSTEM
    ) -> None:
        self.interval = interval
        self.latest: Sample | None = None
        self.failures: dict[str, int] = {}
        self.on_sample: Callable[[Sample], None] | None = None  # is told each new sample
        self._source = source
        self._with_process = process
        self._clocks = clocks
        self._cpu_before: tuple[float, float] | None = None
        self._cpu_percent: float | None = None
        self._cards: dict[str, tuple[int, int]] = {}
        self._sent = self._received = 0
        self._stopped = threading.Event()
        self._sampling = threading.RLock()  # held while a sample is taken, and while the process is forked
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins sampling. The first sample is there when this returns, its CPU figure within a second."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopped.clear()
        self.sample()
        self._thread = threading.Thread(target=self._run, name="watchstack-host", daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """Begins sampling anew in a process that was forked off, where the thread is gone."""
        running, self._thread = self._thread is not None, None
        self._stopped = threading.Event()
        self._sampling = threading.RLock()
        self.failures = {}  # the parent's are not this process's
        if running:
            self.start()

    def pause(self) -> None:
        """Before a fork: takes no sample. What psutil holds meanwhile nobody would let go of in the new process."""
        self._sampling.acquire(timeout=_FORKING)

    def resume(self) -> None:
        """After it, in the process that has forked."""
        with contextlib.suppress(RuntimeError):  # a sample that hangs has it, or another fork
            self._sampling.release()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._thread = None

    @property
    def age(self) -> float | None:
        """Seconds since the newest sample, None before the first."""
        latest = self.latest
        return None if latest is None else self._clocks.steady() - latest.taken

    def sample(self) -> Sample:
        """Reads everything now and keeps it as the newest sample."""
        with self._sampling:
            return self._sample()

    def _sample(self) -> Sample:
        memory = self._try("memory", self._memory)
        network = self._try("network", self._network)
        process = self._try("process", self._process) if self._with_process else None
        latest = Sample(
            taken=self._clocks.steady(),
            cpu_percent=self._try("cpu", self._cpu),
            memory_total=memory.total if memory else None,
            memory_available=memory.available if memory else None,
            memory_used=memory.total - memory.available if memory else None,
            memory_percent=float(memory.percent) if memory else None,
            disks=MappingProxyType(self._try("disks", self._disks) or {}),
            network_sent=network[0] if network else None,
            network_received=network[1] if network else None,
            process_memory=process[0] if process else None,
            family_memory=process[1] if process else None,
        )
        self.latest = latest
        told = self.on_sample
        if told is not None:
            self._try("sharing", lambda: told(latest))
        return latest

    def resident(self) -> int | None:
        """Resident bytes of this process now; None where they are not read or cannot be."""
        if not self._with_process:
            return None
        return self._try("process", lambda: int(self._source.Process().memory_info().rss))

    def _run(self) -> None:
        pause = min(1.0, self.interval)
        while not self._stopped.wait(pause):
            self.sample()
            pause = self.interval

    def _try(self, name: str, read: Callable[[], _Read]) -> _Read | None:
        try:
            return read()
        except Exception as error:  # psutil raises what the platform raises: OSError, KeyError, NotImplementedError …
            if name not in self.failures:
                _log.warning("cannot read %s of this host: %s: %s", name, type(error).__name__, error)
            self.failures[name] = self.failures.get(name, 0) + 1
            return None

    def _cpu(self) -> float | None:
        busy, total = _busy_and_total(self._source.cpu_times())
        before, self._cpu_before = self._cpu_before, (busy, total)
        if before is None or total <= before[1]:  # first reading, or no tick has passed, or the counters were set back
            return self._cpu_percent
        share = 100.0 * (busy - before[0]) / (total - before[1])
        self._cpu_percent = min(100.0, max(0.0, share))
        return self._cpu_percent

    def _disks(self) -> dict[str, Disk]:
        disks: dict[str, Disk] = {}
        for mount in mount_points(self._try("mounts", lambda: self._source.disk_partitions(all=True)) or []):
            usage = self._try(f"disk {mount}", lambda mount=mount: self._source.disk_usage(mount))  # type: ignore[misc]
            if usage is not None and usage.total > 0:
                disks[text_of(mount)] = Disk(usage.total, usage.used, usage.free, float(usage.percent))
        return disks

    def _memory(self) -> Any:
        return self._source.virtual_memory()

    def _network(self) -> tuple[int, int]:
        for name, card in _cards(self._source.net_io_counters(pernic=True) or {}).items():
            sent, received = self._cards.get(name, (0, 0))
            self._sent += card.bytes_sent - (sent if card.bytes_sent >= sent else 0)  # fallen: the card began anew
            self._received += card.bytes_recv - (received if card.bytes_recv >= received else 0)
            self._cards[name] = (card.bytes_sent, card.bytes_recv)
        return self._sent, self._received

    def _process(self) -> tuple[int, int]:
        process = self._source.Process()
        own: int = process.memory_info().rss
        family = own
        for child in process.children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                family += child.memory_info().rss
        return own, family


def _cards(counters: Mapping[str, Any]) -> dict[str, Any]:
    """The interfaces to add up: not loopback, and not virtual ones unless there are no others."""
    outside = {name: card for name, card in counters.items() if name not in LOOPBACKS}
    return {name: card for name, card in outside.items() if not name.startswith(VIRTUAL_CARDS)} or outside
