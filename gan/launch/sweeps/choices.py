"""Optuna trials as jobs of a sweep: ask for trials, store them, and report their results."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from gan.runs.sweep_jobs import State, SweepJob, ended
from gan.system.errors import RunError

WORDS = "words"  # user attribute of a trial: its own overrides, e.g. "optimizer.lr=0.001"


@dataclass
class Choices:
    """The trials of a study as jobs.

    Args:
        objectives: names in run.json's ``ended``.
        trials: total number of trials. n_jobs: number of trials chosen at once.
        sampler_of: returns the sampler for a trial number.
        study: the Optuna study with all trials.
        space: distributions to search, by the paths of settings.
        job_of: makes a job from the number of a trial and its overrides.
    """

    objectives: Sequence[str]
    trials: int
    n_jobs: int
    sampler_of: Callable[[int], optuna.samplers.BaseSampler]
    study: optuna.Study
    space: dict[str, optuna.distributions.BaseDistribution]
    job_of: Callable[[int, list[str]], SweepJob]
    _jobs: dict[int, SweepJob] = field(default_factory=dict)

    def next_jobs(self) -> dict[int, SweepJob]:
        """Return the jobs to run now, by trial number: interrupted ones and new ones; {} at the end."""
        chosen = {trial.number: self._job(trial) for trial in self._cut()}
        known = len(self._trials())
        while len(chosen) < self.n_jobs and known < self.trials:
            trial = self._ask(known)
            chosen[trial.number] = self._job(trial)
            known += 1
        return chosen

    def tell(self, number: int, job: SweepJob) -> None:
        """Report the result of a job to the study.

        Raises:
            RunError: the job was interrupted; the next start resumes it.
        """
        state = job.state
        if state in (State.CUT, State.MISSING):
            raise RunError(f"{job.folder}: it has ended without a result; give the command again to go on")
        if state is State.PRUNED:
            self.study.tell(number, state=TrialState.PRUNED)
        elif state is State.FAILED or (values := self._values(job)) is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, values)

    def all_jobs(self) -> list[SweepJob]:
        """Return all jobs without duplicates, in the order in which they were chosen."""
        return list({job.content: job for job in map(self._job, self._trials())}.values())

    def _trials(self) -> list[FrozenTrial]:
        """Return the trials with a stored job; a kill can leave a trial without one, which never ran."""
        return [trial for trial in self.study.get_trials(deepcopy=False) if WORDS in trial.user_attrs]

    def _cut(self) -> list[FrozenTrial]:
        running = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state is TrialState.RUNNING]
        for trial in running:
            if WORDS not in trial.user_attrs:
                self.study.tell(trial.number, state=TrialState.FAIL)
        return [trial for trial in running if WORDS in trial.user_attrs]

    def _ask(self, number: int) -> FrozenTrial:
        self.study.sampler = self.sampler_of(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = self.study.ask(self.space)
        words = [f"{name}={value}" for name, value in trial.params.items()]
        trial.set_user_attr(WORDS, words)
        return self.study.get_trials(deepcopy=False)[trial.number]

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
