"""A pool with a virtual clock: jobs of pretended lengths run in this process, each when it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hydra.plugins.launcher import Launcher

from gan.launch.sweeps import sweeping
from gan.launch.sweeps.pools import HydraPool, Overrides


@dataclass
class Clock:
    """The virtual time, and who worked when.

    Attributes:
        now: seconds since the start.
        busy: for each moment at which a job ended, how many jobs had been running.
        begun: overrides of the jobs with the time at which each began.
        killed_at: time from which no job ends any more: the sweep is killed.
    """

    now: float = 0.0
    busy: list[int] = field(default_factory=list)
    begun: list[tuple[float, Overrides]] = field(default_factory=list)
    killed_at: float = float("inf")


class VirtualPool(HydraPool):
    """Runs the job that ends first when it ends, and reports only it."""

    def __init__(self, launcher: Launcher, slots: int, clock: Clock, seconds: Callable[[Overrides], float]) -> None:
        super().__init__(launcher)
        self.slots, self._clock, self._seconds = slots, clock, seconds
        self._running: dict[int, tuple[float, Overrides]] = {}

    def start(self, overrides: Sequence[Overrides], first: int) -> None:
        for number, words in enumerate(overrides, first):
            self._running[number] = (self._clock.now + self._seconds(words), words)
            self._clock.begun.append((self._clock.now, words))
        assert len(self._running) <= self.slots

    def ended(self) -> dict[int, int]:
        number = min(self._running, key=lambda one: self._running[one])
        self._clock.busy.append(len(self._running))
        self._clock.now, words = self._running.pop(number)
        if self._clock.now > self._clock.killed_at:
            raise KilledSweep
        super().start([words], number)
        return super().ended()


class KilledSweep(BaseException):
    """As by ``kill -9`` of the sweep: nothing on the way handles it."""


def use(patch: pytest.MonkeyPatch, seconds: Callable[[Overrides], float]) -> Clock:
    """Let sweeps with ``hydra.sweeper.n_jobs`` above 1 run in a virtual pool; ``seconds`` gives the length of a job."""
    clock = Clock()

    def pool(self: sweeping.Sweep, *, dry: bool) -> VirtualPool:
        return VirtualPool(self._launcher, self._n_jobs, clock, seconds)

    patch.setattr(sweeping.Sweep, "_pool", pool)
    return clock
