"""How OpenMP's threads wait for each other: chosen before torch is imported, by what else the machine is doing.

A thread that waits may spin, ready to go on at once, or sleep, which leaves the core to others. In a step of small
networks threads wait some fifty times, so that sleeping costs dear; but where another process wants the same cores, a
spinning thread keeps the very one from running that it waits for. Measured in docs/performance.md, "Waiting threads".
"""

import os
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import NamedTuple

SPINS, SPINS_IN_COMPANY = 20_000, 1_000  # turns of a waiting loop of libgomp's, before the thread sleeps
SHARE_VARIABLE = "GAN_CORES"  # how many cores are this process's, of which several run at once; OMP_NUM_THREADS is ours
LONG_ENOUGH = 0.1  # seconds; the kernel counts in hundredths
NOISE = 0.2  # of a core


class LoadSample(NamedTuple):
    """The clock, and the seconds of computing up to it: of this process, and of all together on our cores."""

    clock: float
    own: float
    all: float | None


def sample_load() -> LoadSample:
    """At this moment."""
    return LoadSample(time.perf_counter(), time.process_time(), cpu_seconds(Path("/proc/stat"), _our_cpus()))


def set_wait_policy(begun: LoadSample, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set how torch's threads wait, unless the user or our parent process has; to be called before torch is imported.

    Whether the cores are free for all of our threads is judged by what others have done since ``begun``. Where nothing
    can be known of them, the threads soon sleep, which is slower and never very slow.
    """
    if "OMP_WAIT_POLICY" in environment or "GOMP_SPINCOUNT" in environment:
        return
    taken = used_by_others(begun, sample_load())
    free = 0.0 if taken is None else len(_our_cpus()) - taken
    alone = free > _thread_count(environment) - NOISE
    environment["OMP_WAIT_POLICY"] = "passive"
    environment["GOMP_SPINCOUNT"] = str(SPINS if alone else SPINS_IN_COMPANY)


def cores(environment: Mapping[str, str] = os.environ) -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    return int(environment.get(SHARE_VARIABLE, 0)) or len(_our_cpus())


def threads(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What gives a process that is started so many threads; nothing where the user has said how many."""
    return {} if "OMP_NUM_THREADS" in environment else {"OMP_NUM_THREADS": str(max(1, count))}


def threads_per_process(jobs: int, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What each of several processes that run at once is to have in its environment besides.

    That is its share of the cores as threads, and that these soon sleep while they wait: the cores are full. What the
    user has said stands.
    """
    own = threads(cores(environment) // jobs, environment)
    if own:
        own[SHARE_VARIABLE] = own["OMP_NUM_THREADS"]
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(environment):
        return own
    return {**own, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(SPINS_IN_COMPANY)}


def without_share(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the number of threads that `threads_per_process` has set: it was for one process."""
    ours = "OMP_NUM_THREADS" if SHARE_VARIABLE in environment else None
    return {name: value for name, value in environment.items() if name != ours}


def used_by_others(begun: LoadSample, now: LoadSample) -> float | None:
    """How many of our cores other processes have kept busy between two moments; None: it cannot be told."""
    passed = now.clock - begun.clock
    if begun.all is None or now.all is None or passed < LONG_ENOUGH:
        return None
    return max(0.0, (now.all - begun.all - (now.own - begun.own)) / passed)


def cpu_seconds(table: Path, cpus: frozenset[int]) -> float | None:
    """Of Linux's /proc/stat: all but idle and waiting for a disk, and what a hypervisor gave to other machines."""
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return None
    names = {f"cpu{number}" for number in cpus}
    ticks = 0
    for name, *counts in (line.split() for line in lines if line.strip()):
        if name in names:
            user, nice, system, _idle, _disk, interrupts, soft_interrupts, stolen = map(int, counts[:8])
            ticks += user + nice + system + interrupts + soft_interrupts + stolen
    return ticks / os.sysconf("SC_CLK_TCK")


def _thread_count(environment: Mapping[str, str]) -> int:
    """How many threads torch will use: one for each core, or what the user has said."""
    given = environment.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() else len({_siblings(number) for number in _our_cpus()})


def _siblings(cpu: int) -> str:
    """What is the same of all CPUs that are one core; the CPU's own number where that is not known."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _our_cpus() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))
