"""Study of a search: its Optuna study, in a file or a database, and one run's trial in it."""

import contextlib
import importlib.util
import statistics
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from gan.launch.sweeps.search_storage import Storage
from gan.runs.sweep_jobs import STUDY
from gan.system import shell
from gan.system.errors import ConfigError, RunError, unknown_name

DATABASE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError)
OBJECTIVES = "objectives"  # user attribute of a study: names and directions
WAIT_SECONDS = 60  # for another process that writes to the file
CONNECT_SECONDS = 10  # for a server to answer
TRIES = 5  # to make the tables of a new database, if other workers start at the same moment
DRIVERS = {"postgresql": "psycopg[binary]", "mysql": "pymysql"}  # what pip installs for a database
URL = "hydra.sweeper.storage"


def connect(storage: Storage) -> optuna.storages.RDBStorage:
    """Open the storage of a search. A kill in the middle of a write leaves it intact."""
    if not storage.url:
        url = f"sqlite:///{storage.sweep.absolute() / STUDY}"
        return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": WAIT_SECONDS}})
    url = with_driver(storage.url)
    arguments: dict[str, Any] = {"pool_pre_ping": True}  # a job takes long: the connection may be gone after it
    if url.startswith("postgresql"):
        arguments["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    if url.startswith("sqlite"):
        arguments["connect_args"] = {"timeout": WAIT_SECONDS}
    for _ in range(TRIES):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=arguments)
        except (IntegrityError, ProgrammingError, OperationalError) as error:
            if not _is_made_by_another(error):
                raise
            time.sleep(1)
    return optuna.storages.RDBStorage(url, engine_kwargs=arguments)


def _is_made_by_another(error: DBAPIError) -> bool:
    """True if another worker makes the tables of a new database at the same moment."""
    return isinstance(error, IntegrityError) or "already exists" in str(error.orig)


def with_driver(url: str) -> str:
    """Return a URL of PostgreSQL with psycopg (version 3) as its driver, if it names none and that one is there."""
    scheme, separator, rest = url.partition("://")
    if scheme == "postgres":  # as hosters write it
        scheme = "postgresql"
    if scheme == "postgresql" and importlib.util.find_spec("psycopg") is not None:
        scheme = "postgresql+psycopg"
    return scheme + separator + rest


def opened(storage: Storage, objectives: Mapping[str, str]) -> optuna.Study:
    """Return the study of a search, new or as it was left.

    Args:
        storage: where it is kept.
        objectives: names of the objectives, each with "minimize" or "maximize".

    Raises:
        ConfigError: the file is not a database, or cannot be written; the database cannot be reached, or its driver is
            not installed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions: list[Any] = list(objectives.values())
    try:
        storage.sweep.mkdir(parents=True, exist_ok=True)
        study = optuna.create_study(
            storage=connect(storage), study_name=storage.study, directions=directions, load_if_exists=True
        )
        if OBJECTIVES not in study.user_attrs:
            study.set_user_attr(OBJECTIVES, dict(objectives))
    except ImportError as error:
        raise ConfigError(_no_driver(storage)) from error
    except NoSuchModuleError as error:
        scheme = storage.url.partition("://")[0].partition("+")[0]
        raise ConfigError(unknown_name(URL, scheme, (*DRIVERS, "sqlite"))) from error
    except (*DATABASE_ERRORS, ArgumentError) as error:
        if storage.url:
            raise ConfigError(f"{URL}: {storage.where} cannot be used: {_reason(error, storage)}") from error
        raise ConfigError(
            f"hydra.sweep.dir: the search's database, {storage.where}, cannot be used: {_reason(error, storage)}; "
            "give another folder, or move the file away to start a new search"
        ) from error
    return study


def _no_driver(storage: Storage) -> str:
    database, _, driver = storage.url.partition("://")[0].partition("+")
    package = driver or DRIVERS.get(database, database)
    install = shell.command("pip", "install", package)
    return f"{URL}: {storage.where} needs a driver for {database}, which is not installed: {install}"


@contextlib.contextmanager
def kept(storage: Storage) -> Iterator[None]:
    """Inside the block, a storage that can no longer be written, as on a full disk, ends the search with one message.

    Raises:
        RunError: the storage cannot be written.
    """
    try:
        yield
    except DATABASE_ERRORS as error:
        raise RunError(
            f"{storage.where} cannot be written: {_reason(error, storage)}; finished jobs are kept: "
            "run the command again to resume"
        ) from error


def _reason(error: BaseException, storage: Storage) -> str:
    """Return the database's own message, without the statement and the addresses around it, in one line."""
    cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
    text = str(getattr(cause, "orig", None) or cause)
    return storage.without_secret(" ".join(text.split()))


class RunningTrial:
    """One run's place in its search, for the process that trains it.

    Args:
        storage: of the search. number: of the run's trial.
        first_points, first_measurements: of `gan.launch.sweeps.pruning.Pruning`.
    """

    def __init__(self, storage: Storage, number: int, first_points: int, first_measurements: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.MedianPruner(first_points, first_measurements)
        self._study = optuna.load_study(study_name=storage.study, storage=connect(storage), pruner=pruner)
        self._number, self._storage = number, storage

    @property
    def is_awaited(self) -> bool:
        """Whether the search still waits for this run; not if it is resumed after its result was reported."""
        return self._number < len(self._study.get_trials(deepcopy=False)) and not self._now.state.is_finished()

    @property
    def reported(self) -> dict[int, float]:
        """What was measured so far, by the number of the measurement; also by an earlier part of the run."""
        return dict(self._now.intermediate_values)

    def report(self, measurement: int, value: float) -> None:
        with kept(self._storage):
            self._trial().report(value, measurement)

    def is_hopeless(self) -> bool:
        """Whether its best value so far is worse than the finished runs' median at the same measurement."""
        with warnings.catch_warnings(), kept(self._storage):
            warnings.simplefilter("ignore", RuntimeWarning)  # numpy, of values that are all NaN: hopeless
            return bool(self.reported) and self._trial().should_prune()

    def others(self, measurement: int) -> tuple[float, int]:
        """The median of the finished runs' values at this measurement (NaN for none), and how many have one."""
        finished = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        values = [t.intermediate_values[measurement] for t in finished if measurement in t.intermediate_values]
        return (statistics.median(values) if values else float("nan")), len(values)

    @property
    def _now(self) -> FrozenTrial:
        with kept(self._storage):
            return self._study.get_trials(deepcopy=False)[self._number]

    def _trial(self) -> optuna.trial.Trial:
        """A new object at each call, because a trial object contains only what was reported before."""
        return optuna.trial.Trial(self._study, self._now._trial_id)
