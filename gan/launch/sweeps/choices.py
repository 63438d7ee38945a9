"""Optuna trials as jobs of a sweep: ask for trials, store them, and report their results."""

import datetime
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from gan.launch.sweeps.spaces import suggested
from gan.launch.sweeps.summary import MOST_BEST
from gan.runs.sweep_jobs import State, SweepJob, ended
from gan.system.errors import RunError

# User attributes of a trial:
WORDS = "words"  # its own overrides, e.g. "optimizer.lr=0.001"
WORKER = "worker"  # name of the worker that runs it, if several share a database
CHOOSING_SECONDS = 60.0  # after these, a trial without overrides was left by a worker that was killed
UNSEEN = "unseen"  # numbers of the earlier trials that had no result when it was chosen


@dataclass
class Choices:
    """The trials of a study as jobs.

    Args:
        objectives: names in run.json's ``ended``.
        trials: total number of trials.
        sampler_of: returns the sampler for a trial number.
        study: the Optuna study with all trials.
        space: distributions to search, by the paths of settings.
        job_of: makes a job from the number of a trial and its overrides.
        worker: name of this worker, if several share the study; "" if there is only this one.
    """

    objectives: Sequence[str]
    trials: int
    sampler_of: Callable[[int], optuna.samplers.BaseSampler]
    study: optuna.Study
    space: dict[str, optuna.distributions.BaseDistribution]
    job_of: Callable[[int, list[str]], SweepJob]
    worker: str = ""
    _jobs: dict[int, SweepJob] = field(default_factory=dict)
    _awaited: dict[SweepJob, list[int]] = field(default_factory=dict)  # jobs without a result, with their trials
    _cut: deque[FrozenTrial] | None = None  # interrupted trials that are still to be resumed; None: not looked up yet

    def next_job(self) -> SweepJob | None:
        """Return the next job to run: interrupted ones first, then new ones; None if all trials are chosen.

        A job that is chosen again while it runs is not returned again: its result goes to both trials.
        """
        while (trial := self._next_trial()) is not None:
            job = self._job(trial)
            its_trials = self._awaited.setdefault(job, [])
            its_trials.append(trial.number)
            if len(its_trials) == 1:
                return job
        return None

    def tell(self, job: SweepJob) -> None:
        """Report the result of a job to the study.

        Raises:
            RunError: the job was interrupted; the next start resumes it.
        """
        state = job.state
        if state in (State.INTERRUPTED, State.MISSING):
            raise RunError(f"{job.folder}: it has ended without a result; run the command again to resume")
        values = self._values(job) if state is State.FINISHED else None
        for number in self._awaited.pop(job):
            if state is State.PRUNED:
                self.study.tell(number, state=TrialState.PRUNED)
            elif values is None:
                self.study.tell(number, state=TrialState.FAIL)
            else:
                self.study.tell(number, values)

    def all_jobs(self) -> list[SweepJob]:
        """Return all jobs of this worker without duplicates, in the order in which they were chosen."""
        chosen = [trial for trial in self._all() if WORDS in trial.user_attrs and self._is_ours(trial)]
        return list({job.content: job for job in map(self._job, chosen)}.values())

    def describe(self, where: str) -> str:
        """Return lines about a search that several workers share: its trials so far, and the best of them."""
        trials = [trial for trial in self._all() if WORDS in trial.user_attrs]
        counts = Counter(trial.state.name.lower() for trial in trials)
        states = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
        number = f"{len(trials)} of {self.trials} trials"
        lines = [f"Search {self.study.study_name} in {where}: {number}: {states or 'none'}."]
        for trial in self.study.best_trials[:MOST_BEST] if counts["complete"] else []:
            values = ", ".join(f"{name} {value:.3g}" for name, value in zip(self.objectives, trial.values, strict=True))
            place = f"trial {trial.number} by worker {trial.user_attrs.get(WORKER)}"
            lines.append(f"Best of all workers: {values}, {place}: {' '.join(trial.user_attrs[WORDS])}")
        return "\n".join(lines)

    def _all(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _is_ours(self, trial: FrozenTrial) -> bool:
        return trial.user_attrs.get(WORKER, "") == self.worker

    def _next_trial(self) -> FrozenTrial | None:
        if self._cut is None:
            self._cut = deque(self._interrupted())
        return self._cut.popleft() if self._cut else self._ask()

    def _interrupted(self) -> list[FrozenTrial]:
        """Return our trials whose job has no result yet; set those to FAIL that a kill has left without a job."""
        running = [trial for trial in self._all() if trial.state is TrialState.RUNNING and self._is_ours(trial)]
        for trial in running:
            if WORDS not in trial.user_attrs:
                self.study.tell(trial.number, state=TrialState.FAIL)
        return [trial for trial in running if WORDS in trial.user_attrs]

    def _ask(self) -> FrozenTrial | None:
        """Choose a trial; None if there are enough. It depends on its place among all, and on the results so far."""
        if len(self._counted()) >= self.trials:
            return None
        trial = self.study.ask()
        if self.worker:
            trial.set_user_attr(WORKER, self.worker)
        before = [one for one in self._counted() if one.number < trial.number]
        if len(before) >= self.trials:  # another worker has chosen the last one at the same moment
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        self.study.sampler = self.sampler_of(len(before))
        words = [f"{name}={suggested(trial, name, distribution)}" for name, distribution in self.space.items()]
        trial.set_user_attr(UNSEEN, [one.number for one in before if not one.state.is_finished()])
        trial.set_user_attr(WORDS, words)
        return self._all()[trial.number]

    def _counted(self) -> list[FrozenTrial]:
        """Return the trials that count: with a job, or just being chosen by another worker, which takes a moment."""
        oldest = datetime.datetime.now() - datetime.timedelta(seconds=CHOOSING_SECONDS)
        return [
            one
            for one in self._all()
            if WORDS in one.user_attrs
            or (one.state is TrialState.RUNNING and one.datetime_start is not None and one.datetime_start > oldest)
        ]

    def _job(self, trial: FrozenTrial) -> SweepJob:
        if trial.number not in self._jobs:  # composing a job is slow
            self._jobs[trial.number] = self.job_of(trial.number, list(trial.user_attrs[WORDS]))
        return self._jobs[trial.number]

    def _values(self, job: SweepJob) -> list[float] | None:
        """Return the values of its objectives; None if one was not measured."""
        facts = ended(job.folder)
        values: list[Any] = [facts.get(name) for name in self.objectives]
        if all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            return [float(value) for value in values]
        missing = [name for name, value in zip(self.objectives, values, strict=True) if value is None]
        print(f"{job.folder}: no {', '.join(missing) or 'finite value'} in its run.json: it counts as failed")
        return None
