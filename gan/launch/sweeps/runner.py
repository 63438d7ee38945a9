"""Runner of a sweep: runs the unfinished jobs by Hydra's launcher, and keeps track of them."""

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
    """Runs jobs of a sweep, and keeps track of them.

    Args:
        launch: passes each list of overrides to Hydra as a job; the second argument is the number of the first job.
        dry: only show the jobs; otherwise an interrupted run is resumed in its folder.

    Attributes:
        run: jobs started by this process.
        busy: jobs in whose folder another process trains.
        exit_code: largest exit code of the jobs.
    """

    launch: Launch
    dry: bool
    run: list[SweepJob] = field(default_factory=list)
    busy: list[SweepJob] = field(default_factory=list)
    exit_code: int = 0

    def __call__(self, jobs: Sequence[SweepJob]) -> None:
        """Run the unfinished jobs. A failed job is recorded, and the others continue."""
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
        """Print and record the error of an invalid job."""
        print(f"a job of the sweep ({' '.join(run_overrides(job.words))}): {job.mistake}", file=sys.stderr)
        self.exit_code = max(self.exit_code, signals.MISTAKE)
        if not self.dry:
            job.folder.mkdir(exist_ok=True)
            failed_jobs.record(job.folder, signals.MISTAKE, job.mistake)

    def _words(self, job: SweepJob) -> list[str]:
        """Return the overrides with which Hydra runs a job in its own folder."""
        return [
            *job.words,
            *job.hydra_words,
            *([] if self.dry else ["resume.run=auto"]),
            "hydra.mode=MULTIRUN",
            f"hydra.sweep.dir={quoted(job.folder.parent)}",
            f"hydra.sweep.subdir={quoted(job.folder.name)}",
        ]


def _exit_code(job: JobReturn) -> int:
    """Return the exit code from `gan.launch.hydra_job.job`; if the job did not get that far, print its error."""
    if job.status is JobStatus.COMPLETED:
        return int(job.return_value or 0)
    traceback.print_exception(job._return_value)
    return signals.CRASH


@contextlib.contextmanager
def environment(command: Sequence[str]) -> Iterator[None]:
    """Inside the block, new processes know the sweep they belong to, and the command that started it."""
    with process.as_parent(command=list(command), sweep=os.getpid()):
        yield
