"""What the families of networks share."""

from torch import nn

ACTIVATIONS = ("relu", "leaky_relu")


def activation_layer(name: str, negative_slope: float) -> nn.Module:
    """The activation called ``name``; ``negative_slope`` (0 or more) is for "leaky_relu" alone."""
    if name == "relu":
        return nn.ReLU(inplace=True)
    if name == "leaky_relu":
        return nn.LeakyReLU(negative_slope, inplace=True)
    raise ValueError(f"activation must be one of {ACTIVATIONS}, not {name!r}")
