"""Settings of `schedule`, `lr_schedule`, `augmentation` and `ema`."""

from dataclasses import dataclass
from typing import Any

from gan.config.schema.fields import at_least_1, positive, setting

NETWORKS = ("generator", "discriminator")
OPERATIONS = ("color", "translation", "cutout")


@dataclass(kw_only=True)
class StepsConfig:
    name: str = setting("updates of both networks on every minibatch, or on every k-th", "steps")
    n_critic: int = at_least_1("D updates, each on a new minibatch, for one G update", 1)
    reuse_fakes: bool = setting("use the fakes of D's update for G's update as well, which saves one pass of G", False)


@dataclass(kw_only=True)
class AlternatingEpochsConfig:
    name: str = setting("whole epochs for each network in turn", "alternating_epochs")
    discriminator_epochs: int = at_least_1("epochs in which only D is updated", 1)
    generator_epochs: int = at_least_1("following epochs in which only G is updated", 1)


SCHEDULES: dict[str, type] = {"steps": StepsConfig, "alternating_epochs": AlternatingEpochsConfig}


def _final() -> Any:
    return setting("fraction of the rate at the end of the run", 0.0, check=lambda x: 0 <= x <= 1, allowed="in [0, 1]")


def _warmup() -> Any:
    return setting(
        "generator updates at the start in which the rate rises linearly; 0 for none",
        0,
        check=lambda x: x >= 0,
        allowed="0 or more",
    )


def _networks() -> Any:
    return setting(
        "networks with this schedule",
        list(NETWORKS),
        check=lambda x: len(x) > 0 and set(x) <= set(NETWORKS) and len(set(x)) == len(x),
        allowed=f"one or both of {', '.join(NETWORKS)}",
    )


@dataclass(kw_only=True)
class ConstantConfig:
    name: str = setting("constant rates after a warm-up", "none")
    warmup: int = _warmup()
    networks: list[str] = _networks()


@dataclass(kw_only=True)
class LinearConfig:
    name: str = setting("constant, then linear", "linear")
    start: float = setting(
        "fraction of the run before the rate falls", 0.5, check=lambda x: 0 <= x < 1, allowed="in [0, 1)"
    )
    final: float = _final()
    warmup: int = _warmup()
    networks: list[str] = _networks()


@dataclass(kw_only=True)
class CosineConfig:
    name: str = setting("half a cosine wave", "cosine")
    final: float = _final()
    warmup: int = _warmup()
    networks: list[str] = _networks()


LR_SCHEDULES: dict[str, type] = {"none": ConstantConfig, "linear": LinearConfig, "cosine": CosineConfig}


def _policy() -> Any:
    return setting(
        "operations in order",
        ["translation", "cutout"],
        check=lambda x: len(x) > 0 and set(x) <= set(OPERATIONS) and len(set(x)) == len(x),
        allowed=f"one or more of {', '.join(OPERATIONS)}, each once,",
    )


def _probability(meaning: str, default: float) -> Any:
    return setting(meaning, default, check=lambda x: 0 <= x <= 1, allowed="in [0, 1]")


@dataclass(kw_only=True)
class NoAugmentationConfig:
    name: str = setting("no augmentation", "none")


@dataclass(kw_only=True)
class DiffAugmentConfig:
    name: str = setting("real and fake images are augmented with a fixed probability", "diffaugment")
    policy: list[str] = _policy()
    probability: float = _probability("probability of each operation on each image", 1.0)


@dataclass(kw_only=True)
class AdaptiveAugmentationConfig:
    name: str = setting(
        "real and fake images are augmented with a probability that depends on D's accuracy", "adaptive"
    )
    policy: list[str] = _policy()
    probability: float = _probability("initial probability of each operation on each image", 0.0)
    target: float = setting(
        "target of the mean sign of D's logits for real images",
        0.6,
        check=lambda x: 0 < x < 1,
        allowed="greater than 0 and less than 1",
    )
    speed_images: float = positive("real images in which the probability can change from 0 to 1", 100_000)
    every: int = at_least_1("D updates between adaptations", 4)


AUGMENTATIONS: dict[str, type] = {
    "none": NoAugmentationConfig,
    "diffaugment": DiffAugmentConfig,
    "adaptive": AdaptiveAugmentationConfig,
}


@dataclass(kw_only=True)
class NoEMAConfig:
    name: str = setting("no average; samples are from the generator itself", "none")


@dataclass(kw_only=True)
class StandardEMAConfig:
    name: str = setting("samples are from an exponential moving average of the generator", "standard")
    halflife_images: float = positive("half-life of the average in real images", 10_000)
    rampup: float | None = setting(
        "maximum of the half-life, as a fraction of the images seen so far; None for no limit",
        0.05,
        check=lambda x: x > 0,
        allowed="greater than 0, or null,",
    )


EMAS: dict[str, type] = {"none": NoEMAConfig, "standard": StandardEMAConfig}
