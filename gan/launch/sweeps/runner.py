"""Runner of a sweep: runs the unfinished jobs in a pool, and keeps track of them."""

import contextlib
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from gan.launch.sweeps import failed_jobs, folder
from gan.launch.sweeps.pools import Pool
from gan.runs.sweep_jobs import State, SweepJob, run_overrides
from gan.system.errors import MISTAKE
from gan.system.shell import quoted

DONE = (State.FINISHED,)


@dataclass
class Runner:
    """Runs jobs of a sweep, and keeps track of them.

    Args:
        pool: where they run.
        dry: only show the jobs; otherwise an interrupted run is resumed in its folder.
        before_first: called before the first job starts.

    Attributes:
        run: jobs started by this process, or taken over from an earlier one.
        busy: jobs in whose folder another process trains.
        queued: jobs that were submitted and have not ended, if the pool does not wait for them.
        waiting: jobs that were not started, because the pool has no free slot and does not wait for one.
        exit_code: largest exit code of the jobs.
    """

    pool: Pool
    dry: bool
    before_first: Callable[[], None] = lambda: None
    run: list[SweepJob] = field(default_factory=list)
    busy: list[SweepJob] = field(default_factory=list)
    queued: list[SweepJob] = field(default_factory=list)
    waiting: list[SweepJob] = field(default_factory=list)
    exit_code: int = 0
    _running: dict[int, SweepJob] = field(default_factory=dict)

    def __call__(self, jobs: Sequence[SweepJob]) -> None:
        """Run the unfinished jobs of a list. A failed job is recorded, and the others continue."""
        self.pool.expect(sum(not job.mistake and job.state not in DONE for job in jobs))
        waiting = deque(sorted(jobs, key=lambda job: not self.pool.is_queued(job.folder)))
        self.work(lambda: waiting.popleft() if waiting else None)
        self.waiting += waiting

    def work(
        self,
        next_job: Callable[[], SweepJob | None],
        ended: Callable[[SweepJob], None] = lambda job: None,
        most: float = math.inf,
        done: Collection[State] = DONE,
    ) -> None:
        """Run jobs until there are no more. The next one is chosen and starts as soon as a slot is free.

        Args:
            next_job: returns the job to run next; None: there is none at present. Jobs that the pool has queued first.
            ended: called for each job that has ended, and for each that need not or cannot run.
            most: number of jobs at a time, if the pool has more slots.
            done: states of jobs that are not run again.
        """
        with contextlib.closing(self.pool):
            while True:
                self._fill(next_job, ended, min(most, self.pool.slots), done)
                if not self._running:
                    return
                codes = self.pool.ended()
                for number, code in codes.items():
                    self.exit_code = max(self.exit_code, code)
                    ended(self._running.pop(number))
                if codes:
                    continue
                if not self.pool.waits and self.pool.is_settled:
                    self.queued += self._running.values()
                    return
                time.sleep(self.pool.look_seconds)

    def _fill(
        self,
        next_job: Callable[[], SweepJob | None],
        ended: Callable[[SweepJob], None],
        slots: float,
        done: Collection[State],
    ) -> None:
        """Start jobs until no slot is free, or there are no more."""
        chosen: list[SweepJob] = []
        while len(chosen) + len(self._running) < slots and (job := next_job()) is not None:
            if self.pool.is_queued(job.folder):
                self.pool.adopt(self._words(job), self._number([job]))
            elif self._can_run(job, done):
                chosen.append(job)
            else:
                ended(job)
        if not chosen:
            return
        for job in chosen if not self.dry else ():
            folder.clear(job.folder)
        if not self.run:
            self.before_first()
        self.pool.start([self._words(job) for job in chosen], self._number(chosen))

    def _number(self, jobs: Sequence[SweepJob]) -> int:
        """Keep jobs as running, and return the number of the first."""
        first = len(self.run)
        self.run += jobs
        self._running.update(enumerate(jobs, first))
        return first

    def _can_run(self, job: SweepJob, done: Collection[State]) -> bool:
        if job.mistake:
            self._refuse(job)
            return False
        if job.state in done:
            return False
        if not folder.is_free(job.folder):
            self.busy.append(job)
            return False
        return True

    def _refuse(self, job: SweepJob) -> None:
        """Print and record the error of an invalid job."""
        print(f"a job of the sweep ({' '.join(run_overrides(job.words))}): {job.mistake}", file=sys.stderr)
        self.exit_code = max(self.exit_code, MISTAKE)
        if not self.dry:
            job.folder.mkdir(exist_ok=True)
            failed_jobs.record(job.folder, MISTAKE, job.mistake)

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
