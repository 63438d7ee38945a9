"""Learning-rate schedules: factors on the optimizers' rates, as functions of the progress of a run.

Schedules have no state: the factor depends only on the number of the update and the length of the run. If a finished
run is extended (a larger ``trainer.max_epochs``), the curve changes and the rate jumps up. Warm-up is a further factor.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from gan.system.errors import ConfigError
from gan.system.ranges import Fraction, NonNegativeInt, Range, SomeOf
from gan.system.value_types import Checked

NETWORKS = ("generator", "discriminator")


Networks = Annotated[Sequence[str], SomeOf(NETWORKS)]


class LRSchedule(Checked, ABC):
    """A factor on the learning rates; base class of all learning-rate schedules.

    Attributes:
        needs_length: the factor depends on the length of the run.
        networks: the networks that use this schedule.
    """

    needs_length: ClassVar[bool] = False
    networks: Networks = NETWORKS

    @abstractmethod
    def factor(self, g_updates: int, total: int | None) -> float:
        """The factor, from 0 to 1, for the next update of either network.

        Args:
            g_updates: generator updates so far, from 0.
            total: generator updates of the whole run; None if its length is unknown.

        Raises:
            ConfigError: the factor depends on the length, which is unknown.
        """


# Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2: gradual warm-up.
def warmup_factor(g_updates: int, warmup: int) -> float:
    """1/warmup for the first update, rising linearly to 1 at update number ``warmup`` (from 1)."""
    return min(1.0, (g_updates + 1) / warmup) if warmup > 0 else 1.0


def progress(g_updates: int, total: int | None) -> float:
    """The finished fraction of the run, in [0, 1].

    Raises:
        ConfigError: the length of the run is unknown.
    """
    if total is None:
        raise ConfigError(
            "lr_schedule: depends on the length of the run, which is not known: it needs trainer.max_epochs or "
            "trainer.max_steps; in a loop of your own, set Game.total_updates to the number of generator updates"
        )
    return min(1.0, g_updates / total) if total > 0 else 1.0


@dataclass(frozen=True)
class Constant(LRSchedule):
    """The optimizer's rate, constant after a warm-up.

    Attributes:
        warmup: generator updates at the start in which the rate rises linearly; 0 for none.
        networks: the networks that use this schedule.
    """

    warmup: NonNegativeInt = 0
    networks: Networks = NETWORKS

    def factor(self, g_updates: int, total: int | None) -> float:
        return warmup_factor(g_updates, self.warmup)


# Zhu et al. 2017, "Unpaired Image-to-Image Translation", section 4: the same rate for half the run, then linearly to 0.
@dataclass(frozen=True)
class Linear(LRSchedule):
    """1 until the fraction ``start`` of the run, then linear to ``final`` at its end.

    Attributes:
        start: fraction of the run before the rate falls.
        final: fraction of the rate at the end of the run.
        warmup: generator updates at the start in which the rate rises linearly; 0 for none.
        networks: the networks that use this schedule.
    """

    needs_length = True
    start: Annotated[float, Range(least=0, below=1)] = 0.5
    final: Fraction = 0.0
    warmup: NonNegativeInt = 0
    networks: Networks = NETWORKS

    def factor(self, g_updates: int, total: int | None) -> float:
        fraction = max(0.0, progress(g_updates, total) - self.start) / (1 - self.start)
        return warmup_factor(g_updates, self.warmup) * (1 + fraction * (self.final - 1))


# Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
@dataclass(frozen=True)
class Cosine(LRSchedule):
    """Half a cosine wave from 1 at the start of the run to ``final`` at its end.

    Attributes:
        final: fraction of the rate at the end of the run.
        warmup: generator updates at the start in which the rate rises linearly; 0 for none.
        networks: the networks that use this schedule.
    """

    needs_length = True
    final: Fraction = 0.0
    warmup: NonNegativeInt = 0
    networks: Networks = NETWORKS

    def factor(self, g_updates: int, total: int | None) -> float:
        height = (1 + math.cos(math.pi * progress(g_updates, total))) / 2
        return warmup_factor(g_updates, self.warmup) * (self.final + height * (1 - self.final))
