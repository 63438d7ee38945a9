"""Schedules: which networks are updated on each minibatch, and how many updates a run has."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol


class StepPlan(NamedTuple):
    """Which networks are updated, once each, on a minibatch."""

    discriminator: bool
    generator: bool


class Schedule(Protocol):
    """The step plan of every minibatch of a run."""

    @property
    def minibatches_per_generator_update(self) -> int:
        """Minibatches from one generator update to the next, in epochs that update the generator."""
        ...

    @property
    def reuse_fakes(self) -> bool:
        """Whether G, on a minibatch that also updates D, is updated on the same fakes, with new logits of them."""
        ...

    def plan(self, epoch: int, d_updates: int) -> StepPlan:
        """The plan of the next minibatch, from the epoch and the discriminator updates so far (both from 0)."""
        ...

    def step_counts(self, minibatches: int, batches: int) -> Counter[StepPlan]:
        """How often each plan occurs in the first ``minibatches`` minibatches, in epochs of ``batches`` each."""
        ...

    def generator_updates(self, epochs: int, batches: int) -> int:
        """Generator updates in ``epochs`` epochs of ``batches`` minibatches each."""
        ...

    def minibatches(self, generator_updates: int, batches: int) -> int:
        """Minibatches needed for ``generator_updates`` generator updates, in epochs of ``batches`` each."""
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

    def plan(self, epoch: int, d_updates: int) -> StepPlan:
        return StepPlan(discriminator=True, generator=(d_updates + 1) % self.n_critic == 0)

    def step_counts(self, minibatches: int, batches: int) -> Counter[StepPlan]:
        both = minibatches // self.n_critic
        return +Counter({StepPlan(True, True): both, StepPlan(True, False): minibatches - both})

    def generator_updates(self, epochs: int, batches: int) -> int:
        return epochs * batches // self.n_critic

    def minibatches(self, generator_updates: int, batches: int) -> int:
        return generator_updates * self.n_critic


@dataclass(frozen=True)
class AlternatingEpochs:
    """The discriminator trains for whole epochs, then the generator for whole epochs, and so on."""

    discriminator_epochs: int = 1
    generator_epochs: int = 1
    reuse_fakes: ClassVar[bool] = False  # no minibatch updates both networks

    @property
    def minibatches_per_generator_update(self) -> int:
        return 1

    def plan(self, epoch: int, d_updates: int) -> StepPlan:
        period = self.discriminator_epochs + self.generator_epochs
        discriminator = epoch % period < self.discriminator_epochs
        return StepPlan(discriminator, generator=not discriminator)

    def step_counts(self, minibatches: int, batches: int) -> Counter[StepPlan]:
        period = (self.discriminator_epochs + self.generator_epochs) * batches
        periods, rest = divmod(minibatches, period)
        in_last_period = max(0, rest - self.discriminator_epochs * batches)
        g_updates = periods * self.generator_epochs * batches + in_last_period
        return +Counter({StepPlan(True, False): minibatches - g_updates, StepPlan(False, True): g_updates})

    def generator_updates(self, epochs: int, batches: int) -> int:
        return self.step_counts(epochs * batches, batches)[StepPlan(False, True)]

    def minibatches(self, generator_updates: int, batches: int) -> int:
        generator_epochs = -(-generator_updates // batches)  # the last one may be incomplete
        periods_before = (generator_epochs - 1) // self.generator_epochs
        return (periods_before + 1) * self.discriminator_epochs * batches + generator_updates


SCHEDULES: dict[str, type[Steps] | type[AlternatingEpochs]] = {
    "steps": Steps,
    "alternating_epochs": AlternatingEpochs,
}
