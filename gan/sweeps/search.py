"""A search by Optuna: each point is chosen by what those before it have come to, and all of it is in one file.

Not hydra-optuna-sweeper: its newest release that Hydra 1.3 can have needs Optuna 2.10, it stops at the first failure,
and it cannot go on with a point that was cut. Here Optuna is asked for a point and told of its result, no more.
"""

import contextlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.types import Override
from optuna.trial import FrozenTrial, TrialState

from gan.errors import ConfigError, unknown_name
from gan.sweeps.composing import Composer
from gan.sweeps.points import Point, State, ended
from gan.sweeps.runner import Runner
from gan.sweeps.spaces import space

DIRECTIONS = ("minimize", "maximize")
SAMPLERS = ("tpe", "random")
WORDS, FOLDER = "words", "folder"  # what is kept of a point beside its values


@dataclass(frozen=True)
class Search:
    """The settings of conf/hydra/sweeper/optuna.yaml.

    Attributes:
        objectives: names in run.json's ``ended``, such as "quality/fcd" or "seconds", and "minimize" or "maximize".
        trials: points in all.
        together: points chosen at once, before any of them has a result.
        sampler: of ``SAMPLERS``.
        seed: of the choices.
        prune: end a point early that is worse than half of the others were at that time.
        prune_after: points that are never ended early, and the measurement from which on each of the others may be.
    """

    objectives: Mapping[str, str]
    trials: int
    together: int
    sampler: str
    seed: int
    prune: bool
    prune_after: tuple[int, int]

    def check(self) -> None:
        """Raise a ConfigError if they make no sense."""
        if not self.objectives:
            raise ConfigError("hydra.sweeper.objectives: none given; such as {quality/fcd: minimize} expected")
        for name, direction in self.objectives.items():
            if direction not in DIRECTIONS:
                raise ConfigError(unknown_name(f"hydra.sweeper.objectives.{name}", direction, DIRECTIONS))
        if self.sampler not in SAMPLERS:
            raise ConfigError(unknown_name("hydra.sweeper.sampler", self.sampler, SAMPLERS))
        for name, number in (("trials", self.trials), ("together", self.together)):
            if not isinstance(number, int) or number < 1:
                raise ConfigError(f"hydra.sweeper.{name}: {number!r} given, 1 or more expected")
        if self.prune and len(self.objectives) > 1:
            raise ConfigError("hydra.sweeper.prune: true given; with several objectives no point is hopeless: false")

    def run(self, composer: Composer, words: Sequence[str], runner: Runner) -> list[Point]:
        """Run what is missing of the search; all its points."""
        overrides = composer.overrides(words)
        distributions = space(overrides)
        fixed = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
        if composer.dry:
            raise ConfigError("dry_run: a search has no points before it has run; give the settings without -m")
        composer.point(fixed, [])  # a mistake in them is told before there is a study
        study = self._study(composer.sweep)
        choices = _Choices(self, study, distributions, composer, fixed)
        while points := choices.next_points():
            runner(list(points.values()))
            for number, point in points.items():
                choices.tell(number, point)
        return choices.all_points(overrides)

    def _study(self, sweep: Path) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sweep.mkdir(parents=True, exist_ok=True)
        directions: list[Any] = list(self.objectives.values())
        study = optuna.create_study(
            storage=storage_of(sweep), study_name=STUDY, directions=directions, load_if_exists=True
        )
        known = study.user_attrs.get("objectives")
        if known is not None and known != dict(self.objectives):
            raise ConfigError(f"hydra.sweeper.objectives: {sweep} holds a search with others: {known}")
        study.set_user_attr("objectives", dict(self.objectives))
        return study

    def sampler_of(self, number: int) -> optuna.samplers.BaseSampler:
        """The sampler of one choice, which depends on the results so far alone: after a kill it is the same."""
        seed = self.seed + 1000 * number
        if self.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, constant_liar=self.together > 1)


STUDY = "sweep"


def storage_of(sweep: Path) -> str:
    """Where a search keeps its account: of SQLite, which a kill in the middle of a write leaves whole."""
    return f"sqlite:///{sweep.absolute() / 'study.db'}"


@dataclass
class _Choices:
    """A study's trials as points."""

    search: Search
    study: optuna.Study
    space: dict[str, optuna.distributions.BaseDistribution]
    composer: Composer
    fixed: list[str]

    def next_points(self) -> dict[int, Point]:
        """Points to run now, by the numbers of their trials: those that were cut, or new ones; {} at the end."""
        chosen = {trial.number: self._point(trial) for trial in self._cut()}
        known = len(self._trials())
        while len(chosen) < self.search.together and known < self.search.trials:
            trial = self._ask(known)
            chosen[trial.number] = self._point(trial)
            known += 1
        return chosen

    def tell(self, number: int, point: Point) -> None:
        """What has become of a point; one that was cut is left for the next start."""
        state = point.state
        if state in (State.CUT, State.MISSING):
            raise ConfigError(f"{point.folder}: it has ended without a result; give the command again to go on")
        if state is State.PRUNED:
            self.study.tell(number, state=TrialState.PRUNED)
        elif state is State.FAILED or (values := self._values(point)) is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, values)

    def all_points(self, overrides: Sequence[Override]) -> list[Point]:
        """Each once, in the order in which they were chosen."""
        return list({point.content: point for point in map(self._point, self._trials())}.values())

    def _trials(self) -> list[FrozenTrial]:
        """Those whose point was written down; a kill before that leaves one that never was."""
        return [trial for trial in self.study.get_trials(deepcopy=False) if WORDS in trial.user_attrs]

    def _cut(self) -> list[FrozenTrial]:
        running = [trial for trial in self.study.get_trials(deepcopy=False) if trial.state is TrialState.RUNNING]
        for trial in running:
            if WORDS not in trial.user_attrs:
                self.study.tell(trial.number, state=TrialState.FAIL)
        return [trial for trial in running if WORDS in trial.user_attrs]

    def _ask(self, number: int) -> FrozenTrial:
        self.study.sampler = self.search.sampler_of(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = self.study.ask(self.space)
        words = [f"{name}={value}" for name, value in trial.params.items()]
        trial.set_user_attr(WORDS, words)
        return self.study.get_trials(deepcopy=False)[trial.number]

    def _point(self, trial: FrozenTrial) -> Point:
        words = list(trial.user_attrs[WORDS])
        pruning = self._pruning(trial) if self.search.prune else []
        return self.composer.point([*self.fixed, *words], words, pruning)

    def _pruning(self, trial: FrozenTrial) -> list[str]:
        start, warmup = self.search.prune_after
        arguments = {"sweep": f"'{self.composer.sweep.absolute()}'", "trial": trial.number}
        arguments |= {
            "first_points": start,
            "first_measurements": warmup,
            "monitor": next(iter(self.search.objectives)),
        }
        return [
            "+callbacks.pruning._target_=gan.callbacks.pruning.Pruning",
            *(f"+callbacks.pruning.{name}={value}" for name, value in arguments.items()),
        ]

    def _values(self, point: Point) -> list[float] | None:
        """Of its objectives; None if one was not measured."""
        facts = ended(point.folder)
        values: list[Any] = [facts.get(name) for name in self.search.objectives]
        if all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            return [float(value) for value in values]
        missing = [name for name, value in zip(self.search.objectives, values, strict=True) if value is None]
        print(f"{point.folder}: no {', '.join(missing) or 'finite value'} in its run.json: it counts as failed")
        return None


def best_of(sweep: Path) -> list[Mapping[str, float]]:
    """The values of the best trials of a search: one, or with several objectives those that no other beats in all."""
    with contextlib.suppress(KeyError):
        study = optuna.load_study(study_name=STUDY, storage=storage_of(sweep))
        names = list(study.user_attrs["objectives"])
        return [dict(zip(names, trial.values, strict=True)) for trial in study.best_trials]
    return []
