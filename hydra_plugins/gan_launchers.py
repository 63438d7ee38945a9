"""Hydra launcher plugins. Hydra finds plugins only in the package `hydra_plugins`; gan.launch.sweeps does the work."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class JobLauncher(Launcher):
    """Base class of the launchers: runs each job of a sweep as a separate process."""

    def __init__(self, **parameters: Any) -> None:
        plain = OmegaConf.to_container(OmegaConf.create(parameters), resolve=True)
        assert isinstance(plain, dict)
        self._parameters: dict[str, Any] = {str(name): value for name, value in plain.items()}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context, self._config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for a sweeper of another package; the sweepers of `gan_sweeps` use `make_pool`."""
        from gan.launch.sweeps.jobs import job_maker
        from gan.launch.sweeps.pools import run_all

        pool = self.make_pool(job_maker(self._context, self._config))
        return run_all(pool, job_overrides, initial_job_idx)

    def make_pool(self, make_jobs: Any) -> Any:
        """Return the `gan.launch.sweeps.pools.Pool` in which the jobs run; ``make_jobs`` makes them."""
        raise NotImplementedError  # implemented by the launchers below


class SubmititLauncher(JobLauncher):
    """``hydra/launcher=submitit_slurm`` and ``submitit_local``: conf/hydra/launcher/."""

    def make_pool(self, make_jobs: Any) -> Any:
        from gan.system.errors import ConfigError

        try:
            from gan.launch.sweeps.queues import Queue
        except ModuleNotFoundError as error:
            raise ConfigError("hydra/launcher: submitit is not installed: pip install 'submitit<2'") from error
        return Queue(make_jobs, **self._parameters)


class RayLauncher(JobLauncher):
    """``hydra/launcher=ray``: conf/hydra/launcher/ray.yaml."""

    def make_pool(self, make_jobs: Any) -> Any:
        from gan.system.errors import ConfigError

        try:
            from gan.launch.sweeps.ray_cluster import RayCluster
        except ModuleNotFoundError as error:
            raise ConfigError("hydra/launcher=ray: ray is not installed: pip install 'ray<3'") from error
        return RayCluster(make_jobs, **self._parameters)
