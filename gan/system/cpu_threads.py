"""OpenMP thread settings: number of threads and wait policy, chosen by the CPU load before torch is imported.

A waiting thread can spin, ready to continue at once, or sleep, which frees the core for others. Threads wait about
fifty times in a step of small networks, so sleeping is slow; but if another process needs the same cores, a spinning
thread blocks the thread that it waits for. Measurements: docs/performance.md, "How threads wait".
"""

import os
import time
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import NamedTuple

SPINS, SPINS_IN_COMPANY = 20_000, 1_000  # iterations of libgomp's wait loop before the thread sleeps
SHARE_VARIABLE = "GAN_CORES"  # cores of this process, one of several that run at once; we have set OMP_NUM_THREADS then
LONG_ENOUGH = 0.1  # seconds; the kernel counts in hundredths of a second
NOISE = 0.2  # of a core


class LoadSample(NamedTuple):
    """Clock time, and CPU seconds so far: of this process, and of all processes on our cores (None if unknown)."""

    clock: float
    own: float
    all: float | None


def sample_load() -> LoadSample:
    """Return a load sample of this moment."""
    return LoadSample(time.perf_counter(), time.process_time(), cpu_seconds(Path("/proc/stat"), _our_cpus()))


def set_wait_policy(begun: LoadSample, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set how torch's threads wait, unless the user or the parent process has; call this before torch is imported.

    The load of other processes since ``begun`` decides whether the cores are free for all our threads. If it is
    unknown, the threads sleep soon, which is slower but never very slow.
    """
    if "OMP_WAIT_POLICY" in environment or "GOMP_SPINCOUNT" in environment:
        return
    taken = used_by_others(begun, sample_load())
    free = 0.0 if taken is None else len(_our_cpus()) - taken
    alone = free > _thread_count(environment) - NOISE
    environment["OMP_WAIT_POLICY"] = "passive"
    environment["GOMP_SPINCOUNT"] = str(SPINS if alone else SPINS_IN_COMPANY)


def cores(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of cores this process may use, which can be fewer than the machine has."""
    return int(environment.get(SHARE_VARIABLE, 0)) or len(_our_cpus())


def threads(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that gives a new process ``count`` threads; empty if the user has set the number."""
    return {} if "OMP_NUM_THREADS" in environment else {"OMP_NUM_THREADS": str(max(1, count))}


def threads_per_process(jobs: int, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return additional environment variables for each of ``jobs`` processes that run at once.

    Each process gets an equal part of the cores as threads, which sleep soon while they wait, because all cores are in
    use. Variables set by the user are kept.
    """
    own = threads(cores(environment) // jobs, environment)
    if own:
        own[SHARE_VARIABLE] = own["OMP_NUM_THREADS"]
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.isdisjoint(environment):
        return own
    return {**own, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": str(SPINS_IN_COMPANY)}


def without_share(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the thread count set by `threads_per_process`, which was for one process."""
    ours = "OMP_NUM_THREADS" if SHARE_VARIABLE in environment else None
    return {name: value for name, value in environment.items() if name != ours}


def used_by_others(begun: LoadSample, now: LoadSample) -> float | None:
    """Return how many of our cores other processes used between two samples; None if unknown."""
    passed = now.clock - begun.clock
    if begun.all is None or now.all is None or passed < LONG_ENOUGH:
        return None
    return max(0.0, (now.all - begun.all - (now.own - begun.own)) / passed)


def cpu_seconds(table: Path, cpus: frozenset[int]) -> float | None:
    """Return the CPU seconds from Linux's /proc/stat: with steal time, without idle time and waiting for a disk."""
    try:
        lines = table.read_text(encoding="utf-8").splitlines()
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
    """Return how many threads torch will use: one per core, or the number set by the user."""
    given = environment.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() else len({_siblings(number) for number in _our_cpus()})


def _siblings(cpu: int) -> str:
    """Return an id that all CPUs of one core share; the CPU's own number if unknown."""
    try:
        return (
            Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text(encoding="utf-8").strip()
        )
    except OSError:
        return str(cpu)


def _our_cpus() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))
