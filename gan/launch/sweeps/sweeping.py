"""Sweep: setup, running and summary, common to all ways of choosing the jobs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from gan.launch import hydra_job
from gan.launch.sweeps import folder, side_by_side, summary
from gan.launch.sweeps.composing import Composer
from gan.launch.sweeps.jobs import jobs_of
from gan.launch.sweeps.runner import Runner, environment
from gan.runs.sweep_jobs import State, SweepJob
from gan.system import signals
from gan.system.errors import ConfigError
from gan.system.process import user_command

# Chooses and runs jobs: takes a composer, all overrides and a runner; returns all jobs of the sweep.
Choose = Callable[[Composer, Sequence[str], Runner], list[SweepJob]]


class Sweep:
    """One Hydra multirun.

    Args:
        params: settings with the values to try, as in a file of conf/sweep; the command line overrides them.
        n_jobs: number of jobs that run at a time, each in its own process, unless the chosen launcher decides that.
            1: one after the other, in this process.
    """

    def __init__(self, params: Mapping[str, Any] | None, n_jobs: int) -> None:
        self._params, self._n_jobs = dict(params or {}), n_jobs

    def setup(self, context: HydraContext, task: TaskFunction, config: DictConfig) -> None:
        if not isinstance(self._n_jobs, int) or self._n_jobs < 1:
            raise ConfigError(f"hydra.sweeper.n_jobs: {self._n_jobs!r} given, 1 or more expected")
        self._context, self._config, self._command = context, config, user_command()
        if not any(word.startswith("hydra.sweep.dir=") for word in config.hydra.overrides.hydra):
            new = Path(config.hydra.sweep.dir)
            with read_write(config.hydra):  # since Hydra 1.4 it is read-only
                config.hydra.sweep.dir = str(folder.of_this_command(new, self._command))
        if config.get("dry_run"):  # fast, and prints its output here
            self._launcher: Launcher = BasicLauncher()
            self._launcher.setup(hydra_context=context, task_function=task, config=config)
        else:
            self._launcher = Plugins.instance().instantiate_launcher(context, task, config)
        self._side_by_side = self._n_jobs > 1 and isinstance(self._launcher, BasicLauncher)

    def run(self, arguments: Sequence[str], choose: Choose, objectives: Mapping[str, str] = summary.LOWEST_FCD) -> None:
        """Run the sweep; at the end, print the best jobs by the objectives.

        Raises:
            GanError, HydraException: an error in the command, before any job runs.
        """
        command, sweep = self._command, Path(str(self._config.hydra.sweep.dir))
        composer = Composer(self._context, self._config)
        runner = Runner(self._launch, dry=composer.dry)
        words = [*(f"{name}={value}" for name, value in self._params.items()), *arguments]
        if composer.dry:
            choose(composer, words, runner)
            hydra_job.note_exit_code(runner.exit_code)
            return
        with folder.held(sweep), environment(command):
            try:
                jobs = choose(composer, words, runner)
            except signals.Stopped as stop:
                self._tell(stop, summary.how_to_go_on(command, sweep))
                raise
            print(summary.summary(sweep, jobs, runner, objectives))
            states = {job.state for job in jobs}
            unfinished = not states.isdisjoint((State.CUT, State.MISSING, State.FAILED))
            folder.keep_record(sweep, command, finished=not unfinished)
            hydra_job.note_exit_code(max(runner.exit_code, signals.CRASH if unfinished else 0))

    def _launch(self, jobs: Sequence[Sequence[str]], first: int) -> Sequence[JobReturn]:
        """Pass jobs to Hydra's launcher, and write multirun.yaml as Hydra's sweepers do."""
        if not self._config.get("dry_run"):
            sweep = Path(str(self._config.hydra.sweep.dir))
            folder.keep_record(sweep, self._command, finished=False)
            OmegaConf.save(self._config, sweep / "multirun.yaml")
            if self._side_by_side:
                made = jobs_of(self._context, self._config, jobs, first, self._command)
                return side_by_side.run(made, self._n_jobs)
        returns: Sequence[JobReturn] = self._launcher.launch(jobs, initial_job_idx=first)
        return returns

    def _tell(self, stop: signals.Stopped, how_to_go_on: str) -> None:
        """Print how to resume before the message about the stopped run, or in place of it if other processes train."""
        if isinstance(self._launcher, BasicLauncher) and not self._side_by_side:
            print(how_to_go_on, file=sys.stderr)
        else:
            stop.left = how_to_go_on
