"""Calls of networks that may not be ours: any generator and discriminator with the documented call.

A generator maps z (N, latent_dim) to images (N, C, H, W), a discriminator images to logits (N,) or (N, 1). If their
``forward`` has a second argument for labels, they also get int64 labels (N,).
"""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from gan.game.networks.discriminator import Discriminator, DiscriminatorOutput
from gan.game.networks.generator import Generator
from gan.system.errors import GanError


def takes_labels(network: nn.Module) -> bool:
    """Whether a network is called with labels.

    Its attribute ``conditional`` decides if it has one. Otherwise labels are the second positional argument of its
    ``forward``, without a default or with the default None.
    """
    conditional = getattr(network, "conditional", None)
    if conditional is not None:
        return bool(conditional)
    return hasattr(network, "discriminate") or _second_argument(network) is not None


def needs_labels(network: nn.Module) -> bool:
    """Whether a network cannot be called without labels."""
    if isinstance(network, Generator | Discriminator):
        return network.conditional
    second = _second_argument(network)
    return second is not None and second.default is second.empty


def generate(generator: Callable[..., Tensor], z: Tensor, labels: Tensor | None) -> Tensor:
    """z (N, latent_dim) -> images (N, C, H, W); labels (N,) are given if they are not None."""
    images: Tensor = generator(z) if labels is None else generator(z, labels)
    return images


def discriminate(discriminator: nn.Module, images: Tensor, labels: Tensor | None) -> DiscriminatorOutput:
    """images (N, C, H, W), labels (N,) or None -> logits (N,), and the outputs of other heads if it has the method.

    Raises:
        GanError: the logits have another shape.
    """
    own: Any = getattr(discriminator, "discriminate", None)
    if own is not None:
        output: DiscriminatorOutput = own(images, labels)
        return output
    logits: Tensor = discriminator(images) if labels is None else discriminator(images, labels)
    if logits.shape not in ((len(images),), (len(images), 1)):
        raise GanError(
            f"{type(discriminator).__name__}: output of shape {tuple(logits.shape)} for {len(images)} images given; "
            f"one logit for each image expected: ({len(images)},) or ({len(images)}, 1)"
        )
    return DiscriminatorOutput(logits.flatten())


def latent_dim_of(generator: nn.Module) -> int | None:
    """Components of z, as the generator's attribute ``latent_dim`` says; None if it has none."""
    found = getattr(generator, "latent_dim", None)
    return found if isinstance(found, int) else None


def _second_argument(network: nn.Module) -> inspect.Parameter | None:
    """The parameter of ``forward`` for labels."""
    try:
        parameters = list(inspect.signature(network.forward).parameters.values())
    except (TypeError, ValueError):  # not a Python function
        return None
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    second = positional[1] if len(positional) > 1 else None
    return second if second is not None and second.default in (None, second.empty) else None
