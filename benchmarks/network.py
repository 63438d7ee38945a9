"""Hosts on one machine: a network namespace for each, and between them a link with a rate, a delay and a loss.

Needs root and /dev/net/tun. Each host has its own network namespace, its own host name and one network interface,
`eth0`, with an address of 10.213.9.0/24. The hosts share the disk, as the nodes of a cluster do. The interfaces are TUN
devices, and one process relays their packets. It does in user space what `tc qdisc … netem` does in kernels that have
it: packets are serialised at a rate, delayed, and lost at random.
"""

import contextlib
import fcntl
import heapq
import itertools
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
NETWORK = "10.213.9"
MTU = 1500
QUEUE_SECONDS = 0.1  # packets that would wait longer for the wire are dropped


class Link(NamedTuple):
    """Between two hosts, in each direction: megabits a second, milliseconds of delay, fraction of packets lost."""

    mbit: float = 1000.0
    delay_ms: float = 5.0  # 10 ms there and back
    loss: float = 0.01


def unavailable() -> str | None:
    """Why this machine can make no hosts; None if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if not TUN.exists():
        return f"{TUN} is missing"
    name = f"try{os.getpid()}"
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        return "the command `ip` is missing (Debian: apt install iproute2)"
    except subprocess.CalledProcessError as error:
        return f"ip netns add: {error.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


class Network:
    """Hosts host1, host2, …; made by `network`."""

    def __init__(self, prefix: str, count: int) -> None:
        self.prefix, self.count = prefix, count

    @property
    def master(self) -> str:
        """Address of the first host."""
        return f"{NETWORK}.1"

    def start(
        self, host: int, command: Sequence[str], environment: Mapping[str, str], **more: Any
    ) -> subprocess.Popen[str]:
        """Start a command on a host (1 is the first), in a process group of its own."""
        name = f"host{host}"
        enter = ["ip", "netns", "exec", f"{self.prefix}{host}", "unshare", "--uts", "sh", "-c"]
        return subprocess.Popen(
            [*enter, f'echo {name} >/proc/sys/kernel/hostname; exec "$@"', name, *command],
            env={**environment, "GLOO_SOCKET_IFNAME": "eth0", "NCCL_SOCKET_IFNAME": "eth0"},
            start_new_session=True,
            text=True,
            **more,
        )

    def processes(self, host: int) -> list[int]:
        """Process ids of all that runs on a host."""
        found = subprocess.run(
            ["ip", "netns", "pids", f"{self.prefix}{host}"], check=True, capture_output=True, text=True
        )
        return [int(pid) for pid in found.stdout.split() if _runs(int(pid))]

    def send(self, host: int, number: int) -> None:
        """Send a signal to all processes of a host."""
        for pid in self.processes(host):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def set_link(self, host: int, *, up: bool) -> None:
        """Connect a host, or cut it off."""
        _ip("-n", f"{self.prefix}{host}", "link", "set", "eth0", "up" if up else "down")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def network(count: int, link: Link | None = None) -> Iterator[Network]:
    """Make hosts; after the block, also after SIGTERM, nothing of them is left, processes included."""
    made, descriptors = Network(f"h{os.getpid()}n", count), []
    relaying, before = None, signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        for host in range(1, count + 1):
            descriptors.append(_host(f"{made.prefix}{host}", f"{NETWORK}.{host}/24"))
        relaying = subprocess.Popen(
            [sys.executable, __file__, *map(str, link or Link()), *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.PIPE,  # closed when this process ends in any way: then the relay ends too
        )
        yield made
    finally:
        for host in range(1, count + 1):
            if Path("/run/netns", f"{made.prefix}{host}").exists():
                made.send(host, signal.SIGKILL)
                _ip("netns", "del", f"{made.prefix}{host}")
        signal.signal(signal.SIGTERM, before)
        if relaying is not None:
            relaying.kill()
            relaying.communicate()
        for descriptor in descriptors:
            os.close(descriptor)


def _host(name: str, address: str) -> int:
    """Make one host, and return the descriptor with its packets."""
    _ip("netns", "add", name)
    descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    _ip("link", "set", name, "netns", name)
    for words in (
        ("link", "set", name, "name", "eth0", "mtu", str(MTU), "txqueuelen", "1000"),
        ("address", "add", address, "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
    ):
        _ip("-n", name, *words)
    return descriptor


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def relay(link: Link, descriptors: Sequence[int]) -> None:
    """Pass on the packets of all hosts until the standard input is closed. Lost packets are drawn from a fixed seed."""
    chance = random.Random(0)
    to_host = {socket.inet_aton(f"{NETWORK}.{host}"): descriptor for host, descriptor in enumerate(descriptors, 1)}
    free_at = dict.fromkeys(descriptors, 0.0)  # when the wire out of a host is free
    waiting: list[tuple[float, int, int, bytes]] = []
    order = itertools.count()
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([0, *descriptors], [], [], pause)
        if 0 in ready:
            return
        now = time.monotonic()
        for descriptor in ready:
            for packet in _packets(descriptor):
                sent = max(now, free_at[descriptor]) + len(packet) * 8 / (link.mbit * 1e6)
                target = to_host.get(packet[16:20])
                if target is None or sent - now > QUEUE_SECONDS or chance.random() < link.loss:
                    continue
                free_at[descriptor] = sent
                heapq.heappush(waiting, (sent + link.delay_ms / 1e3, next(order), target, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            with contextlib.suppress(OSError):  # that host's link is down, or its queue is full
                os.write(waiting[0][2], waiting[0][3])
            heapq.heappop(waiting)


def _packets(descriptor: int) -> Iterator[bytes]:
    """The packets that a host has sent, 64 at most."""
    with contextlib.suppress(OSError):  # none left, or its link is down
        for _ in range(64):
            yield os.read(descriptor, 65536)


if __name__ == "__main__":
    given = sys.argv[1:]
    relay(Link(*map(float, given[:3])), list(map(int, given[3:])))
