"""Settings of `objective` and `penalty`: what the players minimise, and what holds the discriminator besides."""

from dataclasses import dataclass
from typing import Any

from gan.config.schema.fields import at_least_1, positive, setting

OBJECTIVES = (
    "non_saturating",
    "minimax",
    "least_squares",
    "wasserstein",
    "hinge",
    "relativistic_paired",
    "relativistic_average",
)


def _weight(meaning: str) -> Any:
    return setting(meaning, 1.0, check=lambda x: x >= 0, allowed="0 or more")


@dataclass(kw_only=True)
class ObjectiveConfig:
    name: str = setting("what the two players minimise", choices=OBJECTIVES)
    real_target: float = setting(
        "D's target for real images; below 1: one-sided label smoothing",
        1.0,
        check=lambda x: 0 < x <= 1,
        allowed="in (0, 1]",
    )
    concatenate: bool = setting("D sees real and fake in one batch of 2N, its loss the mean over 2N", False)
    instance_noise: float = setting(
        "standard deviation of Gaussian noise on all that D sees at the start, in units of normalised images",
        0.0,
        check=lambda x: x >= 0,
        allowed="0 or more",
    )
    instance_noise_images: int = at_least_1("real images over which that noise fades linearly to 0", 500_000)
    class_weight: float = _weight("of the auxiliary classifier's loss, for both players")
    information_weight: float = _weight("of the mutual information of InfoGAN's codes and the images: lambda")


def _every() -> Any:
    return at_least_1("in every k-th update of D only, and k times as strong", 1)


@dataclass(kw_only=True)
class NoPenaltyConfig:
    name: str = setting("the discriminator is free", "none")


@dataclass(kw_only=True)
class GradientPenaltyConfig:
    name: str = setting("D is to have slope 1 between real and fake images", "gradient_penalty")
    weight: float = positive("how strongly: lambda", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class DraganConfig:
    name: str = setting("D is to have slope 1 around real images", "dragan")
    weight: float = positive("how strongly: lambda", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class R1Config:
    name: str = setting("D is to be flat at real images", "r1")
    gamma: float = positive("how strongly: gamma / 2 times the mean squared gradient", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class R2Config:
    name: str = setting("D is to be flat at fake images", "r2")
    gamma: float = positive("how strongly: gamma / 2 times the mean squared gradient", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class R1R2Config:
    name: str = setting("D is to be flat at real images and at fake ones", "r1_r2")
    gamma: float = positive("how strongly: gamma / 2 times the mean squared gradient, at each of the two", 1.0)
    every: int = _every()


@dataclass(kw_only=True)
class ClippingConfig:
    name: str = setting("D's parameters are kept small", "clipping")
    limit: float = positive("largest absolute value of a parameter of D, after each of its updates", 0.01)


PENALTIES: dict[str, type] = {
    "none": NoPenaltyConfig,
    "gradient_penalty": GradientPenaltyConfig,
    "dragan": DraganConfig,
    "r1": R1Config,
    "r2": R2Config,
    "r1_r2": R1R2Config,
    "clipping": ClippingConfig,
}
