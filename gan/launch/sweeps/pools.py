"""Pools: where the jobs of a sweep run. A pool starts jobs, and reports those that have ended."""

import abc
import contextlib
import math
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from gan.launch.sweeps.jobs import Job
from gan.runs import run_folder
from gan.system.errors import CRASH

Overrides = Sequence[str]  # of one job
MakeJobs = Callable[[Sequence[Overrides], int], list[Job]]  # from the overrides of each, and the number of the first


class Pool(abc.ABC):
    """Starts jobs, and reports those that have ended.

    Attributes:
        slots: number of jobs that may run at a time; ``math.inf``: the pool itself decides.
        look_seconds: interval between two looks at the running jobs.
        waits: a sweep waits for its jobs; False: it submits them and ends, and the same command collects them later.
    """

    slots: float = math.inf
    look_seconds = 0.1
    waits = True

    @abc.abstractmethod
    def start(self, overrides: Sequence[Overrides], first: int) -> None:
        """Start one job for each list of overrides; their numbers are ``first``, ``first + 1``, …"""

    @abc.abstractmethod
    def ended(self) -> dict[int, int]:
        """Return the jobs that have ended since the last call: exit codes by number."""

    def expect(self, jobs: int) -> None:  # noqa: B027  # most pools need not know
        """Prepare for this number of jobs; called before the first start."""

    def close(self) -> None:  # noqa: B027  # in some pools none is running then
        """Stop the jobs that still run, after an interrupt."""

    def is_queued(self, folder: Path) -> bool:
        """Return whether an earlier process of this sweep has submitted the job with this run folder."""
        return False

    def adopt(self, overrides: Overrides, number: int) -> None:
        """Take over a job for which `is_queued` is true, as if this process had started it."""
        raise NotImplementedError

    @property
    def is_settled(self) -> bool:
        """False while the end of a job is known, and its result is still awaited."""
        return True


class HydraPool(Pool):
    """Runs jobs by one of Hydra's launchers, which returns when all that it was given have ended."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        self._ended: dict[int, int] = {}

    def start(self, overrides: Sequence[Overrides], first: int) -> None:
        returns = self._launcher.launch(overrides, initial_job_idx=first)
        self._ended |= {number: _exit_code(job) for number, job in enumerate(returns, first)}
        run_folder.release_all()  # of jobs that failed in this process: each can be started again

    def ended(self) -> dict[int, int]:
        ended, self._ended = self._ended, {}
        return ended


def _exit_code(job: JobReturn) -> int:
    """Return the exit code from `gan.launch.hydra_job.job`; if the job did not get that far, print its error."""
    if job.status is JobStatus.COMPLETED:
        return int(job.return_value or 0)
    traceback.print_exception(job._return_value)
    return CRASH


class ProcessPool(Pool):
    """Base class of pools whose jobs are separate processes.

    Args:
        make_jobs: makes jobs from their overrides.
    """

    def __init__(self, make_jobs: MakeJobs) -> None:
        self._make_jobs = make_jobs

    def start(self, overrides: Sequence[Overrides], first: int) -> None:
        self.start_jobs(self._make_jobs(overrides, first))

    @abc.abstractmethod
    def start_jobs(self, jobs: Sequence[Job]) -> None:
        """Start these jobs."""


def run_all(pool: Pool, overrides: Sequence[Overrides], first: int) -> list[JobReturn]:
    """Run jobs in a pool until all have ended, and return their results as Hydra's launchers do."""
    codes: dict[int, int] = {}
    with contextlib.closing(pool):
        pool.start(overrides, first)
        while len(codes) < len(overrides):
            codes |= pool.ended()
            time.sleep(pool.look_seconds)
    return [
        JobReturn(overrides=words, status=JobStatus.COMPLETED, _return_value=codes[number])
        for number, words in enumerate(overrides, first)
    ]
