"""Parallel jobs of a sweep on this machine: several processes at a time, which share its cores.

We do not use hydra-joblib-launcher: there, a killed job ends all others, and stopping the sweep kills its jobs inside
an update.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import torch
from hydra.core.utils import JobReturn

from gan.launch.sweeps.jobs import GRACE_SECONDS, Job, conclude
from gan.system import cpu_threads, subprocesses
from gan.system.shell import short
from gan.system.subprocesses import LOOK_SECONDS, Child


def run(jobs: Sequence[Job], n_jobs: int) -> list[JobReturn]:
    """Run all jobs, ``n_jobs`` at a time; a failed job does not stop the others.

    If this is interrupted, it sends SIGTERM to the running jobs: they finish their update, save and end.
    """
    slots = min(n_jobs, len(jobs))
    waiting, running = deque(jobs), _Running(slots)
    returns: dict[int, JobReturn] = {}
    with subprocesses.ended_together(running.children, GRACE_SECONDS):
        while waiting or running.jobs:
            while waiting and len(running.jobs) < slots:
                running.begin(waiting.popleft())
            for job, code, seconds in running.take_ended():
                returns[job.number] = conclude(job, code)
                if not code:
                    print(f"run {job.number} of the sweep has ended, after {seconds:.0f} s", flush=True)
            time.sleep(LOOK_SECONDS)
    return [returns[job.number] for job in jobs]


class _Running:
    """The running jobs, each in its own slot."""

    def __init__(self, slots: int) -> None:
        self.children: list[Child] = []
        self.jobs: dict[int, tuple[Job, Child, float]] = {}
        self._slots, self._share = slots, cpu_threads.threads_per_process(slots)

    def begin(self, job: Job) -> None:
        slot = next(number for number in range(self._slots) if number not in self.jobs)
        child = job.start({**self._share, **gpus_of(slot, self._slots, os.environ)})
        self.children.append(child)
        self.jobs[slot] = (job, child, time.monotonic())
        print(f"run {job.number} of the sweep begins; what it says: {short(job.log)}", flush=True)

    def take_ended(self) -> list[tuple[Job, int, float]]:
        """Remove the jobs that have ended, and return each with its exit code and its duration in seconds."""
        ended = {slot: taken for slot, taken in self.jobs.items() if taken[1].poll() is not None}
        for slot, (_, child, _) in ended.items():
            del self.jobs[slot]
            self.children.remove(child)
            child.communicate()  # reads nothing; closes our end of its input
        return [(job, child.returncode, time.monotonic() - began) for job, child, began in ended.values()]


def gpus_of(
    slot: int, slots: int, environment: Mapping[str, str], count: Callable[[], int] = torch.cuda.device_count
) -> dict[str, str]:
    """Return the variable that limits the job in a slot to its part of several GPUs, at least one; else empty."""
    given = environment.get("CUDA_VISIBLE_DEVICES")
    names = [str(number) for number in range(count())] if given is None else given.split(",")
    if len(names) < 2:
        return {}
    each = max(1, len(names) // slots)
    own = [names[(slot * each + number) % len(names)] for number in range(each)]
    return {"CUDA_VISIBLE_DEVICES": ",".join(own)}
