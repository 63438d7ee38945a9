"""Hydra jobs: run a composed configuration, turn errors into messages and exit codes, and claim the run folder."""

import functools
import itertools
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    OmegaConfBaseException,
)

from gan.config.defaults import completed
from gan.config.experiments import without_leftovers
from gan.config.moved import moved_paths, updated
from gan.config.options.conf_files import yaml_message
from gan.launch import command_line, resume
from gan.launch.hydra_messages import hydra_message
from gan.launch.known_command import known_command
from gan.launch.sweeps import failed_jobs
from gan.runs import run_end, run_folder, user_errors
from gan.runs.resume import ResumeState
from gan.system import cpu_threads, process, rank_errors, signals, tensor_memory
from gan.system.errors import MISTAKE, ConfigError, GanError
from gan.system.passwords import without_passwords
from gan.system.process import FULL_ERRORS, variable
from gan.system.trust import trusted

logging.getLogger("matplotlib").setLevel(logging.WARNING)  # torchmetrics imports it; it logs its font cache
logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.WARNING)  # logs its cache when the process ends
# Hydra 1.4 warns about two things that Hydra 1.3 needs: version_base, and instantiate() without a list of allowed
# targets, an argument Hydra 1.3 does not have (gan/config/target_validation.py checks every target before).
for message in ("The version_base parameter is deprecated", "hydra.utils.instantiate.. resolved _target_"):
    warnings.filterwarnings("ignore", message)

BEGUN = cpu_threads.sample_load()

WANTS_TRACEBACKS = os.environ.get(FULL_ERRORS) == "1"


def job(function: Callable[[DictConfig], int | None]) -> Callable[[DictConfig], int]:
    """Decorate a function as a Hydra job: the job returns an exit code, and prints a user's error as one message.

    A sweep therefore continues after a failed job, and `run_command` reports the failure at the end. In a rank, the
    error is saved for the launcher, which prints it.
    """

    @functools.wraps(function)
    def answered(config: DictConfig) -> int:
        command_line.current().has_begun = True
        signals.end_with_sweep()
        try:
            cpu_threads.set_wait_policy(BEGUN)
            if not command_line.current().raises:  # the process is ours, not that of a program that calls gan.train
                tensor_memory.keep_freed_memory()
            # HYDRA_FULL_ERROR as the user set it: subprocesses inherit it
            with (
                variable(FULL_ERRORS, "1" if WANTS_TRACEBACKS else None),
                known_command(config),
                user_errors.one_message(),
            ):
                code = function(config) or 0
            if code and failed_jobs.in_sweep():
                why = f"ended with exit code {code}; the reason is printed above"
                failed_jobs.record(Path(str(config.run_dir)), code, why)
        except SystemExit as end:
            raise signals.stop_behind(end) from None
        except Exception as raised:
            error = _to_user_error(raised, config)
            # Hydra 1.3 wraps what a constructor raises, Hydra 1.4 does not.
            missing = isinstance(raised, ModuleNotFoundError) and "Requirement" in str(raised)
            if isinstance(raised, InstantiationException) or missing:
                error = ConfigError(hydra_message(raised))
            if isinstance(error, resume.FinishedError):
                print(error)
                command_line.current().finished = error.folder
                code = 0
            elif process.is_rank():
                code = rank_errors.leave(error, full=WANTS_TRACEBACKS)
            elif failed_jobs.in_sweep():
                code = failed_jobs.tell(Path(str(config.run_dir)), error, full=WANTS_TRACEBACKS)
            elif command_line.current().raises and isinstance(error, GanError):
                command_line.current().error = error  # raised here, Hydra would print it
                code = error.exit_code
            elif WANTS_TRACEBACKS or not isinstance(error, GanError):
                raise
            else:
                print(error, file=sys.stderr)
                code = error.exit_code
        note_exit_code(code)
        return code

    return answered


def _to_user_error(error: Exception, config: DictConfig) -> Exception:
    batch_size = OmegaConf.select(config, "data.batch_size", default=None)
    folder = Path(str(OmegaConf.select(config, "run_dir", default=os.curdir)))
    return user_errors.to_user_error(error, folder, batch_size if isinstance(batch_size, int) else None)


def note_exit_code(code: int) -> None:
    """Store the exit code of a job of this or another process; ``run_command`` returns the largest."""
    command_line.current().exit_codes.append(code)


def run_command(main: Callable[[], Any], *, raises: bool = False) -> int:
    """Call a Hydra main whose function is a `job`, and return the largest exit code of its jobs.

    An error in the command line prints one message and gives exit code 2; a bug keeps its traceback. With
    ``HYDRA_FULL_ERROR=1`` in the environment, every error keeps its traceback. A signal that stops the run prints one
    message with what the run folder contains, and gives 128 + its number; a sweep starts no further job.

    With ``raises``, for a caller in Python, an error in the command line is raised, and so is KeyboardInterrupt.
    """
    command_line.begin(raises=raises)
    process.ignore_old_ranks()
    process.hide_lost_connections()
    if os.getcwd() not in sys.path:  # last, so that a file here cannot replace an installed module
        sys.path.append(os.getcwd())
    if os.environ.get("GAN_DATA") == "":  # empty means unset
        del os.environ["GAN_DATA"]
    if process.is_rank() or process.current().is_job:
        signals.end_with_parent()
    try:
        words = sys.argv[1:]
        if not process.is_rank():  # the launcher wrote those of a rank
            words = command_line.readable(words)
        sys.argv[1:] = resume.without_run(words)
        with signals.listening(), variable(FULL_ERRORS, "1"):  # else Hydra prints an exception and exits by itself
            code = _run_jobs(main)
        if (raised := command_line.current().error) is not None:
            raise raised
        return code
    except GanError as error:
        if WANTS_TRACEBACKS or raises:
            raise
        print(error, file=sys.stderr)
        return MISTAKE
    except signals.Stopped as stop:
        if process.is_first() and not process.is_rank():
            left = run_end.describe_stopped_run(run_folder.claimed()) if stop.left is None else stop.left
            print(f"Stopped by {stop.name}. {left}", file=sys.stderr)
        if raises:
            raise KeyboardInterrupt from stop
        return stop.exit_code


def _run_jobs(main: Callable[[], Any]) -> int:
    try:
        try:
            main()
        except yaml.YAMLError as error:  # of a file in the user's --config-dir
            raise ConfigError(yaml_message(error)) from error
    except (GanError, HydraException, OmegaConfBaseException) as error:
        if WANTS_TRACEBACKS:
            raise
        if command_line.current().raises:
            raise error if isinstance(error, GanError) else ConfigError(hydra_message(error)) from error
        print(without_passwords(str(error) if isinstance(error, GanError) else hydra_message(error)), file=sys.stderr)
        return error.exit_code if isinstance(error, GanError) else MISTAKE
    except OSError as error:
        if command_line.current().has_begun or WANTS_TRACEBACKS:
            raise
        print(f"hydra.run.dir: {error.filename} cannot be created: {error.strerror}", file=sys.stderr)
        return MISTAKE
    return max(command_line.current().exit_codes, default=0)


def resolved(config: DictConfig) -> dict[str, Any]:
    """Return the configuration as plain containers with all interpolations resolved.

    Drops the settings that an experiment made for an option that the command line has replaced.

    Raises:
        ConfigError: a value is missing (``???``), or an interpolation cannot be resolved.
    """
    hydra: Any = HydraConfig.get() if HydraConfig.initialized() else OmegaConf.create()
    if OmegaConf.select(hydra, "job.chdir", default=False):
        os.chdir(HydraConfig.get().runtime.cwd)
        raise ConfigError("hydra.job.chdir: true given, false expected: relative paths are relative to where you start")
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(hydra_message(error)) from error
    assert isinstance(plain, dict)
    if not plain.get("run_dir") or not isinstance(plain["run_dir"], str):
        raise ConfigError(f"run_dir: {plain.get('run_dir')!r} given, a folder expected; hydra.run.dir=FOLDER names it")
    settings = {str(name): node for name, node in plain.items() if name not in ("resume", "trust")}
    words = command_line.task_words()
    given = {word.lstrip("+~").partition("=")[0] for word in words}
    return completed(without_leftovers(updated(settings, given), words))


def resolve(config: DictConfig) -> tuple[dict[str, Any], ResumeState | None]:
    """Return the settings of the run, and its state if it is resumed (see ``gan.launch.resume.resolve``)."""
    if not process.is_rank():
        given: Any = OmegaConf.to_container(config, resolve=False)
        for line in moved_paths(given):
            print(line, file=sys.stderr)
    return resume.resolve(resolved(config), _asked(config), _trusted(config))


def _trusted(config: DictConfig) -> tuple[str, ...]:
    """Return the packages that the user trusts.

    Raises:
        ConfigError: ``trust`` is not a list of names.
    """
    given: Any = config.get("trust") or []
    packages: Any = OmegaConf.to_container(given, resolve=True) if OmegaConf.is_config(given) else given
    if not isinstance(packages, list) or not all(isinstance(name, str) for name in packages):
        raise ConfigError(f"trust: {packages!r} given, a list of packages expected, such as trust=[mypkg]")
    return trusted(packages)


def _asked(config: DictConfig) -> dict[str, Any] | None:
    """Return the node ``resume`` as plain containers; a list from the command line is an OmegaConf type."""
    node = config.get("resume")
    plain: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else None
    return plain


def claim_run_folder(config: DictConfig, settings: dict[str, Any], past: ResumeState | None = None) -> dict[str, Any]:
    """Claim the run folder for this run, and return the settings as config.yaml contains them.

    A resumed run keeps its own folder.

    If the user named no folder, and another run that started in the same second has claimed the default one, claim the
    next free name: ``…-2`` and so on.

    Raises:
        ConfigError: the folder contains another run or a running one, cannot be written, or its disk is full.
    """
    if past is not None:
        resume.print_state(past)
        aside = run_folder.reclaim(settings, anew=past.checkpoint is None)
        if aside is not None:
            print(f"resume: the earlier files of the run are in {aside}", file=sys.stderr)
        return settings
    first = config.run_dir
    for number in itertools.count(2):
        settings = resolved(config)
        try:
            run_folder.claim(settings)
            return settings
        except run_folder.ClaimedError:
            if resume.folder_was_given():
                if (_asked(config) or {}).get("run") == resume.AUTO:  # another process claimed it just now
                    raise ConfigError(run_folder.in_use_message(first)) from None
                raise
            config.run_dir = f"{first}-{number}"
    raise AssertionError("not reached")


def launch(run_dir: Path, checkpoint: Path | None, processes: int) -> int:
    """Train in several processes on this machine; replace this process by their launcher if it has no other work.

    Args:
        run_dir: the run folder, which this process has claimed.
        checkpoint: the checkpoint to resume from; None for a new run.

    Returns:
        The exit code of the run.
    """
    from gan.launch import launcher

    arguments = launcher.child_arguments(run_dir, checkpoint)
    alone = process.is_own_program() and not failed_jobs.in_sweep() and hasattr(signal, "pthread_sigmask")
    return (launcher.become if alone else launcher.launch)(process.program(), arguments, processes)
