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
        from gan.launch.sweeps.jobs import jobs_of
        from gan.system.process import user_command

        return self._run(jobs_of(self._context, self._config, job_overrides, initial_job_idx, user_command()))

    def _run(self, jobs: Sequence[Any]) -> Sequence[JobReturn]:
        raise NotImplementedError  # implemented by the launchers below


class SubmititLauncher(JobLauncher):
    """``hydra/launcher=submitit_slurm`` and ``submitit_local``: conf/hydra/launcher/."""

    def _run(self, jobs: Sequence[Any]) -> Sequence[JobReturn]:
        from gan.system.errors import ConfigError

        try:
            from gan.launch.sweeps.queues import Queue
        except ModuleNotFoundError as error:
            raise ConfigError("hydra/launcher: submitit is not installed: pip install 'submitit<2'") from error
        own = {name: self._parameters[name] for name in ("cluster", "folder", "n_jobs", "max_num_timeout")}
        return Queue(**own, parameters={n: value for n, value in self._parameters.items() if n not in own}).run(jobs)


class RayLauncher(JobLauncher):
    """``hydra/launcher=ray``: conf/hydra/launcher/ray.yaml."""

    def _run(self, jobs: Sequence[Any]) -> Sequence[JobReturn]:
        from gan.system.errors import ConfigError

        try:
            from gan.launch.sweeps.ray_cluster import RayCluster
        except ModuleNotFoundError as error:
            raise ConfigError("hydra/launcher=ray: ray is not installed: pip install 'ray<3'") from error
        return RayCluster(**self._parameters).run(jobs)
