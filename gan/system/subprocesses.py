"""Processes that this one has started: deaf to what a terminal sends to all, and ended with this one."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gan.system import signals

GRACE_SECONDS = 20.0  # from the request to end to the end by force
LOOK_SECONDS = 0.1
Child = subprocess.Popen[bytes]


def start(
    command: Sequence[str], environment: Mapping[str, str], ignored: Sequence[int] = (), **arguments: Any
) -> Child:
    """A process that knows by its standard input, to which nothing is written, that this one lives.

    What a terminal sends to all it ignores for good: its parent passes on what is meant for it.

    Args:
        ignored: other signals that it ignores.
    """
    with ignore_signals(*ignored):
        return subprocess.Popen(command, env=dict(environment), stdin=subprocess.PIPE, **arguments)


@contextlib.contextmanager
def ended_together(children: list[Child], grace: float | None = None) -> Iterator[None]:
    """Whatever happens inside, none of the children, those added later included, runs any more afterwards.

    Args:
        grace: seconds that they have to end by themselves once they were asked to.
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
                child.communicate()  # nothing; waits, and closes our end of its input


def wait(children: Sequence[Child], seconds: float) -> None:
    """Until all have ended, but no longer than this."""
    last = time.monotonic() + seconds
    while any(child.poll() is None for child in children) and time.monotonic() < last:
        time.sleep(LOOK_SECONDS)


def exit_code(code: int) -> int:
    """As a shell has it: 128 + n for a process that was ended by signal n."""
    return 128 - code if code < 0 else code


def is_signal(code: int) -> bool:
    """Whether an exit code, of `subprocess` or a shell's, says that a signal has ended the process."""
    return exit_code(code) - 128 in signal.valid_signals()


def how_it_ended(code: int) -> str:
    """What an exit code other than 0 says of a process, as the end of a sentence."""
    if not is_signal(code):
        return f"ended with exit code {code}"
    name = signal.Signals(exit_code(code) - 128).name
    if code > 0:
        return f"was stopped by {name}"  # heard, and followed
    return f"was ended by {name}{' (by hand, or because memory ran out)' if name == 'SIGKILL' else ''}"


@contextlib.contextmanager
def ignore_signals(*also: int) -> Iterator[None]:
    """What is started inside ignores what a terminal sends to all, and these signals besides."""
    ignored = (*(number for number in signals.SIGNALS if number != signal.SIGTERM), *also)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
