"""The exponential moving average (EMA) of the generator's weights, which gives better images than the last weights.

Karras et al. 2018, "Progressive Growing of GANs", section 6.1; Yazıcı et al. 2019, "The Unusual Effectiveness of
Averaging in GAN Training".
"""

import copy
from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn

from gan.system.ranges import PositiveFloat
from gan.system.value_types import Checked

# Batch statistics are averaged like the weights. Other buffers are copied: counters, and the unit vectors of spectral
# normalisation, whose average would not have length 1.
AVERAGED_BUFFERS = ("running_mean", "running_var")


# Karras et al. 2020, "Training GANs with Limited Data": a half-life in images, shorter at the start.
def halflife(images_seen: int, halflife_images: float, rampup: float | None) -> float:
    """Half-life in images after ``images_seen`` images: at most the fraction ``rampup`` of them."""
    return halflife_images if rampup is None else min(halflife_images, images_seen * rampup)


def decay(images: int, halflife: float) -> float:
    """The weight, in [0, 1), of the old average after ``images`` more images; 0 at a half-life of 0."""
    return 0.5 ** (images / halflife) if halflife > 0 else 0.0


class GeneratorAverage(Checked, nn.Module, ABC):
    """An average of the generator over its updates; base class of all averages.

    Its constructor gets the generator as its first argument, ``network``. Its state is part of every checkpoint.

    Attributes:
        network: the averaged network, for samples, metrics and bundles.
    """

    network: nn.Module

    @abstractmethod
    def update(self, network: nn.Module, images_seen: int, images: int) -> None:
        """Move the average towards ``network`` after its update.

        Args:
            images_seen: real images of the run before this update, of all processes.
            images: real images since the last call, of all processes; 1 or more. After a short last batch, an
                approximation: minibatches times the size of the last one.
        """


class GeneratorEMA(GeneratorAverage):
    """The exponential moving average of a network's weights and batch-norm statistics.

    The average starts as a copy. It always stays in eval mode and has no gradients. Its state is that of the network,
    without a counter. It has the network's dtype, which should be float32, as in mixed precision: bfloat16 would lose
    the small steps of an average.

    Args:
        network: the network to average; it is copied.
        halflife_images: half-life of the average in real images.
        rampup: maximum of the half-life, as a fraction of the images seen so far, so that the average soon forgets the
            initial weights; None for no limit.

    Attributes:
        network: the averaged network.
    """

    def __init__(
        self, network: nn.Module, halflife_images: PositiveFloat = 10_000, rampup: PositiveFloat | None = 0.05
    ) -> None:
        super().__init__()
        self.halflife_images = halflife_images
        self.rampup = rampup
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.network.zero_grad()  # a copy during training has gradients too
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode: Lightning calls ``train`` on the whole module."""
        return super().train(False)

    @torch.no_grad()
    def update(self, network: nn.Module, images_seen: int, images: int) -> None:
        """Move the average towards ``network``, without waiting for the device.

        Args:
            network: the network after its update.
            images_seen: real images of the run before this update, of all processes; at 0 the ramp-up copies the
                network.
            images: real images since the last call, of all processes; 1 or more.
        """
        weight = 1.0 - decay(images, halflife(images_seen, self.halflife_images, self.rampup))
        # The lists are not cached: they take at most 50 microseconds, and `.to(device)` replaces buffers.
        averages, copies = _tensors(self.network)
        averaged, copied = _tensors(network)
        torch._foreach_lerp_(averages, averaged, weight)
        if copies:
            torch._foreach_copy_(copies, copied)


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors of a network that are averaged, and those that are copied."""
    averaged, copied = list[Tensor](network.parameters()), list[Tensor]()
    for name, buffer in network.named_buffers():
        (averaged if name.rpartition(".")[2] in AVERAGED_BUFFERS else copied).append(buffer)
    return averaged, copied
