"""Settings of `objective` and `penalty`: losses, and regularisation of the discriminator."""

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
    name: str = setting("losses of both networks", choices=OBJECTIVES)
    real_target: float = setting(
        "D's target for real images; below 1: one-sided label smoothing",
        1.0,
        check=lambda x: 0 < x <= 1,
        allowed="in (0, 1]",
    )
    concatenate: bool = setting("D gets real and fake images in one batch of 2N; its loss is the mean over 2N", False)
    instance_noise: float = setting(
        "initial standard deviation of Gaussian noise on all images for D, in units of normalised images",
        0.0,
        check=lambda x: x >= 0,
        allowed="0 or more",
    )
    instance_noise_images: int = at_least_1("real images until this noise is 0; it decreases linearly", 500_000)
    class_weight: float = _weight("weight of the auxiliary classifier's loss, for both networks")
    information_weight: float = _weight("weight of the mutual information of InfoGAN's codes and the images: lambda")


def _every() -> Any:
    return at_least_1("apply it in every k-th update of D only, k times as strong", 1)


@dataclass(kw_only=True)
class NoPenaltyConfig:
    name: str = setting("no penalty", "none")


@dataclass(kw_only=True)
class GradientPenaltyConfig:
    name: str = setting("gradient norm 1 of D between real and fake images", "gradient_penalty")
    weight: float = positive("weight of the penalty: lambda", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class DraganConfig:
    name: str = setting("gradient norm 1 of D around real images", "dragan")
    weight: float = positive("weight of the penalty: lambda", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class R1Config:
    name: str = setting("gradient norm 0 of D at real images", "r1")
    gamma: float = positive("weight of the penalty: gamma / 2 times the mean squared gradient", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class R2Config:
    name: str = setting("gradient norm 0 of D at fake images", "r2")
    gamma: float = positive("weight of the penalty: gamma / 2 times the mean squared gradient", 10.0)
    every: int = _every()


@dataclass(kw_only=True)
class R1R2Config:
    name: str = setting("gradient norm 0 of D at real and at fake images", "r1_r2")
    gamma: float = positive(
        "weight of the penalty: gamma / 2 times the mean squared gradient, for real and for fake images", 1.0
    )
    every: int = _every()


@dataclass(kw_only=True)
class ClippingConfig:
    name: str = setting("weight clipping", "clipping")
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
