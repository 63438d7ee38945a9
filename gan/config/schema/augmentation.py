"""Settings of `augmentation`: of what the discriminator sees."""

from dataclasses import dataclass
from typing import Any

from gan.config.schema.fields import at_least_1, positive, setting

OPERATIONS = ("color", "translation", "cutout")


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
