"""Hydra sweeper plugins. Hydra finds plugins only in the package `hydra_plugins`; gan.launch.sweeps does the work."""

from collections.abc import Mapping
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class GridSweeper(Sweeper):
    """``hydra/sweeper=grid``: every combination of the given values; conf/hydra/sweeper/grid.yaml."""

    def __init__(self, params: Mapping[str, Any] | None = None, n_jobs: int = 1) -> None:
        from gan.launch.sweeps.sweeping import Sweep

        self._sweep = Sweep(params, n_jobs)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._sweep.setup(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        from gan.launch.sweeps import grid

        self._sweep.run(arguments, grid.run)


class OptunaSweeper(Sweeper):
    """``hydra/sweeper=optuna``: jobs chosen by the results so far; conf/hydra/sweeper/optuna.yaml."""

    def __init__(self, params: Mapping[str, Any] | None = None, **search: Any) -> None:
        from gan.launch.sweeps.sweeping import Sweep
        from gan.system.errors import ConfigError

        self._sweep = Sweep(params, search["n_jobs"])
        try:
            from gan.launch.sweeps.search import Search
        except ModuleNotFoundError as error:
            raise ConfigError("hydra/sweeper=optuna: optuna is not installed: pip install 'optuna<6'") from error
        self._search = Search.of(search)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._search.check()
        self._sweep.setup(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> None:
        self._sweep.run(arguments, self._search.run, self._search.objectives)
