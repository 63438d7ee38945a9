"""Runs the points of a sweep that are not there yet, by whatever launcher Hydra has, and keeps account."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from hydra.core.utils import JobReturn, JobStatus

from gan.launch.sweeps import failed_jobs, folder
from gan.runs.sweep_jobs import Point, State, own_words
from gan.system import process, signals
from gan.system.shell import quoted

Launch = Callable[[Sequence[Sequence[str]], int], Sequence[JobReturn]]


@dataclass
class Runner:
    """What a sweep has run so far.

    Args:
        launch: gives each list of words to Hydra as a job; the second argument is the number of the first one.
        dry: points are only to be shown; else a run that was cut is gone on with in its folder.

    Attributes:
        run: points that were begun now.
        busy: those in whose folder another process trains.
        exit_code: the largest of the jobs'.
    """

    launch: Launch
    dry: bool
    run: list[Point] = field(default_factory=list)
    busy: list[Point] = field(default_factory=list)
    exit_code: int = 0

    def __call__(self, points: Sequence[Point]) -> None:
        """Run those of the points that are not finished. A point that fails is recorded, and the others go on."""
        done = [point for point in points if point.state is State.FINISHED]
        for point in points:
            if point.mistake:
                self._refuse(point)
        missing = [point for point in points if point not in done and not point.mistake]
        free = [point for point in missing if folder.is_free(point.folder)]
        self.busy += [point for point in missing if point not in free]
        if not free:
            return
        for point in free:
            folder.clear(point.folder)
        first = len(self.run)
        self.run += free
        returns = self.launch([self._job(point) for point in free], first)
        self.exit_code = max(self.exit_code, *map(_exit_code, returns))

    def _refuse(self, point: Point) -> None:
        """Leave word of a point that cannot be run."""
        print(f"a point of the sweep ({' '.join(own_words(point.words))}): {point.mistake}", file=sys.stderr)
        self.exit_code = max(self.exit_code, signals.MISTAKE)
        if not self.dry:
            point.folder.mkdir(exist_ok=True)
            failed_jobs.record(point.folder, signals.MISTAKE, point.mistake)

    def _job(self, point: Point) -> list[str]:
        """The words by which Hydra runs a point in its own folder."""
        return [
            *point.words,
            *point.hydra_words,
            *([] if self.dry else ["resume.run=auto"]),
            "hydra.mode=MULTIRUN",
            f"hydra.sweep.dir={quoted(point.folder.parent)}",
            f"hydra.sweep.subdir={quoted(point.folder.name)}",
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
