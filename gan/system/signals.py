"""How a run ends before its time: a signal, or an error in one of several processes. Nothing here imports torch."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from gan.system.errors import GanError

MISTAKE = 2  # exit code of a user's mistake
CRASH = 1  # of a bug
ORPHAN_SECONDS = 10.0  # for a process whose parent has gone to finish its update and save
# Where the system has them: a terminal that is closed, and a queue's word that the time runs out.
OTHERS = [getattr(signal, name) for name in ("SIGHUP", "SIGUSR1") if hasattr(signal, name)]
SIGNALS = (signal.SIGINT, signal.SIGTERM, *OTHERS)
# In the processes of a launch of ours: the folder in which each of them leaves word of why it failed.
REPORTS_VARIABLE = "GAN_REPORTS"
COMMAND_VARIABLE = "GAN_COMMAND"  # in all processes of a run or a sweep: what the user typed, as JSON
OVERRIDES_VARIABLE = "GAN_OVERRIDES"  # in all processes of a run: the words that make it, as JSON
SWEEP_VARIABLE = "GAN_SWEEP_PROCESS"  # in a sweep: the id of the process that began it
POINT_VARIABLE = "GAN_POINT"  # there in the process of one point of a sweep, which is nothing else
ECHO_SECONDS = (
    3.0  # a signal to a whole group of processes comes twice: directly, and from the parent that passes it on
)
_received: list[int] = []
_first_at: list[float] = []
_update_is_finished_first: list[bool] = []
_watches_sweep: list[bool] = []
LOOK_SECONDS = 0.2  # from one look at the parent to the next


class Stopped(BaseException):
    """A signal has asked the run to end. Not an Exception: nobody on the way shall take it for one and go on.

    Attributes:
        left: what to say of what is left; None: of the run folder what there is to say.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.left: str | None = None
        self.name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        self.exit_code = 128 + number  # as a shell has it


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Inside, a signal to end raises `Stopped` wherever the program is. One that is ignored, as by nohup, stays so."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _received.clear()
        _first_at.clear()


def _stop(number: int, frame: FrameType | None) -> None:
    if _first_at and (started_by_us() or is_point()) and time.monotonic() - _first_at[0] < ECHO_SECONDS:
        return
    _received.append(number)
    _first_at.append(time.monotonic())
    if _update_is_finished_first and len(_received) == 1:
        if is_first():  # not print: the signal may have come in the middle of one
            os.write(2, b"\nStopping: this update is finished and the game saved; a second signal ends it at once.\n")
        return
    raise Stopped(number)


def finish_update_first(wanted: bool) -> None:
    """Whether the first signal only leaves word, for somebody who asks `asked` after every update, and saves."""
    _update_is_finished_first[:] = [True] if wanted else []


def asked() -> Stopped | None:
    """The signal to end that has come and is still to be followed, if one has."""
    return Stopped(_received[0]) if _received else None


def meant_by(end: SystemExit) -> BaseException:
    """What a SystemExit means: `Stopped`, if there was a signal; else itself.

    An exception that is raised in a signal's handler is lost if that happens inside a destructor. Lightning then ends
    the run at the next minibatch, as it does at every SIGTERM, by a SystemExit with exit code 0.
    """
    return Stopped(_received[-1]) if _received else end


# One of several processes.


def forget_left_over_ranks() -> None:
    """Ranks in the environment of a process that no launcher has started would make it log and write nothing."""
    names = [name for name in ("RANK", "LOCAL_RANK", "GROUP_RANK") if name in os.environ]
    if not names or "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun's, and ours
        return
    found = ", ".join(f"{name}={os.environ.pop(name)}" for name in names)
    print(f"{found} in the environment is ignored: torchrun has not started this process", file=sys.stderr)


class Report(NamedTuple):
    """What one process says of its error."""

    time: int
    rank: int
    exit_code: int
    text: str
    error: str  # in a line, for run.json


def started_by_us() -> bool:
    """True in a process of `gan.training.strategy.launch`, as opposed to a user's torchrun or SLURM."""
    return REPORTS_VARIABLE in os.environ


def is_point() -> bool:
    """True in a process that runs one point of a sweep, and in its ranks."""
    return POINT_VARIABLE in os.environ


def is_first() -> bool:
    """True in the process, perhaps the only one, that prints and writes: known before there is a Trainer."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def report(error: Exception, *, full: bool = False) -> int:
    """Leave word of the error that ends this process of a launch, and return its exit code.

    The first report of a process counts: what comes later may be a consequence.

    Args:
        full: a traceback also for a user's mistake.
    """
    if isinstance(error, GanError) and not full:
        exit_code, text = error.exit_code, str(error)
    else:
        exit_code, text = CRASH, "".join(traceback.format_exception(error)).rstrip()
    file = Path(os.environ[REPORTS_VARIABLE]) / os.environ["RANK"]
    if not file.exists():
        content: dict[str, Any] = {"time": time.time_ns(), "exit_code": exit_code, "text": text}
        content["error"] = in_a_line(error)
        unfinished = file.with_suffix(".tmp")
        unfinished.write_text(json.dumps(content))
        unfinished.rename(file)
    return exit_code


def in_a_line(error: Exception) -> str:
    """The class of an error, and the first line of what it says, 300 characters at most."""
    first = (str(error).strip().splitlines() or [""])[0][:300]
    return f"{type(error).__name__}: {first}"


def first_report(folder: Path) -> Report | None:
    """The report of the process that failed first, if any has left one yet."""
    files = [path for path in folder.iterdir() if path.suffix != ".tmp"]
    return min((Report(rank=int(path.name), **json.loads(path.read_text())) for path in files), default=None)


def end_with_parent() -> None:
    """When the parent has gone, however that happened, be asked to end, and soon be ended.

    For a process of a launch, or of a point of a sweep. The parent holds the other end of its standard input, and
    writes nothing to it. A launch's store is gone with the parent: a process that is looking for the others would wait
    for them for half an hour, deaf to signals.
    """

    def watch() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_SECONDS)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def end_with_sweep() -> None:
    """In a process that runs points for a sweep, as joblib's do: end when the sweep has gone, however that happened.

    Else it would train on, in a folder that the sweep, started again, wants to train in too.
    """
    parent = os.getppid()
    if os.environ.get(SWEEP_VARIABLE) != str(parent) or _watches_sweep:
        return
    _watches_sweep.append(True)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)  # what it was doing counts as cut

    threading.Thread(target=watch, daemon=True).start()
