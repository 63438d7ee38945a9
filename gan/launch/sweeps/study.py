"""The account of a search: Optuna's study, in one file of SQLite in the search's folder; and one run's place in it."""

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
OBJECTIVES = "objectives"  # what is kept of a study beside its trials
WAIT_SECONDS = 60  # for another process that writes to the file


def storage_of(sweep: Path) -> optuna.storages.RDBStorage:
    """Where a search keeps its account: of SQLite, which a kill in the middle of a write leaves whole."""
    url = f"sqlite:///{sweep.absolute() / STUDY}"
    return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": WAIT_SECONDS}})


def opened(sweep: Path, objectives: Mapping[str, str]) -> optuna.Study:
    """The study in the folder of a search, new or as it was left.

    Args:
        sweep: the folder.
        objectives: the names of what is searched for, each with "minimize" or "maximize".

    Raises:
        ConfigError: its file is none of a study, or cannot be written.
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
    """Inside, an account that can no longer be written, as on a full disk, ends the search in a user's words.

    Raises:
        RunError: so it is.
    """
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise RunError(
            f"{sweep / STUDY} cannot be written: {_reason(error)}; what is finished stays so: "
            "give the command again to go on"
        ) from error


def _reason(error: BaseException) -> str:
    """SQLite's own words, without the statement and the addresses that stand around them."""
    cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
    return str(getattr(cause, "orig", None) or cause)


class RunningTrial:
    """One run's place in its search, for the process that trains it.

    Args:
        sweep: the folder of the search. number: of the run's trial.
        first_points, first_measurements: of `gan.launch.sweeps.pruning.Pruning`.
    """

    def __init__(self, sweep: Path, number: int, first_points: int, first_measurements: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.MedianPruner(first_points, first_measurements)
        self._study = optuna.load_study(study_name=NAME, storage=storage_of(sweep), pruner=pruner)
        self._number = number

    @property
    def is_awaited(self) -> bool:
        """Whether the search still waits for this run; not, if it is gone on with after its end was told."""
        return self._number < len(self._study.get_trials(deepcopy=False)) and not self._now.state.is_finished()

    @property
    def reported(self) -> dict[int, float]:
        """What was measured so far, by the number of the measurement; also by an earlier part of the run."""
        return dict(self._now.intermediate_values)

    def report(self, measurement: int, value: float) -> None:
        self._trial().report(value, measurement)

    def is_hopeless(self) -> bool:
        """Whether its best value so far is worse than the median of the finished runs' at its last measurement."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # numpy, of values that are all NaN: hopeless
            return bool(self.reported) and self._trial().should_prune()

    def others(self, measurement: int) -> tuple[float, int]:
        """The median of the finished runs' values at this measurement (NaN for none), and how many have one."""
        finished = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = [t.intermediate_values[measurement] for t in finished if measurement in t.intermediate_values]
        return (statistics.median(values) if values else float("nan")), len(values)

    @property
    def _now(self) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[self._number]

    def _trial(self) -> optuna.trial.Trial:
        """Anew each time: a trial knows only of what was reported before it was made."""
        return optuna.trial.Trial(self._study, self._now._trial_id)
