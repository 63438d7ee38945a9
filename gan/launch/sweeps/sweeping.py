"""Sweep: setup, running and summary, common to all ways of choosing the jobs."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from gan.config.moved import updated_words
from gan.launch import hydra_job
from gan.launch.sweeps import folder, summary
from gan.launch.sweeps.composing import Composer
from gan.launch.sweeps.jobs import job_maker
from gan.launch.sweeps.pools import HydraPool, Pool
from gan.launch.sweeps.runner import Runner
from gan.launch.sweeps.side_by_side import SideBySide
from gan.runs.sweep_jobs import State, SweepJob
from gan.system import signals
from gan.system.errors import CRASH, ConfigError
from gan.system.files import write_bytes
from gan.system.passwords import without_passwords
from gan.system.process import as_parent, started_by_torchrun, user_command

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
        for word in (*config.hydra.overrides.hydra, *config.hydra.overrides.task):
            if word.lstrip("+").startswith(("hydra.run.dir=", "run_dir=")):
                name, _, given = word.lstrip("+").partition("=")
                raise ConfigError(f"{name}: {given} given with a sweep; hydra.sweep.dir=FOLDER names its folder")
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
        self._is_basic = str(config.hydra.launcher._target_).endswith(".BasicLauncher")

    def run(self, arguments: Sequence[str], choose: Choose, objectives: Mapping[str, str] = summary.LOWEST_FCD) -> None:
        """Run the sweep; at the end, print the best jobs by the objectives.

        Raises:
            GanError, HydraException: an error in the command, before any job runs.
        """
        command, sweep = self._command, Path(str(self._config.hydra.sweep.dir))
        composer = Composer(self._context, self._config)
        runner = Runner(self._pool(dry=composer.dry), composer.dry, self._record)
        listed, warnings = updated_words([f"{name}={value}" for name, value in self._params.items()])
        for line in warnings:
            print(line, file=sys.stderr)
        words = [*listed, *arguments]
        if composer.dry:
            choose(composer, words, runner)
            hydra_job.note_exit_code(runner.exit_code)
            return
        if (started := started_by_torchrun()) > 1:
            raise ConfigError(
                f"-m: given to {started} processes that torchrun started; a sweep starts the processes of each job "
                "itself: start it without torchrun"
            )
        with folder.held(sweep), as_parent(command=list(command), sweep=os.getpid()):
            try:
                jobs = choose(composer, words, runner)
            except signals.Stopped as stop:
                self._tell(stop, summary.how_to_resume(command, sweep))
                raise
            print(summary.summary(sweep, jobs, runner, objectives))
            states = {job.state for job in jobs if job not in (*runner.queued, *runner.waiting)}
            unfinished = not states.isdisjoint((State.INTERRUPTED, State.MISSING, State.FAILED))
            folder.keep_record(sweep, command, finished=not unfinished and not runner.queued)
            if runner.queued:
                print(summary.how_to_collect(command, sweep))
            hydra_job.note_exit_code(max(runner.exit_code, CRASH if unfinished else 0))

    def _pool(self, *, dry: bool) -> Pool:
        make_jobs = job_maker(self._context, self._config)
        if hasattr(self._launcher, "make_pool"):  # one of hydra_plugins/gan_launchers.py
            return cast(Pool, self._launcher.make_pool(make_jobs))
        if dry or self._n_jobs == 1 or not self._is_basic:
            return HydraPool(self._launcher)
        return SideBySide(make_jobs, self._n_jobs)

    def _record(self) -> None:
        """Write sweep.json, and multirun.yaml as Hydra's sweepers do."""
        if not self._config.get("dry_run"):
            sweep = Path(str(self._config.hydra.sweep.dir))
            folder.keep_record(sweep, self._command, finished=False)
            write_bytes(sweep / "multirun.yaml", without_passwords(OmegaConf.to_yaml(self._config)).encode())

    def _tell(self, stop: signals.Stopped, how_to_resume: str) -> None:
        """Print how to resume before the message about the stopped run, or in place of it if other processes train."""
        if self._is_basic and self._n_jobs == 1:
            print(how_to_resume, file=sys.stderr)
        else:
            stop.left = how_to_resume
