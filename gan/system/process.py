"""Role of this process: started by the user, a rank of a run, or a job of a sweep. Imports no torch."""

import contextlib
import dataclasses
import json
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan.system.passwords import without_passwords

VARIABLE = "GAN_PROCESS"  # environment variable with a `Process` as JSON, set by the parent process
GAN_TRAIN = ["gan", "train"]
FULL_ERRORS = "HYDRA_FULL_ERROR"  # Hydra's: at 1, errors have tracebacks; `gan --debug` sets it
LAUNCHED = "TORCHELASTIC_RUN_ID"  # set in a rank started by torchrun or our launcher


@dataclass(frozen=True)
class Process:
    """What a process knows about the command that it belongs to.

    Attributes:
        command: the command that the user typed, without the interpreter; None: the user started this process.
        overrides: overrides of this run; in a job of a sweep its own, each with one value. Empty if unknown.
        errors: in a rank of our launcher, the folder for its error; None in all other processes.
        sweep: process id of the sweep that started this process, or of this process if it is the sweep.
        is_job: True in a process that runs one job of a sweep, and in its ranks.
    """

    command: list[str] | None = None
    overrides: list[str] = dataclasses.field(default_factory=list)
    errors: str | None = None
    sweep: int | None = None
    is_job: bool = False

    def variables(self, **changes: Any) -> dict[str, str]:
        """Return the environment variable that passes this to a new process, with some attributes changed."""
        return {VARIABLE: json.dumps(dataclasses.asdict(dataclasses.replace(self, **changes)))}


def current() -> Process:
    """Return what the parent process has set for this process."""
    return Process(**json.loads(os.environ.get(VARIABLE, "{}")))


@contextlib.contextmanager
def as_parent(**changes: Any) -> Iterator[None]:
    """Inside the block, change these attributes for this process and for those that it starts."""
    with variable(VARIABLE, current().variables(**changes)[VARIABLE]):
        yield


@contextlib.contextmanager
def variable(name: str, value: str | None) -> Iterator[None]:
    """Inside the block, an environment variable has this value; None: it is not set."""
    before = os.environ.pop(name, None)
    try:
        os.environ.update({} if value is None else {name: value})
        yield
    finally:
        os.environ.pop(name, None)
        os.environ.update({} if before is None else {name: before})


def user_command() -> list[str]:
    """Return the command line that started this run, without the interpreter: a script, or `gan train`, and words.

    It is saved in run.json and printed in messages, so passwords in URLs are replaced.
    """
    command = current().command
    if command is not None:
        return command
    return [*(GAN_TRAIN if _is_gan() else [os.path.basename(sys.argv[0])]), *map(without_passwords, sys.argv[1:])]


def is_of_gan() -> bool:
    """True if the user has started this run, or this process, by the `gan` command, not by a script."""
    command = current().command
    return _is_gan() if command is None else command[:1] == GAN_TRAIN[:1]


def _is_gan() -> bool:
    program = Path(sys.argv[0])
    return program.name in ("gan", "gan.exe") or program.parts[-2:] == ("gan", "__main__.py")


def program() -> list[str]:
    """Return the interpreter's arguments that start this training program again: its script, or `gan train`."""
    return gan_train() if _is_gan() else [str(Path(sys.argv[0]).resolve())]


def gan_train() -> list[str]:
    """Return the interpreter's arguments that start `gan train`."""
    # The console script does not have the current folder on its path. A module found there must not be used.
    has_current_folder = sys.modules["__main__"].__spec__ is not None and not sys.flags.safe_path
    return [*([] if has_current_folder else ["-P"]), "-m", *GAN_TRAIN]


def is_own_program() -> bool:
    """True if the interpreter was started for this program; False if another, such as pytest, calls it."""
    return sys.argv[0] in sys.orig_argv or (_is_gan() and GAN_TRAIN[0] in sys.orig_argv)


def is_rank() -> bool:
    """True in a rank of our launcher, not of torchrun or SLURM."""
    return current().errors is not None


def started_by_torchrun() -> int:
    """Number of processes that torchrun, or our launcher, started with this one; 0 without it."""
    return int(os.environ.get("WORLD_SIZE", "1")) if LAUNCHED in os.environ else 0


def is_first() -> bool:
    """True in the process (rank 0) that prints and writes; works before there is a Trainer."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def local_rank() -> int:
    """Return the rank of this process on its machine; works before there is a Trainer."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")))


def hide_lost_connections() -> None:
    """In one process of several, hide torch's C++ warnings about sockets; works before torch is imported.

    When a machine is lost, each of the others would print some with stack traces around the message that names it.
    """
    if LAUNCHED in os.environ or "SLURM_PROCID" in os.environ:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def hide_deprecations() -> None:
    """Hide a warning of torch about torch's and Lightning's own code, which users cannot change."""
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)


def ignore_old_ranks() -> None:
    """Remove a leftover rank from the environment if no launcher set it: with it, this process would write nothing."""
    names = [name for name in ("RANK", "LOCAL_RANK", "GROUP_RANK") if name in os.environ]
    if not names or LAUNCHED in os.environ:
        return
    found = ", ".join(f"{name}={os.environ.pop(name)}" for name in names)
    print(f"{found} in the environment is ignored: torchrun has not started this process", file=sys.stderr)
