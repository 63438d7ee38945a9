"""Settings of the game: whose turn it is."""

from dataclasses import dataclass

from gan.config.schema.fields import at_least_1, setting


@dataclass(kw_only=True)
class StepsConfig:
    name: str = setting("whose turn it is", "steps")
    n_critic: int = at_least_1("D updates, each on a new minibatch, for one G update", 1)
    reuse_fakes: bool = setting("G is updated on the fakes that D has just been updated on: one pass of G less", False)


@dataclass(kw_only=True)
class AlternatingEpochsConfig:
    name: str = setting("whose turn it is", "alternating_epochs")
    discriminator_epochs: int = at_least_1("whole epochs in which only D is updated", 1)
    generator_epochs: int = at_least_1("whole epochs in which only G is updated, after those", 1)


SCHEDULES: dict[str, type] = {"steps": StepsConfig, "alternating_epochs": AlternatingEpochsConfig}
