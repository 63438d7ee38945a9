"""A trained generator: from latents and classes to uint8 images.

>>> from gan import load_generator
>>> generator = load_generator("run")  # a run folder, or the path of a generator.safetensors
>>> generator.image_shape, generator.class_names
((1, 4, 5), ('Bag', 'Coat', 'Dress'))
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gan.data.memory import check_memory
from gan.data.normalization import denormalize, dtype_at_rest
from gan.game.latents import Prior
from gan.generators import bundle_metadata
from gan.generators.class_labels import class_labels
from gan.generators.interpolation import frame_positions, interpolate
from gan.system.devices import without_tf32
from gan.system.errors import GanError, counted
from gan.system.tensor_cache import digest

MOST_IMAGES, FEW_IMAGES = 1000, 16  # made at a time, and made at once without looking at the layers
MOST_TRUNCATION = 2.0  # of a walk: beyond 1 the images are stranger than those of training
MOST_VALUES = 2**26  # in and out of one layer at a time: 256 MiB
# Classes of images: see `TrainedGenerator.sample`.
Labels = int | str | Sequence[int | str] | np.ndarray | Tensor | None


@torch.no_grad()
def images_at_a_time(network: nn.Module, *inputs: Tensor) -> int:
    """How many images a generator, in eval mode, makes at a time: `MOST_IMAGES`, or fewer of one with large layers.

    By `MOST_VALUES`, the values that its largest layer takes in and puts out, which one image tells.
    """
    if len(inputs[0]) <= FEW_IMAGES:
        return FEW_IMAGES
    values = [1]

    def noted(module: nn.Module, taken: tuple[Any, ...], made: Any) -> None:
        values.append(sum(tensor.numel() for tensor in (*taken, made) if isinstance(tensor, Tensor)))

    hooks = [module.register_forward_hook(noted) for module in network.modules()]
    try:
        network(*(part[:1].to(next(network.parameters()).device) for part in inputs))
    finally:
        for hook in hooks:
            hook.remove()
    return max(1, min(MOST_IMAGES, MOST_VALUES // max(values)))


class TrainedGenerator:
    """A generator with its prior, classes, pixel range and origin.

    Attributes:
        generator: the network, in eval mode, without gradients.
        metadata: the bundle's metadata (`gan.generators.bundle.describe`), and the ``sha256`` of its file.
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
        """The prior of its latents."""
        return bundle_metadata.prior_of(self.metadata)

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 if it is not conditional."""
        return int(self.metadata["num_classes"])

    @property
    def conditional(self) -> bool:
        return self.num_classes > 0

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of its data, by label; may be empty."""
        return bundle_metadata.class_names_of(self.metadata)

    @property
    def points(self) -> bool:
        """Whether it generates 2-D points, (2, 1, 1), instead of images."""
        return bool(self.metadata["points"])

    @property
    def weights_sha256(self) -> str:
        """The SHA-256 of the weights."""
        return digest(*(tensor.cpu() for tensor in self.generator.state_dict().values()))

    def __repr__(self) -> str:
        channels, height, width = self.image_shape
        what = "2-D points" if self.points else f"images {channels} x {height} x {width}"
        classes = f", {counted(self.num_classes, 'class')}" if self.conditional else ""
        data = bundle_metadata.data_name_of(self.metadata)
        trained = (self.metadata.get("trained") or {}).get("g_updates")
        updates = f", {counted(trained, 'generator update')}" if isinstance(trained, int) else ""
        return f"<generator {self.metadata['family']}: {what}{classes}{f' of {data}' if data else ''}{updates}>"

    def _repr_png_(self) -> bytes:
        """A grid of 64 samples, for a notebook; one column for each class if there are up to 32."""
        from gan.generators.pictures import grid, png, scatter

        images = self.sample(64)
        if self.points:
            return png(scatter(images))
        return png(grid(images, columns=self.num_classes if 1 < self.num_classes <= 32 else None, scale=2))

    def to(self, device: torch.device | str) -> "TrainedGenerator":
        self.generator.to(device)
        return self

    def latents(self, count: int, seed: int, truncation: float | None = None) -> Tensor:
        """Latents (count, prior.width) of a seed; the first rows do not depend on ``count``. Truncation: see `sample`.

        Raises:
            GanError: count or seed is negative; truncation is out of its range, or the prior is uniform; the images do
                not fit into memory.
        """
        if count < 0:
            raise GanError(f"count: {count} given, 0 or more expected")
        if seed < 0:
            raise GanError(f"seed: {seed} given, 0 or more expected")
        self._check_memory(count)
        z = self.prior.fixed(count, seed=seed, purpose="samples from a bundle")
        if truncation is not None:
            self._check_truncation(truncation)
            z[:, : self.prior.latent_dim] *= truncation
        return z

    def labels(self, asked: Labels, count: int) -> Tensor | None:
        """The labels of ``count`` images, int64 (count,), from classes as in `sample`; None if not conditional.

        Raises:
            GanError: a class does not exist, or classes were given to an unconditional generator.
        """
        if self.conditional:
            return class_labels(asked, count, self.num_classes, self.class_names)
        if asked is not None:
            raise GanError("class: this generator was trained without classes; a class cannot be requested")
        return None

    def decode(self, z: Tensor, labels: Labels = None, *, batch_size: int | None = None) -> np.ndarray:
        """Latents (N, prior.width) -> uint8 images (N, C, H, W), ``batch_size`` at a time; arguments as in `sample`.

        Points are float32 (N, 2, 1, 1), in the units of their data.

        >>> from gan import load_generator
        >>> generator = load_generator("run")
        >>> z = generator.latents(3, seed=0)
        >>> generator.decode(z / 2, labels="Coat").shape
        (3, 1, 4, 5)
        """
        return self._images(z, self.labels(labels, len(z)), batch_size)

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels = None,
        batch_size: int | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """``count`` uint8 images (N, C, H, W); the same call gives the same images. Points: see `decode`.

        >>> from gan import load_generator
        >>> images = load_generator("run").sample(16, seed=0, labels=2)
        >>> images.shape, images.dtype
        ((16, 1, 4, 5), dtype('uint8'))

        Args:
            labels: for a conditional generator: a class by number or name; several classes, used in turn; or None for
                all classes in turn. If the name of a class is the number of another class, names must be given. A
                tensor holds numbers.
            batch_size: images generated at once; None: as many as `images_at_a_time` says.
            truncation: ψ in (0, 1], a factor on normal noise: more typical images with less variety. 1 and None change
                nothing; InfoGAN's codes and the classes are not affected. (Brock et al. 2019 redraw noise beyond a
                threshold; a factor has a similar effect, and each image changes gradually with ψ.)

        Raises:
            GanError: a class does not exist, labels were given to an unconditional generator, truncation is out of its
                range, or the prior is uniform, which has no typical region.
        """
        return self.decode(self.latents(count, seed, truncation), labels, batch_size=batch_size)

    def latent_walk(
        self,
        anchors: Sequence[int] | Tensor,
        *,
        steps: int = 30,
        labels: Labels = None,
        truncation: Sequence[float] | None = None,
        method: str | None = None,
        loop: bool = False,
        batch_size: int | None = None,
    ) -> np.ndarray:
        """uint8 images (frames, C, H, W) of an interpolation between latents and between classes.

        >>> from gan import load_generator
        >>> generator = load_generator("run")
        >>> generator.latent_walk([0, 1, 2], steps=10, labels="Bag").shape  # seeds; 2 times 10 steps, and the end
        (21, 1, 4, 5)
        >>> generator.latent_walk([5, 5], steps=10, labels=[0, 2], loop=True).shape  # one latent, its class changes
        (20, 1, 4, 5)

        Args:
            anchors: the key frames, 2 or more, in order: seeds, each for the first image of ``sample(…, seed=seed)``;
                or latents (N, prior.width).
            steps: frames from each anchor to the next.
            labels: as in `sample`, one for each anchor. The embeddings of two classes are interpolated linearly.
            truncation: ψ above 0 and at most 2, one for each anchor: a factor on its normal noise, as in `sample`. With
                one latent the frames are a sweep of ψ.
            method: "spherical" or "linear": `gan.generators.interpolation.interpolate`. By default "spherical" for a
                normal prior, else "linear".
            loop: return to the first anchor, so that the frames can be repeated without a jump.
            batch_size: images generated at once; None: as many as `images_at_a_time` says.

        Raises:
            GanError: fewer than 2 anchors, an unknown method or class, truncation out of its range or of a uniform
                prior, steps below 1, or more frames than fit into memory.
        """
        self._check_memory(len(anchors) * steps)
        z = anchors if isinstance(anchors, Tensor) else self._first_latents(anchors)
        if truncation is not None:
            z = self._truncated(z, truncation)
        where = frame_positions(len(z), steps, loop=loop)
        classes = self.labels(labels, len(z))
        if classes is not None:
            one_hot = torch.nn.functional.one_hot(classes, self.num_classes).float()
            classes = torch.lerp(one_hot[where.start], one_hot[where.end], where.fraction[:, None])
        return self._images(interpolate(z, where, self.prior, method), classes, batch_size)

    def _truncated(self, z: Tensor, truncation: Sequence[float]) -> Tensor:
        """Latents (N, prior.width) with their noise times ψ, one for each."""
        if len(truncation) != len(z):
            raise GanError(
                f"truncation: {len(truncation)} given for {counted(len(z), 'anchor')}; one for each expected"
            )
        for psi in truncation:
            self._check_truncation(psi, most=MOST_TRUNCATION)
        factors = torch.ones_like(z)
        factors[:, : self.prior.latent_dim] = torch.tensor(truncation, dtype=z.dtype)[:, None]
        return z * factors

    def _first_latents(self, seeds: Sequence[int]) -> Tensor:
        """(N, prior.width): the first latent of each seed."""
        return torch.cat([torch.empty(0, self.prior.width), *(self.latents(1, seed) for seed in seeds)])

    @torch.no_grad()
    def _images(self, z: Tensor, classes: Tensor | None, batch_size: int | None) -> np.ndarray:
        """Images of latents and, if conditional, of labels (N,) or mixtures of classes (N, num_classes)."""
        device = next(self.generator.parameters()).device
        images = [torch.empty(0, *self.image_shape, dtype=dtype_at_rest(self.image_shape))]
        inputs = [z] if classes is None else [z, classes]
        batch_size = batch_size or images_at_a_time(self.generator, *inputs)
        for first in range(0, len(z), batch_size):
            with without_tf32():
                made = self.generator(*(part[first : first + batch_size].to(device) for part in inputs))
            if made.isnan().any():  # as uint8 they would be black
                raise GanError("this generator makes images that are not finite: its weights are too large, or damaged")
            images.append(self._at_rest(made).cpu())
        return torch.cat(images).numpy()

    def _check_memory(self, count: int) -> None:
        """Raise DataError if ``count`` images do not fit into memory."""
        check_memory("count", count, self.image_shape, "fewer images expected", more=4 * self.prior.width)

    def _check_truncation(self, truncation: float, most: float = 1) -> None:
        if not 0 < truncation <= most:
            raise GanError(f"truncation: {truncation!r} given; above 0 and at most {most:g} expected")
        if self.prior.name != "normal":
            raise GanError(
                f"truncation: this generator's prior is {self.prior.name}; only a normal one can be truncated"
            )

    def _at_rest(self, images: Tensor) -> Tensor:
        return denormalize(images, self.metadata["mean"], self.metadata["std"], dtype_at_rest(self.image_shape))
