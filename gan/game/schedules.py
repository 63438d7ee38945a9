"""Schedules: which networks are updated on each minibatch, and how many updates a run has."""

import itertools
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gan.system.errors import ConfigError
from gan.system.ranges import PositiveInt
from gan.system.value_types import Checked

SEARCHED = 1000  # epochs in which a schedule must update the generator


class StepPlan(NamedTuple):
    """Which networks are updated, once each, on a minibatch."""

    discriminator: bool
    generator: bool


class Schedule(Checked, ABC):
    """The step plan of every minibatch of a run; base class of all schedules.

    A subclass implements `plan`. The counts below follow from it by trying the plans one after another; override them
    where a formula is faster.

    Attributes:
        reuse_fakes: whether G, on a minibatch that also updates D, is updated on the same fakes, with new logits.
        minibatches_per_generator_update: minibatches from one generator update to the next, in epochs that update the
            generator.
    """

    reuse_fakes: bool = False

    @property
    def minibatches_per_generator_update(self) -> int:
        return 1

    @abstractmethod
    def plan(self, epoch: int, d_updates: int) -> StepPlan:
        """The plan of the next minibatch, from the epoch and the discriminator updates so far (both from 0)."""

    def step_counts(self, minibatches: int, batches: int) -> Counter[StepPlan]:
        """How often each plan occurs in the first ``minibatches`` minibatches, in epochs of ``batches`` each."""
        return Counter(itertools.islice(self._plans(batches), minibatches))

    def generator_updates(self, epochs: int, batches: int) -> int:
        """Generator updates in ``epochs`` epochs of ``batches`` minibatches each."""
        return sum(count for plan, count in self.step_counts(epochs * batches, batches).items() if plan.generator)

    def minibatches(self, generator_updates: int, batches: int) -> int:
        """Minibatches needed for ``generator_updates`` generator updates, in epochs of ``batches`` each."""
        updates = last = 0
        for number, plan in enumerate(self._plans(batches), start=1):
            if plan.generator:
                updates, last = updates + 1, number
            if updates >= generator_updates:
                return number
            if number - last >= SEARCHED * batches:
                break
        raise ConfigError(f"schedule: {type(self).__name__} does not update the generator in {SEARCHED} epochs")

    def _plans(self, batches: int) -> Iterator[StepPlan]:
        d_updates = 0
        for number in itertools.count():
            plan = StepPlan(*self.plan(number // batches, d_updates))
            d_updates += plan.discriminator
            yield plan


# Goodfellow et al. 2014, Algorithm 1: k discriminator steps, each on a new minibatch, then one generator step.
@dataclass(frozen=True)
class Steps(Schedule):
    """``n_critic`` discriminator updates, each on a new minibatch, then one generator update.

    Attributes:
        n_critic: D updates, each on a new minibatch, for one G update.
        reuse_fakes: use the fakes of D's update for G's update as well, which saves one pass of G.
    """

    n_critic: PositiveInt = 1
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
class AlternatingEpochs(Schedule):
    """The discriminator trains for whole epochs, then the generator for whole epochs, and so on.

    Attributes:
        discriminator_epochs: epochs in which only D is updated.
        generator_epochs: following epochs in which only G is updated.
    """

    discriminator_epochs: PositiveInt = 1
    generator_epochs: PositiveInt = 1

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

    def minibatches(self, generator_updates: int, batches: int) -> int:
        generator_epochs = -(-generator_updates // batches)  # the last one may be incomplete
        periods_before = (generator_epochs - 1) // self.generator_epochs
        return (periods_before + 1) * self.discriminator_epochs * batches + generator_updates
