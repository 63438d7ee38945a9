"""Layers of all families: activations, normalisations, and class conditioning."""

import inspect
from collections.abc import Sequence
from typing import Any, Self

from torch import Tensor, nn

ACTIVATIONS = ("relu", "leaky_relu")
NORMALIZATIONS = ("batch", "instance", "layer", "none")


def one_of(allowed: Sequence[str], **settings: str) -> None:
    """Raise ValueError for the first setting whose value is not allowed."""
    for name, given in settings.items():
        if given not in allowed:
            raise ValueError(f"{name} must be one of {tuple(allowed)}, not {given!r}")


class Recorded:
    """Keeps the arguments with which its constructor was called, so that a checkpoint can describe the network.

    Attributes:
        init_arguments: by name; the objects that were given.
    """

    init_arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        names = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
        object.__setattr__(made, "init_arguments", dict(zip(names, args, strict=False)) | kwargs)
        return made


def activation_layer(name: str, negative_slope: float) -> nn.Module:
    """The activation ``name``; ``negative_slope`` (0 or more) is for "leaky_relu" only."""
    one_of(ACTIVATIONS, activation=name)
    if name == "relu":
        return nn.ReLU(inplace=True)
    return nn.LeakyReLU(negative_slope, inplace=True)


def embedded(labels: Tensor, embedding: nn.Embedding) -> Tensor:
    """The embeddings (N, width) of classes: labels int64 (N,).

    Or of mixtures of classes: labels float (N, num_classes), the weights of the classes' embeddings.
    """
    return labels @ embedding.weight if labels.is_floating_point() else embedding(labels)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and a shift for each class, initially 1 and 0.

    Dumoulin et al. 2017, "A Learned Representation For Artistic Style"; de Vries et al. 2017, "Modulating early visual
    processing by language".

    Args:
        normalize: batch normalisation of ``channels`` channels without scale and shift.

    Shapes: x (N, channels, …), labels as in `embedded` -> (N, channels, …).
    """

    def __init__(self, normalize: nn.Module, channels: int, num_classes: int) -> None:
        super().__init__()
        self.normalize = normalize
        self.scale = nn.Embedding(num_classes, channels)
        self.shift = nn.Embedding(num_classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        shape = (*x.shape[:2], *[1] * (x.dim() - 2))
        return self.normalize(x) * embedded(labels, self.scale).view(shape) + embedded(labels, self.shift).view(shape)


class ClassLayers(nn.Sequential):
    """A sequence of layers; conditional layers get the labels."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x, labels) if isinstance(layer, ConditionalBatchNorm) else layer(x)
        return x


def normalization_layers(name: str, channels: int, *, spatial: bool = True, num_classes: int = 0) -> list[nn.Module]:
    """The normalisation ``name`` as a list of one layer, or an empty list.

    Args:
        name: "batch"; "instance", per image and channel (Ulyanov et al. 2016); "layer", per image (Ba et al. 2016; over
            channels and positions, as in the critics of Gulrajani et al. 2017); "none".
        channels: channels of the input.
        spatial: for maps (N, channels, H, W); otherwise for vectors (N, channels).
        num_classes: if above 0, batch normalisation is conditional on the class.

    Raises:
        ValueError: the name does not exist.
    """
    one_of(NORMALIZATIONS if spatial else ("batch", "layer", "none"), normalization=name)
    batch_norm = nn.BatchNorm2d if spatial else nn.BatchNorm1d
    if name == "batch" and num_classes > 0:
        return [ConditionalBatchNorm(batch_norm(channels, affine=False), channels, num_classes)]
    if name == "batch":
        return [batch_norm(channels)]
    if name == "instance":
        return [nn.InstanceNorm2d(channels, affine=True)]
    if name == "layer":
        return [nn.GroupNorm(1, channels)]
    return []
