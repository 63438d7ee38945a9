"""Optuna search: chooses each job from the results of earlier jobs, and stores everything in one database.

We do not use hydra-optuna-sweeper: its newest release for Hydra 1.3 needs Optuna 2.10, it stops at the first failure,
and it cannot resume an interrupted job. Here Optuna only chooses jobs and receives their results.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import optuna

from gan.config.saved_settings import differing
from gan.launch.sweeps import objectives, study
from gan.launch.sweeps.choices import Choices
from gan.launch.sweeps.composing import Composer
from gan.launch.sweeps.runner import Runner
from gan.launch.sweeps.search_storage import NAME, Storage
from gan.launch.sweeps.spaces import in_words, space, values_to_try
from gan.runs.sweep_jobs import State, SweepJob, check_one_can_run
from gan.system.errors import ConfigError, unknown_name, unknown_setting
from gan.system.shell import quoted

SAMPLERS = ("tpe", "random")
MOST_TRIED = 64  # combinations of values checked before the first job runs
SPACE, SETTINGS = "space", "settings"  # user attributes of a study, so that another search does not reuse it
Distributions = dict[str, optuna.distributions.BaseDistribution]


@dataclass(frozen=True)
class Search:
    """A search with the settings of conf/hydra/sweeper/optuna.yaml.

    Attributes:
        objectives: names in run.json's ``ended``, e.g. "quality/fcd" ("fcd" for short) or "seconds", each with
            "minimize" or "maximize".
        trials: total number of trials.
        n_jobs: number of jobs that run at a time; the next is chosen when one has ended.
        sampler: one of ``SAMPLERS``.
        seed: seed of the sampler.
        prune: end a job early if it is worse than the median of the finished jobs at the same measurement.
        storage: URL of a database that workers on several machines share; None: a file in the folder of the sweep.
        study: name of the search in the database.
        prune_after: number of jobs that must finish before any is pruned, and the first measurement to prune at.
    """

    objectives: Mapping[str, str]
    trials: int
    n_jobs: int
    sampler: str
    seed: int
    prune: bool
    storage: str | None = None
    study: str = NAME
    prune_after: Sequence[int] = (4, 1)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Search":
        """Make a search from settings by name.

        Raises:
            ConfigError: a setting is unknown or missing.
        """
        names = [field.name for field in fields(cls)]
        for name in settings:
            if name not in names:
                raise ConfigError(unknown_setting(f"hydra.sweeper.{name}", name, names))
        for name in names:
            if name not in settings and name not in ("storage", "study", "prune_after"):
                raise ConfigError(f"hydra.sweeper.{name}: missing; conf/hydra/sweeper/optuna.yaml explains it")
        return cls(**settings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", objectives.in_full(self.objectives or {}))

    def check(self) -> None:
        """Raise a ConfigError if a setting is invalid."""
        objectives.check_directions(self.objectives)
        if self.sampler not in SAMPLERS:
            raise ConfigError(unknown_name("hydra.sweeper.sampler", str(self.sampler), SAMPLERS))
        for name, least in (("trials", 1), ("n_jobs", 1), ("seed", 0)):
            if not _is_whole(number := getattr(self, name), least):
                raise ConfigError(f"hydra.sweeper.{name}: {number!r} given, {least} or more expected")
        if self.storage is not None and "://" not in str(self.storage):
            raise ConfigError(
                "hydra.sweeper.storage: the URL of a database expected, such as postgresql://HOST/DATABASE"
            )
        if not isinstance(self.prune, bool):
            raise ConfigError(f"hydra.sweeper.prune: {self.prune!r} given, true or false expected")
        if len(self.prune_after) != 2 or not all(_is_whole(number, 0) for number in self.prune_after):
            raise ConfigError(
                f"hydra.sweeper.prune_after: {list(self.prune_after)} given, two integers expected, such as "
                "[4,1]: the number of finished jobs before the first pruning, and the first measurement at which a job "
                "can be pruned"
            )
        if self.prune and len(self.objectives) > 1:
            raise ConfigError(
                "hydra.sweeper.prune: true given, and several objectives: a job that is worse in one may be better "
                "in another; false, or one objective, expected"
            )

    def run(self, composer: Composer, words: Sequence[str], runner: Runner) -> list[SweepJob]:
        """Run the unfinished jobs of the search, and return all its jobs.

        Raises:
            GanError, HydraException: an error in the command, before any job runs.
            RunError: a job was interrupted, or the database can no longer be written.
        """
        overrides = composer.overrides(words)
        distributions = space(overrides)
        fixed = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
        if composer.dry:
            raise ConfigError(
                "dry_run: the jobs of a search are not known before it runs; give the settings without -m"
            )
        settings = _settings_of_one(composer, fixed, distributions)
        objectives.check_names(self.objectives, settings, any_data=_is_of_any_data(distributions), prune=self.prune)

        def job_of(number: int, own: list[str]) -> SweepJob:
            return composer.job([*fixed, *own], own, self._pruning(number) if self.prune else [])

        storage = Storage(composer.sweep, self.storage or "", str(self.study))
        its_study = self._study(storage, distributions, settings)
        objective_names, worker = list(self.objectives), storage.worker
        choices = Choices(objective_names, self.trials, self.sampler_of, its_study, distributions, job_of, worker)
        done = (State.FINISHED, State.PRUNED) if self.prune else (State.FINISHED,)
        runner.pool.expect(min(self.n_jobs, self.trials))
        with study.kept(storage), storage.known_to_jobs():
            runner.work(choices.next_job, choices.tell, self.n_jobs, done)
            if storage.url:
                print(choices.describe(storage.where))
            return choices.all_jobs()

    def _study(self, storage: Storage, distributions: Distributions, settings: Mapping[str, Any]) -> optuna.Study:
        """Return the study of the search, after checking that it belongs to this search."""
        found = study.opened(storage, self.objectives)
        known = found.user_attrs
        where, other = (storage.sweep, "hydra.sweep.dir") if not storage.url else (storage.where, "hydra.sweeper.study")
        spaces = {name: in_words(distribution) for name, distribution in distributions.items()}
        pairs = [({objectives.PATH: _in_order(known[study.OBJECTIVES])}, {objectives.PATH: _in_order(self.objectives)})]
        pairs += [(known.get(what, ours), ours) for what, ours in ((SPACE, spaces), (SETTINGS, dict(settings)))]
        searched = {*spaces, *known.get(SPACE, {})}
        for path, old, new in itertools.chain.from_iterable(differing(*pair) for pair in pairs):
            missing = "one value" if path in searched else "nothing"
            asked, before = (missing if value is None else value for value in (new, old))
            raise ConfigError(
                f"{path}: {asked} given; the search in {where} has {before}, and results of "
                f"different searches cannot be combined; give the same value, or another {other}"
            )
        found.set_user_attr(SPACE, spaces)
        found.set_user_attr(SETTINGS, dict(settings))
        return found

    def sampler_of(self, number: int) -> optuna.samplers.BaseSampler:
        """Return the sampler of one trial; it depends only on the results so far, so a kill does not change it."""
        seed = self.seed + 1000 * number
        if self.sampler == "random":
            return optuna.samplers.RandomSampler(seed=seed)
        return optuna.samplers.TPESampler(seed=seed, constant_liar=self.n_jobs > 1 or self.storage is not None)

    def _pruning(self, number: int) -> list[str]:
        """Return the overrides that add the pruning callback to a job."""
        first_points, first_measurements = self.prune_after
        arguments = {
            "sweep": "${run_dir}/..",  # relative: the folder may be moved or renamed before a resume
            "trial": number,
            "first_points": first_points,
            "first_measurements": first_measurements,
            "monitor": next(iter(self.objectives)),
            **({"study": quoted(str(self.study))} if self.storage else {}),
        }
        return [
            "+callbacks.pruning._target_=gan.callbacks.Pruning",
            *(f"+callbacks.pruning.{name}={value}" for name, value in arguments.items()),
        ]


def _settings_of_one(composer: Composer, fixed: Sequence[str], distributions: Distributions) -> dict[str, Any]:
    """Return the settings of the first valid job; {} if a value in them is missing.

    Raises:
        ConfigError: no job is valid: the command is wrong.
    """
    values = values_to_try(distributions)
    tried = []
    for chosen in itertools.islice(itertools.product(*values.values()), MOST_TRIED):
        own = [f"{name}={value}" for name, value in zip(values, chosen, strict=True)]
        tried.append(composer.job([*fixed, *own], own))
        if not tried[-1].mistake:
            try:
                return dict(json.loads(tried[-1].content))
            except ValueError:  # the content is the overrides: each run will report the error
                return {}
    check_one_can_run(tried)
    return {}


def _is_of_any_data(distributions: Distributions) -> bool:
    return any(name == "data" or name.startswith("data.name") for name in distributions)


def _is_whole(number: object, least: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= least


def _in_order(names: Mapping[str, str]) -> str:
    """Format objectives as text, in order: Optuna identifies them only by their order."""
    return ", ".join(f"{name}: {direction}" for name, direction in names.items())
