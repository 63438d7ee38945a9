"""Settings of `model`: the latents, and the two networks of each family."""

from dataclasses import dataclass

from gan.latents import PRIORS
from gan.schema.fields import at_least_1, setting


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


MODELS: dict[str, type] = {"mlp": MLPConfig, "dcgan": DCGANConfig}
