"""A trained generator, ready for use: latents and classes go in, images as they are at rest come out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan import bundle_metadata
from gan.class_labels import class_labels
from gan.data.normalization import denormalize, dtype_at_rest
from gan.errors import GanError
from gan.latents import Prior

# What may be asked for as the classes of images: see `TrainedGenerator.sample`.
Labels = int | str | Sequence[int | str] | np.ndarray | Tensor | None


class TrainedGenerator:
    """A generator with what is needed to use it: the prior, the classes, the pixel range, and where it comes from.

    Attributes:
        generator: the network, in eval mode, gradients off.
        metadata: the bundle's metadata, as ``describe`` makes it, and the ``sha256`` of the file that it was read from.
    """

    def __init__(self, generator: nn.Module, metadata: dict[str, Any]) -> None:
        self.generator = generator.eval().requires_grad_(False)
        self.metadata = metadata

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.metadata["image_shape"]
        return channels, height, width

    @property
    def prior(self) -> Prior:
        """What its latents are drawn from."""
        return bundle_metadata.prior_of(self.metadata)

    @property
    def num_classes(self) -> int:
        """Classes that it can be asked for; 0 if it is not conditional."""
        return int(self.metadata["num_classes"])

    @property
    def conditional(self) -> bool:
        return self.num_classes > 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of its data, by label; empty where they have none."""
        return bundle_metadata.class_names_of(self.metadata)

    @property
    def points(self) -> bool:
        """Whether it makes points of the plane, (2, 1, 1), in place of images."""
        return bool(self.metadata["points"])

    def to(self, device: torch.device | str) -> "TrainedGenerator":
        self.generator.to(device)
        return self

    def latents(self, count: int, seed: int) -> Tensor:
        """Latents (count, prior.width) of a seed; the first ones do not depend on ``count``."""
        return self.prior.fixed(count, seed=seed, purpose="samples from a bundle")

    @torch.no_grad()
    def decode(self, z: Tensor, labels: Labels = None, *, batch_size: int = 1000) -> np.ndarray:
        """Latents (N, prior.width) -> uint8 images (N, C, H, W), ``batch_size`` at a time; ``labels`` as in `sample`.

        Points are float32 (N, 2, 1, 1), in the units of their data.
        """
        device = next(self.generator.parameters()).device
        classes = self._classes(labels, len(z))
        parts = z.split(batch_size) if len(z) else ()
        images = []
        for index, part in enumerate(parts):
            inputs = [part.to(device)]
            if classes is not None:
                inputs.append(classes[index * batch_size :][: len(part)].to(device))
            images.append(self._at_rest(self.generator(*inputs)).cpu())
        return torch.cat([torch.empty(0, *self.image_shape, dtype=dtype_at_rest(self.image_shape)), *images]).numpy()

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels = None,
        batch_size: int = 1000,
        truncation: float | None = None,
    ) -> np.ndarray:
        """``count`` uint8 images (N, C, H, W); the same call gives the same images. Points: see `decode`.

        Args:
            labels: of a conditional generator: a class, by number or name; several of them, which are taken in turn; or
                None for all of its classes in turn.
            batch_size: images made at a time: bounds the memory.
            truncation: ψ in (0, 1], by which normal noise is multiplied, so that it stays nearer to where most of the
                training's was: likelier images, fewer different ones. 1 and None change nothing; InfoGAN's codes and
                the classes are left as they are. (Brock et al. 2019 draw noise anew that is beyond a threshold; a
                factor is the same idea and keeps each image recognisable as ψ falls.)

        Raises:
            GanError: there is no such class; labels for a generator without classes; a truncation that is out of its
                range, or of a uniform prior, where no part is likelier than another.
        """
        z = self.latents(count, seed)
        if truncation is not None:
            self._check_truncation(truncation)
            z[:, : self.prior.latent_dim] *= truncation
        return self.decode(z, labels, batch_size=batch_size)

    def _classes(self, labels: Labels, count: int) -> Tensor | None:
        if self.conditional:
            return class_labels(labels, count, self.num_classes, self.class_names)
        if labels is not None:
            raise GanError("class: this generator was trained without classes; none can be asked for")
        return None

    def _check_truncation(self, truncation: float) -> None:
        if not 0 < truncation <= 1:
            raise GanError(f"truncation: {truncation!r} given; above 0 and at most 1 expected")
        if self.prior.name != "normal":
            raise GanError(
                f"truncation: this generator's prior is {self.prior.name}; only a normal one can be truncated"
            )

    def _at_rest(self, images: Tensor) -> Tensor:
        return denormalize(images, self.metadata["mean"], self.metadata["std"], dtype_at_rest(self.image_shape))
