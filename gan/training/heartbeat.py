"""Heartbeats between the machines of one run: a machine that disappears ends the run, with one message on each other.

A process that waits for another in an exchange of gradients waits half an hour (torch's timeout), and no signal ends
that. A shorter timeout would also end runs whose first process measures quality for longer. So each process has two
threads. One writes a counter to the store by which torch's processes have met, and reads the counters of all. The other
compares the time since each counter changed with a limit.
"""

import atexit
import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from gan.system import process

BEAT_SECONDS = 1.0
LIMIT_SECONDS = 15.0
START_SECONDS = 300.0  # until the first beat of the others: torchrun starts all at once, but imports may be slow
LOST_EXIT_CODE = 1
SEPARATOR = "/"


class Beat(NamedTuple):
    """What a process writes: a counter, the name of its machine, and whether or why it has ended."""

    number: int = 0
    host: str = "an unknown machine"
    done: bool = False
    error: str = ""


class Loss(NamedTuple):
    """Another process is lost: the message, and whether the process failed with an error."""

    message: str
    is_error: bool = False


class Store(Protocol):
    """The part of `torch.distributed.Store` that is used."""

    def set(self, key: str, value: str, /) -> object: ...
    def compare_set(self, key: str, expected: str, desired: str, /) -> object: ...
    def multi_get(self, keys: list[str], /) -> list[bytes]: ...


class Pulse:
    """Which processes are alive, from what they write and when. Knows no clock, thread or network.

    Attributes:
        beats: the newest beat of each process.
        is_broken: an exchange with another process has failed: one that has ended is missing, not done.
    """

    def __init__(self, rank: int, processes: int, now: float, limit: float = LIMIT_SECONDS) -> None:
        self.rank, self.limit = rank, limit
        self.beats = [Beat()] * processes
        self.is_broken = False
        self._began, self._heard = now, [now] * processes
        self._answered = self._looked = now

    def hear(self, beats: Sequence[Beat], now: float) -> None:
        """Note what the store has answered."""
        self._answered = now
        for rank, beat in enumerate(beats):
            if beat.number != self.beats[rank].number:
                self._heard[rank] = now
        self.beats = list(beats)

    def lost(self, now: float) -> Loss | None:
        """Return which other process has failed or is silent, if one is. Call it about every second."""
        if now - self._looked > self.limit / 4:  # this process itself was stopped: hear the others first
            self._heard, self._answered = [now] * len(self.beats), now
        self._looked = now
        others = [(rank, beat) for rank, beat in enumerate(self.beats) if rank != self.rank]
        for rank, beat in others:
            if beat.error:
                return Loss(f"{self._name(rank)} failed: {beat.error}", is_error=True)
        for rank, beat in others:
            if beat.done and self.is_broken:
                return Loss(f"{self._name(rank)} has left the run")
        if self.beats[0].done:  # the store may have been its own
            return None
        for rank, beat in others:
            if not beat.number and now - self._began > START_SECONDS:
                return Loss(f"{self._name(rank)} has not started after {START_SECONDS:.0f} s")
        # Up to the last answer of the store: when it is gone, nothing is known of the others.
        silent = {rank: self._answered - self._heard[rank] for rank, beat in others if beat.number and not beat.done}
        if now - self._answered > self.limit:
            silent = {0: now - self._answered}
        rank = max(silent, key=lambda rank: silent[rank], default=0)
        if silent.get(rank, 0.0) <= self.limit:
            return None
        return Loss(f"{self._name(rank)} has not answered for {silent[rank]:.0f} s")

    def _name(self, rank: int) -> str:
        return f"rank {rank} of {len(self.beats)} processes, on {self.beats[rank].host},"


class Heartbeat:
    """The threads of one process. `stop` it before the process leaves the group."""

    def __init__(self, store: Store, rank: int, processes: int, when_lost: Callable[[Loss], None]) -> None:
        """Start beating.

        Args:
            store: reached through a connection that nothing else uses: a call may wait for long.
            when_lost: called in a thread when another process is lost; it ends this process. It can be replaced.
        """
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # torchrun keeps its store for the next one
        self._keys = [SEPARATOR.join(("gan", "heartbeat", attempt, str(number))) for number in range(processes)]
        self._store, self._rank, self.when_lost = store, rank, when_lost
        self._pulse = Pulse(rank, processes, time.monotonic())
        self._own = Beat(host=socket.gethostname())
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._beat, self._watch)]
        for thread in self._threads:
            thread.start()
        atexit.register(self._quit)

    def _quit(self) -> None:
        """End the threads before the interpreter does: it would abort one that is inside torch."""
        self._ended.set()
        self._threads[0].join(BEAT_SECONDS)

    def stop(self, error: str = "") -> None:
        """Say that this process has ended, and watch no longer.

        Args:
            error: why, in one line; it ends the other processes. Empty: it has done its part.
        """
        if self._ended.is_set():
            return
        self._ended.set()
        last = threading.Thread(target=self._say, kwargs={"done": not error, "error": error}, daemon=True)
        last.start()
        last.join(BEAT_SECONDS)  # not for ever: the store may be gone
        atexit.unregister(self._quit)
        self._threads[0].join(BEAT_SECONDS)
        if error:
            time.sleep(2 * BEAT_SECONDS)  # the others hear it before the store ends with this machine

    def wait_for_loss(self) -> None:
        """After an exchange has failed: wait until the threads know which process is lost, and have ended this one."""
        self._pulse.is_broken = True
        self._ended.wait(LIMIT_SECONDS + 3 * BEAT_SECONDS)

    def _say(self, done: bool = False, error: str = "") -> None:
        with contextlib.suppress(Exception), self._lock:
            self._own = self._own._replace(number=self._own.number + 1, done=done, error=error)
            self._store.set(self._keys[self._rank], json.dumps(self._own))

    def _beat(self) -> None:
        with contextlib.suppress(Exception):  # the store is gone, for good: `_watch` notices the silence
            for key in self._keys:
                self._store.compare_set(key, "", json.dumps(Beat()))  # so that `multi_get` never waits
            while not self._ended.is_set():
                self._say()
                with self._lock:
                    beats = [Beat(*json.loads(value)) for value in self._store.multi_get(self._keys)]
                self._pulse.hear(beats, time.monotonic())
                self._ended.wait(BEAT_SECONDS)

    def _watch(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            lost = self._pulse.lost(time.monotonic())
            if lost is not None:
                self.when_lost(lost)
                return


def begin() -> Heartbeat | None:
    """In a process that torchrun started, begin to beat: its store is there before the processes meet. Else None."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or processes == 1 or process.is_rank():
        return None
    return connect(int(os.environ["RANK"]), processes, end_without)


def connect(rank: int, processes: int, when_lost: Callable[[Loss], None]) -> Heartbeat:
    """Begin to beat, in the store that the environment names."""
    from torch.distributed import TCPStore

    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=LIMIT_SECONDS))
    return Heartbeat(store, rank, processes, when_lost)


def end_without(loss: Loss, kept: str = "The run had not started.") -> None:
    """End this process at once: it waits for a lost one, and no exception reaches it there.

    The first process on each machine prints a message: what is lost, and what is kept.
    """
    if process.local_rank() == 0:
        print(f"{loss.message}; the run was stopped.\n{kept}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(LOST_EXIT_CODE)
