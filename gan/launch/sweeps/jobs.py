"""Job of a sweep as a command line: a separate process, on this machine or on another."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.types import HydraContext
from omegaconf import DictConfig

from gan.launch.sweeps import failed_jobs
from gan.runs.sweep_jobs import reason, run_overrides
from gan.system import process, subprocesses
from gan.system.shell import quoted
from gan.system.subprocesses import Child

LOG = "output.log"  # in a job's folder: output of its process
GRACE_SECONDS = 25.0  # time to end after SIGTERM; the ranks of a job have a little less
GROUPS = ("hydra/sweeper", "hydra/launcher")
# Hydra overrides that define the sweep, or how its jobs run; a single job does not get them.
OF_THE_SWEEP = ("hydra.mode=", "hydra.sweep.", "hydra.run.", *GROUPS, *(group.replace("/", ".") for group in GROUPS))


@dataclass(frozen=True)
class Job:
    """One job, ready to run. It has only plain values, so it can be sent to another machine with the same disk.

    Attributes:
        number: number of the job in this process of the sweep.
        words: overrides of its run, for messages.
        folder: its run folder.
        command: the complete command line, to run in ``working_folder``.
        variables: additional environment variables.
    """

    number: int
    words: tuple[str, ...]
    folder: str
    command: tuple[str, ...]
    working_folder: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The job in messages: by its folder, because its number differs if the command is run again."""
        return f"job {Path(self.folder).name}"

    def start(self, own: Mapping[str, str] | None = None, *, task: int = 0, ignored: Sequence[int] = ()) -> Child:
        """Start its process, which writes its output to a file in its folder.

        Args:
            own: additional environment variables for this process only.
            task: number of this process, if a cluster starts several for one run.
            ignored: signals that it ignores.
        """
        environment = {**os.environ, **self.variables, **(own or {})}
        log = self.log.with_stem(f"{self.log.stem}_{task}") if task else self.log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            return subprocesses.start(
                self.command, environment, ignored, cwd=self.working_folder, stdout=file, stderr=file
            )

    @property
    def log(self) -> Path:
        return Path(self.folder) / LOG


def job_maker(context: HydraContext, config: DictConfig) -> Callable[[Sequence[Sequence[str]], int], list[Job]]:
    """Return a function that makes the jobs of the user's sweep, which a sweeper passes to a launcher.

    Its arguments are the overrides of each job, including ``hydra.sweep.dir`` and ``hydra.sweep.subdir``, and the
    number of the first job.
    """
    variables = process.Process(command=process.user_command(), is_job=True).variables()

    def jobs(overrides: Sequence[Sequence[str]], first: int) -> list[Job]:
        return [
            Job(
                number,
                tuple(run_overrides([word for word in words if not word.startswith("hydra.")])),
                str(folder),
                (*_program(config), *_of_one_run([*config.hydra.overrides.hydra, *words]), *_place(folder, number)),
                str(Path.cwd()),
                variables,
            )
            for number, words in enumerate(overrides, first)
            for folder in [_folder(context, config, words)]
        ]

    return jobs


def _program(config: DictConfig) -> list[str]:
    """Return the program, and the flags that select the same configuration."""
    sources = {source.provider: source.path for source in config.hydra.runtime.config_sources if source.path}
    where = {"--config-path": sources["main"], "--config-name": config.hydra.job.config_name}
    if "command-line" in sources:
        where["--config-dir"] = sources["command-line"]
    flags = [part for name, value in where.items() for part in (name, str(value))]
    return [sys.executable, "-u", *process.program(), *flags]


def _of_one_run(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.lstrip("+~").startswith(OF_THE_SWEEP)]


def _place(folder: Path, number: int) -> list[str]:
    return ["hydra.mode=RUN", f"hydra.run.dir={quoted(folder)}", f"hydra.job.num={number}"]


def _folder(context: HydraContext, config: DictConfig, words: Sequence[str]) -> Path:
    composed: Any = context.config_loader.load_sweep_config(config, list(words)).hydra.sweep
    return (Path(str(composed.dir)) / str(composed.subdir)).absolute()


def conclude(job: Job, code: int, why: str | None = None) -> int:
    """Return the exit code of an ended job; if it failed, print the reason, and record it if the job has not.

    Args:
        code: its exit code, of `subprocess` or of a shell.
        why: reason, if more is known than the exit code.
    """
    if code:
        failed_jobs.record(Path(job.folder), subprocesses.exit_code(code), why or subprocesses.how_it_ended(code))
        message = f"a job of the sweep ({' '.join(job.words)}): {reason(Path(job.folder))}"
        print(message, file=sys.stderr, flush=True)
    return subprocesses.exit_code(code)
