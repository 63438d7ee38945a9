"""Settings of `model`: the latents, and the two networks of each family."""

from dataclasses import dataclass
from typing import Any

from gan.config.schema.fields import at_least_1, setting
from gan.game.latents import PRIORS
from gan.game.sizes import MAX_LENGTH, MAX_SETTING, MAX_WIDTH


@dataclass(kw_only=True)
class CodesConfig:
    categorical: list[int] = setting(
        "classes of each categorical code; [10, 5] adds 15 components to z",
        [],
        check=lambda x: all(2 <= classes <= MAX_WIDTH for classes in x),
        allowed=f"a list of numbers of classes, each 2 to {MAX_WIDTH:,}",
    )
    continuous: int = setting(
        "codes on [-1, 1], each one component of z",
        0,
        check=lambda x: 0 <= x <= MAX_WIDTH,
        allowed=f"0 to {MAX_WIDTH:,}",
    )


@dataclass(kw_only=True)
class ModelConfig:
    """Settings of all families: the latents, and compilation."""

    latent_dim: int = at_least_1("components of a latent z", 100, most=MAX_WIDTH)
    prior: str = setting("distribution of z: N(0, 1), or uniform on [-1, 1]", "normal", choices=PRIORS)
    codes: CodesConfig = setting("InfoGAN's codes, which follow the noise in z and are predicted from the images")
    compile: bool = setting(
        "compile both networks for training by torch.compile: a slow start, then possibly faster", False
    )


def _dropout(meaning: str) -> Any:
    return setting(meaning, 0.0, check=lambda x: 0 <= x < 1, allowed="in [0, 1)")


def _generator_conditioning(*choices: str) -> Any:
    return setting(
        "use of the class: concat, an embedding appended to z; batch_norm, a scale and shift for each class",
        "none",
        choices=("none", *choices),
    )


@dataclass(kw_only=True)
class ConditionableConfig:
    """Settings of all discriminators."""

    conditioning: str = setting(
        "use of the class: concat, an additional channel of the image; projection, a product with the features "
        "added to the logit; auxiliary, predicted by an additional head (AC-GAN)",
        "none",
        choices=("none", "concat", "projection", "auxiliary"),
    )


@dataclass(kw_only=True)
class DiscriminatorConfig(ConditionableConfig):
    """Settings of the discriminators that allow spectral normalisation."""

    spectral_norm: bool = setting("divide every layer's weights by their largest singular value", False)


@dataclass(kw_only=True)
class MLPNetworkConfig:
    hidden: list[int] = setting(
        "widths of the hidden layers, from input to output",
        check=lambda x: 0 < len(x) <= MAX_LENGTH and min(x) > 0 and max(x) <= MAX_WIDTH,
        allowed=f"1 to {MAX_LENGTH} widths, each 1 to {MAX_WIDTH:,}",
    )
    activation: str = setting("after each hidden layer", "leaky_relu", choices=("relu", "leaky_relu"))
    negative_slope: float = setting(
        "slope of leaky_relu for negative inputs", 0.2, check=lambda x: x >= 0, allowed="0 or more"
    )
    dropout: float = _dropout("probability after each hidden layer; 0 for none")


@dataclass(kw_only=True)
class MLPGeneratorConfig(MLPNetworkConfig):
    normalization: str = setting("before each activation", "none", choices=("batch", "none"))
    conditioning: str = _generator_conditioning("concat", "batch_norm")


@dataclass(kw_only=True)
class MLPDiscriminatorConfig(MLPNetworkConfig, DiscriminatorConfig):
    normalization: str = setting("before each activation", "none", choices=("batch", "layer", "none"))


@dataclass(kw_only=True)
class MLPConfig(ModelConfig):
    name: str = setting("family of networks", "mlp")
    generator: MLPGeneratorConfig = setting("the generator's network")
    discriminator: MLPDiscriminatorConfig = setting("the discriminator's network")


@dataclass(kw_only=True)
class DCGANNetworkConfig:
    base_channels: int = at_least_1(
        "channels at half the image's size; twice as many at a quarter, and so on", 32, most=MAX_SETTING
    )


@dataclass(kw_only=True)
class DCGANGeneratorConfig(DCGANNetworkConfig):
    normalization: str = setting("after each layer but the last", "batch", choices=("batch", "instance", "none"))
    conditioning: str = _generator_conditioning("concat", "batch_norm")


@dataclass(kw_only=True)
class DCGANDiscriminatorConfig(DCGANNetworkConfig, DiscriminatorConfig):
    normalization: str = setting(
        "after each layer but the first", "batch", choices=("batch", "instance", "layer", "none")
    )
    dropout: float = _dropout("probability after each layer; 0 for none")


@dataclass(kw_only=True)
class DCGANConfig(ModelConfig):
    name: str = setting("family of networks", "dcgan")
    generator: DCGANGeneratorConfig = setting("the generator's network")
    discriminator: DCGANDiscriminatorConfig = setting("the discriminator's network")


@dataclass(kw_only=True)
class ResidualNetworkConfig:
    base_channels: int = setting(
        "channels at half the image's size; half as many at the whole size, twice as many at a quarter, and so on",
        32,
        check=lambda x: 2 <= x <= MAX_SETTING,
        allowed=f"2 to {MAX_SETTING:,}",
    )


@dataclass(kw_only=True)
class ResNetGeneratorConfig(ResidualNetworkConfig):
    normalization: str = setting("before each activation", "batch", choices=("batch", "instance", "none"))
    conditioning: str = _generator_conditioning("concat", "batch_norm")


@dataclass(kw_only=True)
class ResNetDiscriminatorConfig(ResidualNetworkConfig, DiscriminatorConfig):
    normalization: str = setting("before each activation", "none", choices=("batch", "instance", "layer", "none"))
    dropout: float = _dropout("probability in each block, before its last convolution; 0 for none")
    first_block: str = setting(
        "channels inside the first block: half of base_channels, or full, as in the authors' code",
        "half",
        choices=("half", "full"),
    )


@dataclass(kw_only=True)
class ResNetConfig(ModelConfig):
    name: str = setting("family of networks", "resnet")
    generator: ResNetGeneratorConfig = setting("the generator's network")
    discriminator: ResNetDiscriminatorConfig = setting("the discriminator's network")


@dataclass(kw_only=True)
class R3GANNetworkConfig(ResidualNetworkConfig):
    blocks: int = at_least_1("residual blocks at each size", 1, most=MAX_SETTING)


@dataclass(kw_only=True)
class R3GANGeneratorConfig(R3GANNetworkConfig):
    upsampling_border: str = setting(
        "padding of upsampling: edge, the border values; zeros, as in the authors' code",
        "edge",
        choices=("edge", "zeros"),
    )
    conditioning: str = _generator_conditioning("concat")


@dataclass(kw_only=True)
class R3GANDiscriminatorConfig(R3GANNetworkConfig, ConditionableConfig):
    dropout: float = _dropout("probability in each block, before its last convolution; 0 for none")


@dataclass(kw_only=True)
class R3GANConfig(ModelConfig):
    name: str = setting("family of networks", "r3gan")
    generator: R3GANGeneratorConfig = setting("the generator's network")
    discriminator: R3GANDiscriminatorConfig = setting("the discriminator's network")


MODELS: dict[str, type] = {"mlp": MLPConfig, "dcgan": DCGANConfig, "resnet": ResNetConfig, "r3gan": R3GANConfig}
