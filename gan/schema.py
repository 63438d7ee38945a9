"""Schemas of our own configuration nodes: each setting with its type, default, meaning, unit and range.

The Trainer, optimizers, callbacks and loggers are not here: they are ``_target_`` nodes, checked against the signatures
of what they name.
"""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

from gan.latents import PRIORS

Check = Callable[[Any], bool]


def setting(
    meaning: str, default: Any = MISSING, *, choices: Sequence[str] = (), check: Check | None = None, allowed: str = ""
) -> Any:
    """A dataclass field with its meaning, and either its choices or a check with the words for what it allows."""
    metadata = {"meaning": meaning, "choices": tuple(choices), "check": check, "allowed": allowed}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def positive(meaning: str, default: Any = MISSING) -> Any:
    return setting(meaning, default, check=lambda x: x > 0, allowed="greater than 0")


def at_least_1(meaning: str, default: Any = MISSING) -> Any:
    return setting(meaning, default, check=lambda x: x >= 1, allowed="1 or more")


@dataclass(kw_only=True)
class DataConfig:
    name: str = setting("which images")
    root: str = setting("folder of the data sets, in torchvision's layout", "data")
    split: str | None = setting("EMNIST's split; None for the other sets", None)
    batch_size: int = at_least_1("images in one minibatch, over all devices together", 64)
    shuffle: bool = setting("a new order every epoch; false: file order", True)
    drop_last: bool = setting("leave out the last minibatch of an epoch when it is short", False)
    mean: float = setting("subtracted from pixels in [0, 1]", 0.5)
    std: float = positive("divides what is left; 0.5 and 0.5 give [-1, 1]", 0.5)
    on_missing: str = setting(
        "when the set is neither there nor downloadable: go on with the bundled sample, or stop",
        "sample",
        choices=("sample", "error"),
    )
    download: bool = setting("fetch what is missing", True)


@dataclass(kw_only=True)
class MLPNetworkConfig:
    hidden: list[int] = setting(
        "widths of the hidden layers, from input to output",
        check=lambda x: len(x) > 0 and min(x) > 0,
        allowed="one or more widths, each 1 or more",
    )
    activation: str = setting("after each hidden layer", "leaky_relu", choices=("relu", "leaky_relu"))
    negative_slope: float = setting("of leaky_relu", 0.2, check=lambda x: x >= 0, allowed="0 or more")
    dropout: float = setting(
        "probability after each hidden layer; 0 for none", 0.0, check=lambda x: 0 <= x < 1, allowed="in [0, 1)"
    )


@dataclass(kw_only=True)
class MLPConfig:
    name: str = setting("family of networks", "mlp")
    latent_dim: int = at_least_1("components of a latent z", 100)
    prior: str = setting("what z is drawn from: N(0, 1), or uniform on [-1, 1]", "normal", choices=PRIORS)
    generator: MLPNetworkConfig = setting("the generator's network")
    discriminator: MLPNetworkConfig = setting("the discriminator's network")


@dataclass(kw_only=True)
class DCGANNetworkConfig:
    base_channels: int = at_least_1("channels at half the image's size; twice as many at a quarter, and so on", 32)


@dataclass(kw_only=True)
class DCGANConfig:
    name: str = setting("family of networks", "dcgan")
    latent_dim: int = at_least_1("components of a latent z", 100)
    prior: str = setting("what z is drawn from: N(0, 1), or uniform on [-1, 1]", "normal", choices=PRIORS)
    generator: DCGANNetworkConfig = setting("the generator's network")
    discriminator: DCGANNetworkConfig = setting("the discriminator's network")


@dataclass(kw_only=True)
class ObjectiveConfig:
    name: str = setting("what the two players minimise", choices=("non_saturating", "minimax"))
    real_target: float = setting(
        "D's target for real images; below 1: one-sided label smoothing",
        1.0,
        check=lambda x: 0 < x <= 1,
        allowed="in (0, 1]",
    )
    concatenate: bool = setting("D sees real and fake in one batch of 2N, its loss the mean over 2N", False)


@dataclass(kw_only=True)
class StepsConfig:
    name: str = setting("whose turn it is", "steps")
    n_critic: int = at_least_1("D updates, each on a new minibatch, for one G update", 1)


@dataclass(kw_only=True)
class AlternatingEpochsConfig:
    name: str = setting("whose turn it is", "alternating_epochs")
    discriminator_epochs: int = at_least_1("whole epochs in which only D is updated", 1)
    generator_epochs: int = at_least_1("whole epochs in which only G is updated, after those", 1)


MODELS: dict[str, type] = {"mlp": MLPConfig, "dcgan": DCGANConfig}
SCHEDULES: dict[str, type] = {"steps": StepsConfig, "alternating_epochs": AlternatingEpochsConfig}
