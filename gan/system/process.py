"""Role of this process: started by the user, a rank of a run, or a job of a sweep. Imports no torch."""

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VARIABLE = "GAN_PROCESS"  # environment variable with a `Process` as JSON, set by the parent process
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
    before = os.environ.get(VARIABLE)
    os.environ.update(current().variables(**changes))
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        os.environ.update({} if before is None else {VARIABLE: before})


def user_command() -> list[str]:
    """Return the command line that started this run, without the interpreter."""
    told = current().command
    return [os.path.basename(sys.argv[0]), *sys.argv[1:]] if told is None else told


def is_rank() -> bool:
    """True in a rank of our launcher, not of torchrun or SLURM."""
    return current().errors is not None


def is_first() -> bool:
    """True in the process (rank 0) that prints and writes; works before there is a Trainer."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def local_rank() -> int:
    """Return the rank of this process on its machine; works before there is a Trainer."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")))


def ignore_old_ranks() -> None:
    """Remove a leftover rank from the environment if no launcher set it: with it, this process would write nothing."""
    names = [name for name in ("RANK", "LOCAL_RANK", "GROUP_RANK") if name in os.environ]
    if not names or LAUNCHED in os.environ:
        return
    found = ", ".join(f"{name}={os.environ.pop(name)}" for name in names)
    print(f"{found} in the environment is ignored: torchrun has not started this process", file=sys.stderr)
