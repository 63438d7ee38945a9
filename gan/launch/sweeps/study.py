"""Optuna study of a search, in one SQLite file in the folder of the search; and the trial of a running job in it."""

import contextlib
import statistics
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from gan.runs.sweep_jobs import STUDY
from gan.system.errors import ConfigError, RunError

NAME = "sweep"
OBJECTIVES = "objectives"  # user attribute of the study
WAIT_SECONDS = 60  # wait for another process that writes to the file


def storage_of(sweep: Path) -> optuna.storages.RDBStorage:
    """Return the storage of a search: SQLite, which stays intact if a process is killed during a write."""
    url = f"sqlite:///{sweep.absolute() / STUDY}"
    return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": WAIT_SECONDS}})


def opened(sweep: Path, objectives: Mapping[str, str]) -> optuna.Study:
    """Open the study in the folder of a search, or create it.

    Args:
        sweep: folder of the search.
        objectives: names of the objectives, each with "minimize" or "maximize".

    Raises:
        ConfigError: the file is not a study, or cannot be written.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions: list[Any] = list(objectives.values())
    file = sweep / STUDY
    try:
        sweep.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=storage_of(sweep), study_name=NAME, directions=directions, load_if_exists=True
        )
        if OBJECTIVES not in study.user_attrs:
            study.set_user_attr(OBJECTIVES, dict(objectives))
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise ConfigError(
            f"hydra.sweep.dir: the search's account, {file}, cannot be used: {_reason(error)}; "
            "give another folder, or take the file away for a new search"
        ) from error
    return study


@contextlib.contextmanager
def kept(sweep: Path) -> Iterator[None]:
    """Inside the block, convert a failed database write, e.g. on a full disk, to a user error.

    Raises:
        RunError: the database cannot be written.
    """
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise RunError(
            f"{sweep / STUDY} cannot be written: {_reason(error)}; what is finished stays so: "
            "give the command again to go on"
        ) from error


def _reason(error: BaseException) -> str:
    """Return SQLite's message, without the SQL statement and the links around it."""
    cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
    return str(getattr(cause, "orig", None) or cause)


def best_of(sweep: Path) -> list[Mapping[str, float]]:
    """Return the values of the best trials of a search: one trial, or the Pareto front for several objectives."""
    with contextlib.suppress(KeyError):
        study = optuna.load_study(study_name=NAME, storage=storage_of(sweep))
        names = list(study.user_attrs[OBJECTIVES])
        return [dict(zip(names, trial.values, strict=True)) for trial in study.best_trials]
    return []


class RunningTrial:
    """The trial of a running job, for the process that trains it.

    Args:
        sweep: folder of the search. number: number of the trial.
        first_points, first_measurements: see `gan.launch.sweeps.pruning.Pruning`.
    """

    def __init__(self, sweep: Path, number: int, first_points: int, first_measurements: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.MedianPruner(first_points, first_measurements)
        self._study = optuna.load_study(study_name=NAME, storage=storage_of(sweep), pruner=pruner)
        self._number = number

    @property
    def is_awaited(self) -> bool:
        """True if the search still waits for this run; False if it was resumed after its result was reported."""
        return self._number < len(self._study.get_trials(deepcopy=False)) and not self._now.state.is_finished()

    @property
    def reported(self) -> dict[int, float]:
        """Return the values so far, by measurement number, including those before the run was resumed."""
        return dict(self._now.intermediate_values)

    def report(self, measurement: int, value: float) -> None:
        self._trial().report(value, measurement)

    def is_hopeless(self) -> bool:
        """True if its best value so far is worse than the median of the finished runs at its last measurement."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # from numpy if all values are NaN: then prune
            return bool(self.reported) and self._trial().should_prune()

    def others(self, measurement: int) -> tuple[float, int]:
        """Return the median of the finished runs at this measurement (NaN if none), and the number of these runs."""
        finished = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = [t.intermediate_values[measurement] for t in finished if measurement in t.intermediate_values]
        return (statistics.median(values) if values else float("nan")), len(values)

    @property
    def _now(self) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[self._number]

    def _trial(self) -> optuna.trial.Trial:
        """Return a new trial object each time: it contains only what was reported before its creation."""
        return optuna.trial.Trial(self._study, self._now._trial_id)
