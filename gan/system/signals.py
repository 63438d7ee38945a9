"""Signal handling: signals that stop a run, and processes that end when their parent ends. Imports no torch."""

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

ORPHAN_SECONDS = 10.0  # time for a process to finish its update and save after its parent has ended
# If the system has them: SIGHUP when a terminal is closed, SIGUSR1 from a queue before the time limit.
OTHERS = [getattr(signal, name) for name in ("SIGHUP", "SIGUSR1") if hasattr(signal, name)]
SIGNALS = (signal.SIGINT, signal.SIGTERM, *OTHERS)
# A signal to a process group arrives twice: directly, and from the parent, which forwards it.
ECHO_SECONDS = 3.0
LOOK_SECONDS = 0.2  # interval between checks of the parent


@dataclass
class Listener:
    """The received signals, and what to do at the first one.

    Attributes:
        numbers, first_at: numbers of the signals in order, and the clock time of the first.
        finishes_update: the first signal only sets `pending`, which is checked after every update.
    """

    numbers: list[int] = field(default_factory=list)
    first_at: float = 0.0
    finishes_update: bool = False


_listener = Listener()  # global: a signal handler takes no other arguments


class Stopped(BaseException):
    """A signal has stopped the run. Not an Exception, so that no ``except Exception`` catches it.

    Attributes:
        left: message about what remains and how to continue; None: describe the run folder.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.left: str | None = None
        self.name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        self.exit_code = 128 + number  # as in a shell


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Inside the block, a stop signal raises `Stopped`. Signals that are ignored, e.g. by nohup, stay ignored.

    Only the main thread can handle signals; in another one, as of a notebook's server, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
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
            if process.is_first():  # not print(): the signal may interrupt one
                os.write(
                    2, b"\nStopping: this update is finished and the run saved; a second signal ends it at once.\n"
                )
            return
    raise Stopped(number)


def finish_update_first(wanted: bool) -> None:
    """Set `Listener.finishes_update`."""
    _listener.finishes_update = wanted


def pending() -> Stopped | None:
    """Return the signal that has arrived and is not yet handled; None if there is none."""
    return Stopped(_listener.numbers[0]) if _listener.numbers else None


def stop_behind(end: SystemExit) -> BaseException:
    """Return `Stopped` if a signal caused this SystemExit, else the SystemExit itself.

    An exception raised in a signal handler is lost if the handler runs inside a destructor. Lightning then ends the run
    at the next minibatch by a SystemExit with exit code 0, as at every SIGTERM.
    """
    return Stopped(_listener.numbers[-1]) if _listener.numbers else end


def end_with_parent() -> None:
    """When the parent has ended for any reason, send this process SIGTERM, and soon after kill it.

    For a rank of our launcher or a job of a sweep. The parent holds the other end of its standard input, and writes
    nothing to it. A rank that waits for the others to connect would wait half an hour, and no signal ends that.
    """

    def watch() -> None:
        os.read(0, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_SECONDS)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@functools.cache  # one watcher thread
def end_with_sweep() -> None:
    """In a worker process of a sweep, e.g. of joblib, end when the sweep has ended for any reason.

    Otherwise it would keep training in a folder that the restarted sweep needs.
    """
    parent = os.getppid()
    if process.current().sweep != parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)  # its job counts as interrupted

    threading.Thread(target=watch, daemon=True).start()
