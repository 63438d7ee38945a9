"""Subprocesses: they ignore signals from the terminal, and end when this process ends."""

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gan.system import signals

GRACE_SECONDS = 20.0  # from the request to end (SIGTERM) to the kill (SIGKILL)
LOOK_SECONDS = 0.1
Child = subprocess.Popen[bytes]


def start(
    command: Sequence[str], environment: Mapping[str, str], ignored: Sequence[int] = (), **arguments: Any
) -> Child:
    """Start a process whose standard input stays open, with nothing written to it, while this process lives.

    It ignores signals from the terminal: its parent forwards those that it needs.

    Args:
        ignored: other signals that it ignores.
    """
    with ignore_signals(*ignored):
        return subprocess.Popen(command, env=dict(environment), stdin=subprocess.PIPE, **arguments)


@contextlib.contextmanager
def ended_together(children: list[Child], grace: float | None = None) -> Iterator[None]:
    """After the block, end all children, including those added inside it, also after an exception.

    Args:
        grace: seconds that they have to end by themselves after SIGTERM.
    """
    try:
        yield
    finally:
        for child in children:
            child.terminate()
        try:
            wait(children, GRACE_SECONDS if grace is None else grace)
        finally:
            for child in children:
                child.kill()
                child.communicate()  # reads nothing; waits, and closes our end of its input


def wait(children: Sequence[Child], seconds: float) -> None:
    """Wait until all children have ended, or this many seconds have passed."""
    last = time.monotonic() + seconds
    while any(child.poll() is None for child in children) and time.monotonic() < last:
        time.sleep(LOOK_SECONDS)


def exit_code(code: int) -> int:
    """Return the exit code as in a shell: 128 + n for a process ended by signal n."""
    return 128 - code if code < 0 else code


def is_signal(code: int) -> bool:
    """True if an exit code, of `subprocess` or of a shell, means that a signal ended the process."""
    return exit_code(code) - 128 in signal.valid_signals()


def how_it_ended(code: int) -> str:
    """Describe an exit code other than 0, as the end of a sentence."""
    if not is_signal(code):
        return f"ended with exit code {code}"
    name = signal.Signals(exit_code(code) - 128).name
    if code > 0:
        return f"was stopped by {name}"  # it handled the signal itself
    return f"was ended by {name}{' (by hand, or because memory ran out)' if name == 'SIGKILL' else ''}"


@contextlib.contextmanager
def ignore_signals(*also: int) -> Iterator[None]:
    """Processes started inside the block ignore signals from the terminal, and the signals in ``also``.

    Outside the main thread, where Python cannot change how signals are handled, they do not.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ignored = (*(number for number in signals.SIGNALS if number != signal.SIGTERM), *also)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
