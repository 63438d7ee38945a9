"""Signals that end a run early, and processes that end when their parent does. Imports no torch."""

import contextlib
import functools
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType

from gan.system import process

MISTAKE = 2  # exit code of a user's mistake
CRASH = 1  # of a bug
ORPHAN_SECONDS = 10.0  # for a process whose parent has gone to finish its update and save
# Where the system has them: a terminal that is closed, and a queue's word that the time runs out.
OTHERS = [getattr(signal, name) for name in ("SIGHUP", "SIGUSR1") if hasattr(signal, name)]
SIGNALS = (signal.SIGINT, signal.SIGTERM, *OTHERS)
# A signal to a whole group of processes comes twice: directly, and from the parent that passes it on.
ECHO_SECONDS = 3.0
LOOK_SECONDS = 0.2  # from one look at the parent to the next


@dataclass
class Listener:
    """The signals that have come, and what is done about the first one.

    Attributes:
        numbers, first_at: of the signals in their order, and the clock at the first.
        finishes_update: the first signal only sets `pending`, which is read after every update.
    """

    numbers: list[int] = field(default_factory=list)
    first_at: float = 0.0
    finishes_update: bool = False


_listener = Listener()  # a signal handler has no other way to it


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
        _listener.numbers.clear()


def _stop(number: int, frame: FrameType | None) -> None:
    is_child = process.is_rank() or process.current().is_job
    if _listener.numbers and is_child and time.monotonic() - _listener.first_at < ECHO_SECONDS:
        return
    _listener.numbers.append(number)
    if len(_listener.numbers) == 1:
        _listener.first_at = time.monotonic()
        if _listener.finishes_update:
            if process.is_first():  # not print: the signal may have come in the middle of one
                os.write(
                    2, b"\nStopping: this update is finished and the game saved; a second signal ends it at once.\n"
                )
            return
    raise Stopped(number)


def finish_update_first(wanted: bool) -> None:
    """Set `Listener.finishes_update`."""
    _listener.finishes_update = wanted


def pending() -> Stopped | None:
    """The signal to end that has come and is still to be followed, if one has."""
    return Stopped(_listener.numbers[0]) if _listener.numbers else None


def stop_behind(end: SystemExit) -> BaseException:
    """What a SystemExit means: `Stopped`, if there was a signal; else itself.

    An exception that is raised in a signal's handler is lost if that happens inside a destructor. Lightning then ends
    the run at the next minibatch, as it does at every SIGTERM, by a SystemExit with exit code 0.
    """
    return Stopped(_listener.numbers[-1]) if _listener.numbers else end


def end_with_parent() -> None:
    """When the parent has gone, however that happened, be asked to end, and soon be ended.

    For a process of a launch, or of a job of a sweep. The parent holds the other end of its standard input, and
    writes nothing to it. A rank that is looking for the others would wait for them for half an hour, and no signal ends
    that.
    """

    def watch() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_SECONDS)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@functools.cache  # one watcher
def end_with_sweep() -> None:
    """In a process that runs points for a sweep, as joblib's do: end when the sweep has gone, however that happened.

    Else it would train on, in a folder that the sweep, started again, wants to train in too.
    """
    parent = os.getppid()
    if process.current().sweep != parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)  # what it was doing counts as cut

    threading.Thread(target=watch, daemon=True).start()
