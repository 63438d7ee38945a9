"""Stacked MNIST: one digit in each colour channel, 1,000 classes, to count the modes of a generator.

Metz et al. 2017, "Unrolled Generative Adversarial Networks"; Srivastava et al. 2017, "VEEGAN".
"""

import itertools
from dataclasses import replace

import torch
from torch import Tensor

from gan.data.loaded import LoadedImages
from gan.data.registry import STACKED
from gan.system.random_streams import stream_seed


def stacked(base: LoadedImages, seed: int) -> LoadedImages:
    """Stacks of three random images of a dataset; each image occurs once in each channel. They depend on ``seed``.

    Args:
        base: images uint8 (N, 1, H, W) of 10 classes.

    Returns:
        images uint8 (N, 3, H, W); label 100 r + 10 g + b of the classes in red, green and blue. Training images are
        stacks of training images, held-out images of held-out images. The name is "stacked_" + the base's name.
    """
    images, labels = _stack(base.images, base.labels, seed, "stack")
    held_out_images, held_out_labels = _stack(base.held_out_images, base.held_out_labels, seed, "held-out stack")
    between = "" if all(len(name) == 1 for name in base.class_names) else " + "
    return replace(
        base,
        images=images,
        labels=labels,
        held_out_images=held_out_images,
        held_out_labels=held_out_labels,
        name=f"stacked_{base.name}",
        class_names=tuple(between.join(names) for names in itertools.product(base.class_names, repeat=3)),
        origin=f"stacks of three images, one in each colour channel, composed from seed {seed}, of {base.origin}",
        substitute_for=STACKED if base.substitute_for else None,
    )


def _stack(images: Tensor, labels: Tensor, seed: int, purpose: str) -> tuple[Tensor, Tensor]:
    orders = []
    for channel in range(3):
        generator = torch.Generator().manual_seed(stream_seed(seed, 0, purpose, channel))
        orders.append(torch.randperm(len(images), generator=generator))
    red, green, blue = (labels[order] for order in orders)
    stacks = torch.empty(len(images), 3, *images.shape[2:], dtype=images.dtype)
    for channel, order in enumerate(orders):
        stacks[:, channel] = images[order, 0]
    return stacks, 100 * red + 10 * green + blue
