"""Settings of `schedule`, `lr_schedule`, `augmentation` and `ema`."""

from dataclasses import dataclass
from typing import Any

from gan.config.schema.fields import at_least_1, positive, setting

NETWORKS = ("generator", "discriminator")
OPERATIONS = ("color", "translation", "cutout")


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


def _final() -> Any:
    return setting(
        "fraction of the rate that is left at the end of the run", 0.0, check=lambda x: 0 <= x <= 1, allowed="in [0, 1]"
    )


def _warmup() -> Any:
    return setting(
        "first generator updates, in which the rate rises linearly; 0: none",
        0,
        check=lambda x: x >= 0,
        allowed="0 or more",
    )


def _networks() -> Any:
    return setting(
        "whose rates follow it",
        list(NETWORKS),
        check=lambda x: len(x) > 0 and set(x) <= set(NETWORKS) and len(set(x)) == len(x),
        allowed=f"one or both of {', '.join(NETWORKS)}",
    )


@dataclass(kw_only=True)
class ConstantConfig:
    name: str = setting("the optimizer's own rates, but for a warm-up", "none")
    warmup: int = _warmup()
    networks: list[str] = _networks()


@dataclass(kw_only=True)
class LinearConfig:
    name: str = setting("constant, then down in a straight line", "linear")
    start: float = setting(
        "fraction of the run before the rate falls", 0.5, check=lambda x: 0 <= x < 1, allowed="in [0, 1)"
    )
    final: float = _final()
    warmup: int = _warmup()
    networks: list[str] = _networks()


@dataclass(kw_only=True)
class CosineConfig:
    name: str = setting("down along half a cosine wave", "cosine")
    final: float = _final()
    warmup: int = _warmup()
    networks: list[str] = _networks()


LR_SCHEDULES: dict[str, type] = {"none": ConstantConfig, "linear": LinearConfig, "cosine": CosineConfig}


def _policy() -> Any:
    return setting(
        "operations in the order in which they act",
        ["translation", "cutout"],
        check=lambda x: len(x) > 0 and set(x) <= set(OPERATIONS) and len(set(x)) == len(x),
        allowed=f"one or more of {', '.join(OPERATIONS)}, each once,",
    )


def _probability(meaning: str, default: float) -> Any:
    return setting(meaning, default, check=lambda x: 0 <= x <= 1, allowed="in [0, 1]")


@dataclass(kw_only=True)
class NoAugmentationConfig:
    name: str = setting("the discriminator sees the images as they are", "none")


@dataclass(kw_only=True)
class DiffAugmentConfig:
    name: str = setting("real and fake images are augmented with a fixed probability", "diffaugment")
    policy: list[str] = _policy()
    probability: float = _probability("of each operation on each image", 1.0)


@dataclass(kw_only=True)
class AdaptiveAugmentationConfig:
    name: str = setting("real and fake images are augmented as often as D's certainty asks for", "adaptive")
    policy: list[str] = _policy()
    probability: float = _probability("of each operation on each image, at the start", 0.0)
    target: float = setting(
        "mean sign of D's logits for real images to be held",
        0.6,
        check=lambda x: 0 < x < 1,
        allowed="greater than 0 and less than 1",
    )
    speed_images: float = positive("real images in which the probability can go from 0 to 1", 100_000)
    every: int = at_least_1("D updates from one adaptation to the next", 4)


AUGMENTATIONS: dict[str, type] = {
    "none": NoAugmentationConfig,
    "diffaugment": DiffAugmentConfig,
    "adaptive": AdaptiveAugmentationConfig,
}


@dataclass(kw_only=True)
class NoEMAConfig:
    name: str = setting("no average: the generator itself makes the pictures", "none")


@dataclass(kw_only=True)
class StandardEMAConfig:
    name: str = setting("an exponential moving average of the generator makes the pictures", "standard")
    halflife_images: float = positive("real images after which half of the average is newer", 10_000)
    rampup: float | None = setting(
        "no longer a half-life than this fraction of the images seen so far; None: the same from the start",
        0.05,
        check=lambda x: x > 0,
        allowed="greater than 0, or null,",
    )


EMAS: dict[str, type] = {"none": NoEMAConfig, "standard": StandardEMAConfig}
