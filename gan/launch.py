"""Between the command line and the run: Hydra's composition, and its mistakes in our words."""

import contextlib
import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, InstantiationException, MissingConfigException
from hydra.types import RunMode
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan.errors import ConfigError, GanError, unknown_name, unknown_setting
from gan.files import write_bytes

CONF = Path(__file__).parent.parent / "conf"
# How OpenMP's threads wait for each other, unless the user has it otherwise: spin briefly, then sleep. Read when torch
# is imported, so this stands before. Against spinning, on two free cores, it costs slides_mnist 3 % and kaggle_mnist
# 9 % of their images/s; with another busy process, where a spinning thread keeps the core from the one that it waits
# for, it gains 67 % and 44 %.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

MISTAKE = 2  # exit code of a user's mistake
# Of the jobs of this process, for what Hydra's main does not tell.
_begun: list[bool] = []
_exit_codes: list[int] = []


def job(function: Callable[[DictConfig], int | None]) -> Callable[[DictConfig], int]:
    """Make a job of Hydra's, one of perhaps many in a sweep: its exit code is its result, a user's mistake is answered.

    So a sweep goes on after a point that cannot run, and `run_command` knows of it at the end.
    """

    wants_tracebacks = os.environ.get("HYDRA_FULL_ERROR") == "1"

    @functools.wraps(function)
    def answered(config: DictConfig) -> int:
        _begun.append(True)
        try:
            code = function(config) or 0
        except (GanError, InstantiationException) as error:
            if wants_tracebacks:
                raise
            message = str(error) if isinstance(error, GanError) else in_our_words(error)
            hydra = HydraConfig.get()
            if hydra.mode == RunMode.MULTIRUN:
                message = f"run {hydra.job.num} of the sweep ({' '.join(hydra.overrides.task)}): {message}"
            print(message, file=sys.stderr)
            code = MISTAKE
        _exit_codes.append(code)
        return code

    return answered


def run_command(main: Callable[[], Any]) -> int:
    """Call a Hydra main whose function is a `job`, and return the exit code: the largest of its jobs'.

    A mistake in the command line itself is one message and exit code 2; a bug keeps its traceback. With
    ``HYDRA_FULL_ERROR=1`` in the environment everything does.
    """
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return max(_exit_codes, default=0)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # or Hydra would print the exception and exit before we see it
    try:
        main()
    except GanError as error:
        print(error, file=sys.stderr)
        return MISTAKE
    except (HydraException, OmegaConfBaseException) as error:
        print(in_our_words(error), file=sys.stderr)
        return MISTAKE
    except OSError as error:
        if _begun:
            raise
        print(f"hydra.run.dir: {error.filename} cannot be made: {error.strerror}", file=sys.stderr)
        return MISTAKE
    finally:
        del os.environ["HYDRA_FULL_ERROR"]
    return max(_exit_codes, default=0)


def in_our_words(error: Exception) -> str:
    """Hydra's message about a composition that failed, with the nearest valid name and without plus signs to try."""
    text = str(error)
    if isinstance(error, MissingConfigException) and (found := re.search(r"Could not find '(.+)/(.+?)'", text)):
        group, option = found.groups()
        return unknown_name(group, option, error.options or [])
    if found := re.search(r"Could not override '(.+?)'", text):
        return _unknown_setting(found[1])
    if isinstance(error, ConfigCompositionException) and error.__cause__ is not None:
        text = f"{text}: {error.__cause__}"
    return re.sub(r"\s*\n\s*", " ", text.strip())


def _unknown_setting(path: str) -> str:
    """What to say of a setting that does not exist: the names that do stand where it was looked for."""
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            node: Any = compose("config", [word for word in sys.argv[1:] if _chooses(word)])
    except HydraException:
        return f"{path}: no such setting"
    for depth, name in enumerate(path.split(".")):
        if not isinstance(node, DictConfig):
            return f"{path}: no such setting"
        if name not in node and _is_argument(name, node.get("_target_")):
            return f"{path}: conf/ does not set it; with a plus before it you can: +{path}=…"
        if name not in node:
            return unknown_setting(".".join(path.split(".")[: depth + 1]), name, map(str, node))
        node = node._get_node(name)
    return f"{path}: no such setting"


def _is_argument(name: str, target: str | None) -> bool:
    """True for an argument, such as Adam's weight_decay, of what a ``_target_`` names."""
    return target is not None and name in inspect.signature(get_method(target)).parameters


def _chooses(word: str) -> bool:
    """True for a word of the command line that chooses a group's option, such as ``model=mlp``."""
    group = word.partition("=")[0]
    return "=" in word and (CONF / group).is_dir()


def resolved(config: DictConfig) -> dict[str, Any]:
    """The configuration as plain containers, every reference replaced by what it refers to.

    Raises:
        ConfigError: a value is still missing (``???``), or a reference leads nowhere.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(in_our_words(error)) from error
    assert isinstance(plain, dict)
    return {str(name): node for name, node in plain.items()}


def claim_run_folder(settings: dict[str, Any]) -> Path:
    """Take the run folder for this run, and leave its configuration there.

    Raises:
        ConfigError: it holds another run, or cannot be written.
    """
    folder = Path(settings["run_dir"])
    config = folder / "config.yaml"
    if config.exists():
        raise ConfigError(
            f"hydra.run.dir: {folder} holds a run already, which stays as it is; "
            "give another folder, or leave hydra.run.dir out for a new one"
        )
    try:
        write_bytes(config, yaml.safe_dump(settings, sort_keys=False).encode())
    except OSError as error:
        raise ConfigError(f"hydra.run.dir: {folder} cannot be written: {error.strerror}") from error
    return folder


@contextlib.contextmanager
def clean_start(folder: Path) -> Iterator[None]:
    """If what is inside fails, remove what Hydra has made for a run that never began: empty folders, nothing else."""
    try:
        yield
    except BaseException:
        for path in (folder, *folder.parents[:2]):
            try:
                path.rmdir()
            except OSError:
                break
        raise


def child_arguments(run_dir: Path) -> Sequence[str]:
    """Command-line arguments with which train.py takes part, as one of several processes, in a run that is set up."""
    return [
        "--config-path",
        str(run_dir),
        "--config-name",
        "config",
        f"hydra.run.dir='{run_dir}'",
        "hydra.output_subdir=null",
        "hydra/job_logging=stdout",
    ]
