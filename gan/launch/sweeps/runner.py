"""Runs the jobs of a sweep that are not there yet, by whatever launcher Hydra has, and keeps account."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from hydra.core.utils import JobReturn, JobStatus

from gan.launch.sweeps import failed_jobs, folder
from gan.runs.sweep_jobs import State, SweepJob, run_overrides
from gan.system import process, signals
from gan.system.shell import quoted

Launch = Callable[[Sequence[Sequence[str]], int], Sequence[JobReturn]]


@dataclass
class Runner:
    """What a sweep has run so far.

    Args:
        launch: gives each list of words to Hydra as a job; the second argument is the number of the first one.
        dry: jobs are only to be shown; else a run that was cut is gone on with in its folder.

    Attributes:
        run: jobs that were begun now.
        busy: those in whose folder another process trains.
        exit_code: the largest of the jobs'.
    """

    launch: Launch
    dry: bool
    run: list[SweepJob] = field(default_factory=list)
    busy: list[SweepJob] = field(default_factory=list)
    exit_code: int = 0

    def __call__(self, jobs: Sequence[SweepJob]) -> None:
        """Run those of the jobs that are not finished. A job that fails is recorded, and the others go on."""
        done = [job for job in jobs if job.state is State.FINISHED]
        for job in jobs:
            if job.mistake:
                self._refuse(job)
        missing = [job for job in jobs if job not in done and not job.mistake]
        free = [job for job in missing if folder.is_free(job.folder)]
        self.busy += [job for job in missing if job not in free]
        if not free:
            return
        for job in free:
            folder.clear(job.folder)
        first = len(self.run)
        self.run += free
        returns = self.launch([self._words(job) for job in free], first)
        self.exit_code = max(self.exit_code, *map(_exit_code, returns))

    def _refuse(self, job: SweepJob) -> None:
        """Leave word of a job that cannot be run."""
        print(f"a job of the sweep ({' '.join(run_overrides(job.words))}): {job.mistake}", file=sys.stderr)
        self.exit_code = max(self.exit_code, signals.MISTAKE)
        if not self.dry:
            job.folder.mkdir(exist_ok=True)
            failed_jobs.record(job.folder, signals.MISTAKE, job.mistake)

    def _words(self, job: SweepJob) -> list[str]:
        """The words by which Hydra runs a job in its own folder."""
        return [
            *job.words,
            *job.hydra_words,
            *([] if self.dry else ["resume.run=auto"]),
            "hydra.mode=MULTIRUN",
            f"hydra.sweep.dir={quoted(job.folder.parent)}",
            f"hydra.sweep.subdir={quoted(job.folder.name)}",
        ]


def _exit_code(job: JobReturn) -> int:
    """Of a job, as `gan.launch.hydra_job.job` returns it; one that did not get so far says why."""
    if job.status is JobStatus.COMPLETED:
        return int(job.return_value or 0)
    traceback.print_exception(job._return_value)
    return signals.CRASH


@contextlib.contextmanager
def environment(command: Sequence[str]) -> Iterator[None]:
    """Inside, processes that are started know of which sweep they are part, and by what command it was begun."""
    with process.as_parent(command=list(command), sweep=os.getpid()):
        yield
