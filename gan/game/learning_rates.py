"""Learning rates over a run: factors on the optimizers' rates, as functions of how far the run is.

No schedule has a state, so a resumed run needs none: the factor of an update depends on its number and on the length of
the run alone. That length is part of it: a finished run that is extended (a larger ``trainer.max_epochs``) has another
curve from there on, and its rate jumps up from where it had ended. Warm-up multiplies the rest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gan.system.errors import ConfigError

NETWORKS = ("generator", "discriminator")


class LRSchedule(Protocol):
    """A factor on the learning rates of ``networks``."""

    @property
    def networks(self) -> Sequence[str]: ...

    def factor(self, g_updates: int, total: int | None) -> float:
        """The factor, from 0 to 1, for the next update of either player.

        Args:
            g_updates: generator updates made so far, from 0.
            total: generator updates of the whole run; None if its length is not known.

        Raises:
            ConfigError: the factor depends on a length that is not known.
        """
        ...


# Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2: gradual warm-up.
def warmup_factor(g_updates: int, warmup: int) -> float:
    """1/warmup for the first update, rising by as much with each, 1 from update number ``warmup`` (from 1) on."""
    return min(1.0, (g_updates + 1) / warmup) if warmup > 0 else 1.0


def progress(g_updates: int, total: int | None) -> float:
    """The fraction of the run that is done, in [0, 1].

    Raises:
        ConfigError: the length of the run is not known.
    """
    if total is None:
        raise ConfigError(
            "lr_schedule: depends on the length of the run, which is not known; "
            "it needs trainer.max_epochs or trainer.max_steps"
        )
    return min(1.0, g_updates / total) if total > 0 else 1.0


@dataclass(frozen=True)
class Constant:
    """The optimizer's own rate, after ``warmup`` generator updates."""

    warmup: int = 0
    networks: Sequence[str] = NETWORKS

    def factor(self, g_updates: int, total: int | None) -> float:
        return warmup_factor(g_updates, self.warmup)


# Zhu et al. 2017, "Unpaired Image-to-Image Translation", section 4: the same rate for half the run, then linearly to 0.
@dataclass(frozen=True)
class Linear:
    """1 until the fraction ``start`` of the run, in [0, 1), then in a straight line to ``final`` at its end."""

    start: float = 0.5
    final: float = 0.0
    warmup: int = 0
    networks: Sequence[str] = NETWORKS

    def factor(self, g_updates: int, total: int | None) -> float:
        fraction = max(0.0, progress(g_updates, total) - self.start) / (1 - self.start)
        return warmup_factor(g_updates, self.warmup) * (1 + fraction * (self.final - 1))


# Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
@dataclass(frozen=True)
class Cosine:
    """Half a wave from 1 at the start of the run to ``final`` at its end."""

    final: float = 0.0
    warmup: int = 0
    networks: Sequence[str] = NETWORKS

    def factor(self, g_updates: int, total: int | None) -> float:
        height = (1 + math.cos(math.pi * progress(g_updates, total))) / 2
        return warmup_factor(g_updates, self.warmup) * (self.final + height * (1 - self.final))


LR_SCHEDULES: dict[str, type[Constant] | type[Linear] | type[Cosine]] = {
    "none": Constant,
    "linear": Linear,
    "cosine": Cosine,
}
