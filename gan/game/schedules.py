"""Schedules: whose turn it is. One minibatch is one turn, in which D, G or both are updated once."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol


class Turn(NamedTuple):
    """Who is updated on this minibatch."""

    discriminator: bool
    generator: bool


class Schedule(Protocol):
    """Says whose turn it is, from the epoch and the discriminator updates made so far (both from 0)."""

    @property
    def minibatches_per_generator_update(self) -> int:
        """Minibatches from one generator update to the next, while the generator has its turns."""
        ...

    @property
    def reuse_fakes(self) -> bool:
        """Is G, on a minibatch that is D's turn too, updated on the same fakes, judged anew?"""
        ...

    def turn(self, epoch: int, d_updates: int) -> Turn: ...

    def turns(self, minibatches: int, batches: int) -> Counter[Turn]:
        """Whose turn the first so many minibatches are, in epochs of ``batches`` each; none that is nobody's."""
        ...

    def generator_updates(self, epochs: int, batches: int) -> int:
        """Generator updates in so many epochs of so many minibatches each."""
        ...

    def minibatches(self, generator_updates: int, batches: int) -> int:
        """Minibatches until so many generator updates are made, in epochs of ``batches`` minibatches each."""
        ...


# Goodfellow et al. 2014, Algorithm 1: k discriminator steps, each on a new minibatch, then one generator step.
@dataclass(frozen=True)
class Steps:
    """``n_critic`` discriminator updates, each on a new minibatch, then one generator update."""

    n_critic: int = 1
    reuse_fakes: bool = False

    @property
    def minibatches_per_generator_update(self) -> int:
        return self.n_critic

    def turn(self, epoch: int, d_updates: int) -> Turn:
        return Turn(discriminator=True, generator=(d_updates + 1) % self.n_critic == 0)

    def turns(self, minibatches: int, batches: int) -> Counter[Turn]:
        both = minibatches // self.n_critic
        return +Counter({Turn(True, True): both, Turn(True, False): minibatches - both})

    def generator_updates(self, epochs: int, batches: int) -> int:
        return epochs * batches // self.n_critic

    def minibatches(self, generator_updates: int, batches: int) -> int:
        return generator_updates * self.n_critic


@dataclass(frozen=True)
class AlternatingEpochs:
    """The discriminator trains for whole epochs, then the generator for whole epochs, and so on."""

    discriminator_epochs: int = 1
    generator_epochs: int = 1
    reuse_fakes: ClassVar[bool] = False  # no minibatch is the turn of both

    @property
    def minibatches_per_generator_update(self) -> int:
        return 1

    def turn(self, epoch: int, d_updates: int) -> Turn:
        period = self.discriminator_epochs + self.generator_epochs
        discriminator = epoch % period < self.discriminator_epochs
        return Turn(discriminator, generator=not discriminator)

    def turns(self, minibatches: int, batches: int) -> Counter[Turn]:
        period = (self.discriminator_epochs + self.generator_epochs) * batches
        periods, rest = divmod(minibatches, period)
        in_the_last = max(0, rest - self.discriminator_epochs * batches)
        of_generator = periods * self.generator_epochs * batches + in_the_last
        return +Counter({Turn(True, False): minibatches - of_generator, Turn(False, True): of_generator})

    def generator_updates(self, epochs: int, batches: int) -> int:
        return self.turns(epochs * batches, batches)[Turn(False, True)]

    def minibatches(self, generator_updates: int, batches: int) -> int:
        generator_epochs = -(-generator_updates // batches)  # the last of them perhaps in part
        periods_before = (generator_epochs - 1) // self.generator_epochs
        return (periods_before + 1) * self.discriminator_epochs * batches + generator_updates


SCHEDULES: dict[str, type[Steps] | type[AlternatingEpochs]] = {
    "steps": Steps,
    "alternating_epochs": AlternatingEpochs,
}
