"""An average of the generator alone, over the course of training: better images than any single moment of it gives.

Karras et al. 2018, "Progressive Growing of GANs", section 6.1; Yazıcı et al. 2019, "The Unusual Effectiveness of
Averaging in GAN Training".
"""

import copy
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

# Statistics of batches, which belong to the weights that made them. Any other buffer is copied: a counter, or the unit
# vectors of spectral normalisation, whose average would not be of length 1.
AVERAGED_BUFFERS = ("running_mean", "running_var")


# Karras et al. 2020, "Training GANs with Limited Data": a half-life in images, shorter while few have been seen.
def halflife(images_seen: int, halflife_images: float, rampup: float | None) -> float:
    """Half-life in images after ``images_seen`` of them: at most the fraction ``rampup`` of what has been seen."""
    return halflife_images if rampup is None else min(halflife_images, images_seen * rampup)


def decay(images: int, halflife: float) -> float:
    """The weight, in [0, 1), that is left to what was there before ``images`` more were seen; 0 at a half-life of 0."""
    return 0.5 ** (images / halflife) if halflife > 0 else 0.0


class GeneratorEMA(nn.Module):
    """The exponential moving average of a network's weights and batch-norm statistics.

    The average starts as a copy. It stays in eval mode, whatever ``train`` is called on around it, and takes no
    gradients. Its state is the network's and nothing else, so a checkpoint with it can go on without a counter of its
    own. It is held in the network's dtype: bfloat16 weights would lose steps as small as an average takes, so it is
    meant for float32 weights, as mixed precision has them too.

    Args:
        network: what is averaged; it is copied, and not kept.
        halflife_images: real images after which half of the average is newer; greater than 0.
        rampup: the half-life is at most this fraction of the images seen so far, so that the average forgets the first
            weights soon; greater than 0. None: ``halflife_images`` from the start.

    Attributes:
        network: the average, a module like the one given.
    """

    def __init__(self, network: nn.Module, halflife_images: float = 10_000, rampup: float | None = 0.05) -> None:
        super().__init__()
        self.halflife_images = halflife_images
        self.rampup = rampup
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.network.zero_grad()  # a copy made in the middle of training has copied the gradients too
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode: Lightning calls this for the whole of a game."""
        return super().train(False)

    @torch.no_grad()
    def update(self, network: nn.Module, images_seen: int, images: int) -> None:
        """Move the average towards ``network`` as it is now. Nothing here waits for the device.

        Args:
            network: the network after its update.
            images_seen: real images seen in the run before this update, of all processes; at 0 the ramp-up makes the
                average a copy.
            images: real images seen since the last call, of all processes; 1 or more.
        """
        weight = 1.0 - decay(images, halflife(images_seen, self.halflife_images, self.rampup))
        # The lists are made anew: that takes 50 microseconds at most, and `.to(device)` replaces buffers by others.
        averages, copies = _tensors(self.network)
        averaged, copied = _tensors(network)
        torch._foreach_lerp_(averages, averaged, weight)
        if copies:
            torch._foreach_copy_(copies, copied)


def _tensors(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """What of a network is averaged, and what is copied."""
    averaged, copied = list[Tensor](network.parameters()), list[Tensor]()
    for name, buffer in network.named_buffers():
        (averaged if name.rpartition(".")[2] in AVERAGED_BUFFERS else copied).append(buffer)
    return averaged, copied


# By name: from a network, and for "standard" its settings, to its average.
EMAS: dict[str, Callable[..., GeneratorEMA | None]] = {"none": lambda network: None, "standard": GeneratorEMA}
