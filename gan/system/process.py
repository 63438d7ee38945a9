"""What this process is: the one that the user started, a rank of a run, or a job of a sweep. Imports no torch."""

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VARIABLE = "GAN_PROCESS"  # in the environment, as JSON: what the process that started this one tells it
LAUNCHED = "TORCHELASTIC_RUN_ID"  # in a rank that torchrun or our launcher has started


@dataclass(frozen=True)
class Process:
    """What a process knows of the command that it is a part of.

    Attributes:
        command: what the user typed, without the interpreter; None: this process is the one that was typed.
        overrides: that make this run; of a job of a sweep its own, each with one value. Empty if nobody knows.
        errors: in a rank of our launcher the folder in which it leaves its error; None in all other processes.
        sweep: id of the process of the sweep that has started this one, or is this one.
        is_job: True in a process that runs one job of a sweep, and in its ranks.
    """

    command: list[str] | None = None
    overrides: list[str] = dataclasses.field(default_factory=list)
    errors: str | None = None
    sweep: int | None = None
    is_job: bool = False

    def variables(self, **changes: Any) -> dict[str, str]:
        """The environment variable by which a process that is started knows this, with some attributes changed."""
        return {VARIABLE: json.dumps(dataclasses.asdict(dataclasses.replace(self, **changes)))}


def current() -> Process:
    """What this process was told by the one that started it."""
    return Process(**json.loads(os.environ.get(VARIABLE, "{}")))


@contextlib.contextmanager
def as_parent(**changes: Any) -> Iterator[None]:
    """Inside, this process and those that it starts are told this too."""
    before = os.environ.get(VARIABLE)
    os.environ.update(current().variables(**changes))
    try:
        yield
    finally:
        os.environ.pop(VARIABLE, None)
        os.environ.update({} if before is None else {VARIABLE: before})


def user_command() -> list[str]:
    """The command line that began this run, without the interpreter."""
    told = current().command
    return [os.path.basename(sys.argv[0]), *sys.argv[1:]] if told is None else told


def is_rank() -> bool:
    """True in a rank of our own launcher, as opposed to a user's torchrun or SLURM."""
    return current().errors is not None


def is_first() -> bool:
    """True in the process, perhaps the only one, that prints and writes: known before there is a Trainer."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def local_rank() -> int:
    """The number of this process on its machine: known before there is a Trainer."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")))


def ignore_old_ranks() -> None:
    """Remove a rank from the environment that no launcher has set: this process would log and write nothing."""
    names = [name for name in ("RANK", "LOCAL_RANK", "GROUP_RANK") if name in os.environ]
    if not names or LAUNCHED in os.environ:
        return
    found = ", ".join(f"{name}={os.environ.pop(name)}" for name in names)
    print(f"{found} in the environment is ignored: torchrun has not started this process", file=sys.stderr)
