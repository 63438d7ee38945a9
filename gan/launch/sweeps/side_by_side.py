"""Parallel jobs of a sweep on this machine: several processes at a time, which share its cores.

We do not use hydra-joblib-launcher: there, a killed job ends all others, and stopping the sweep kills its jobs inside
an update.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence

import torch

from gan.launch.sweeps.jobs import GRACE_SECONDS, Job, conclude
from gan.launch.sweeps.pools import MakeJobs, ProcessPool
from gan.system import cpu_threads, subprocesses
from gan.system.shell import short
from gan.system.subprocesses import LOOK_SECONDS, Child


class SideBySide(ProcessPool):
    """Pool of processes on this machine, each in its own slot.

    If it is interrupted, it sends SIGTERM to the running jobs: they finish their update, save and end.

    Args:
        make_jobs: makes jobs from their overrides.
        n_jobs: number of slots.
    """

    look_seconds = LOOK_SECONDS

    def __init__(self, make_jobs: MakeJobs, n_jobs: int) -> None:
        super().__init__(make_jobs)
        self.slots: int = n_jobs
        self._children: list[Child] = []
        self._running: dict[int, tuple[Job, Child, float]] = {}  # by slot, with the time at which the job began

    def close(self) -> None:
        with subprocesses.ended_together(self._children, GRACE_SECONDS):
            pass

    def expect(self, jobs: int) -> None:
        self.slots = max(1, min(self.slots, jobs))

    def start_jobs(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            slot = next(number for number in range(self.slots) if number not in self._running)
            share = cpu_threads.threads_per_process(self.slots)
            child = job.start({**share, **gpus_of(slot, self.slots, os.environ)})
            self._children.append(child)
            self._running[slot] = (job, child, time.monotonic())
            print(f"{job.title} begins; its output: {short(job.log)}", flush=True)

    def ended(self) -> dict[int, int]:
        ended = {slot: taken for slot, taken in self._running.items() if taken[1].poll() is not None}
        codes = {}
        for slot, (job, child, began) in ended.items():
            del self._running[slot]
            self._children.remove(child)
            child.communicate()  # reads nothing; closes our end of its input
            codes[job.number] = conclude(job, child.returncode)
            if not child.returncode:
                seconds = time.monotonic() - began
                print(f"{job.title} has ended, after {seconds:.0f} s", flush=True)
        return codes


def gpus_of(
    slot: int, slots: int, environment: Mapping[str, str], count: Callable[[], int] = torch.cuda.device_count
) -> dict[str, str]:
    """Return the variable that limits the job in a slot to its part of several GPUs, at least one; else empty."""
    given = environment.get("CUDA_VISIBLE_DEVICES")
    names = [str(number) for number in range(count())] if given is None else given.split(",")
    if len(names) < 2:
        return {}
    own = names[slot * len(names) // slots : (slot + 1) * len(names) // slots] or [names[slot % len(names)]]
    return {"CUDA_VISIBLE_DEVICES": ",".join(own)}
