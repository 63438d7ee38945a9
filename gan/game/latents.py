"""Priors of latent vectors, including InfoGAN's codes and clusters."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, NamedTuple

from gan.game.sizes import MAX_WIDTH
from gan.system.random_streams import stream_seed
from gan.system.ranges import Range

if TYPE_CHECKING:
    import torch

PRIORS = ("normal", "uniform")
CHOICES = 2**24  # numbers from which a cluster is drawn


class Codes(NamedTuple):
    """The codes in latents (Chen et al. 2016), which InfoGAN's Q network predicts from the images.

    Attributes:
        categorical: the class of each categorical code, int64 (N,).
        continuous: float32 (N, number of continuous codes) in [-1, 1]; None if there are none.
    """

    categorical: "tuple[torch.Tensor, ...]"
    continuous: "torch.Tensor | None"


@dataclass(frozen=True)
class CodeSizes:
    """The sizes of InfoGAN's codes, which follow the noise in z and are predicted from the images.

    Attributes:
        categorical: number of classes of each categorical code; [10, 5] adds 15 components to z.
        continuous: number of continuous codes on [-1, 1]; each is one component of z.
    """

    categorical: Sequence[Annotated[int, Range(2, MAX_WIDTH)]] = ()
    continuous: Annotated[int, Range(0, MAX_WIDTH)] = 0


@dataclass(frozen=True)
class Prior:
    """The distribution of latents z: noise, followed by InfoGAN's codes if there are any.

    Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial
    Nets". A row of z is ``[noise | one-hot of each categorical code | continuous codes]``, float32.

    Attributes:
        name: distribution of each component of the noise: "normal" for N(0, 1), "uniform" for U(-1, 1).
        latent_dim: components of the noise, 1 or more.
        categorical: number of classes of each categorical code, 2 or more; all classes are equally likely.
        continuous: number of continuous codes, each U(-1, 1).
        shares: if given, the last categorical code is a cluster of the training images (`gan.data.clusters`), and these
            are the fractions of the images in each cluster, which sum to 1. Then there are no codes of InfoGAN.

    Raises:
        ValueError: the name does not exist, or a number is out of its range.
    """

    name: str
    latent_dim: int
    categorical: tuple[int, ...] = ()
    continuous: int = 0
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in PRIORS:
            raise ValueError(f"prior must be one of {PRIORS}, not {self.name!r}")
        if self.latent_dim < 1:
            raise ValueError(f"latent_dim must be 1 or more, not {self.latent_dim}")
        if any(classes < 2 for classes in self.categorical):
            raise ValueError(f"categorical codes must have 2 classes or more, not {self.categorical}")
        if self.continuous < 0:
            raise ValueError(f"continuous must be 0 or more, not {self.continuous}")
        if self.shares and (self.categorical != (len(self.shares),) or self.continuous):
            raise ValueError(
                f"{len(self.shares)} shares of clusters need categorical=({len(self.shares)},) and no other codes, not "
                f"categorical={self.categorical}, continuous={self.continuous}"
            )
        if self.shares and (min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6):
            raise ValueError(f"the shares of clusters must be fractions that sum to 1, not {self.shares}")

    @property
    def width(self) -> int:
        """Components of z: the noise and all codes."""
        return self.latent_dim + sum(self.categorical) + self.continuous

    @property
    def has_codes(self) -> bool:
        """Whether there are codes of InfoGAN, which are predicted from the images; a cluster is not."""
        return (bool(self.categorical) or self.continuous > 0) and not self.shares

    @property
    def code_names(self) -> list[str]:
        """A name for each categorical code, for the user."""
        return ["cluster"] if self.shares else [f"categorical code {1 + i}" for i in range(len(self.categorical))]

    @property
    def clusters(self) -> int:
        """Number of clusters of the training images; 0 without."""
        return len(self.shares)

    def with_clusters(self, shares: Sequence[float]) -> "Prior":
        """This prior with a cluster as the last part of z.

        Args:
            shares: the fraction of the training images in each cluster.
        """
        return replace(self, categorical=(len(shares),), shares=tuple(shares))

    def draw(
        self, count: int, *, device: "torch.device | str" = "cpu", generator: "torch.Generator | None" = None
    ) -> "torch.Tensor":
        """Draw z (count, width). The noise is drawn first, so that it is the same with and without codes.

        Args:
            generator: source of random numbers; None for torch's global generator of the device.
        """
        parts = [self._noise(count, device, generator)]
        parts += [self._one_hot(count, classes, device, generator) for classes in self.categorical]
        if self.continuous:
            parts.append(_uniform(count, self.continuous, device, generator))
        return _joined(parts)

    def draw_in_clusters(self, clusters: "torch.Tensor") -> "torch.Tensor":
        """Draw z (N, width) of these clusters, int64 (N,), with noise from torch's global generator of their device."""
        noise = self._noise(len(clusters), clusters.device, None)
        return _joined([noise, _as_one_hot(clusters[:, None], self.clusters)])

    def fixed(self, count: int, *, seed: int, purpose: str) -> "torch.Tensor":
        """z (count, width) that depends on the seed and the purpose only; drawn on the CPU, equal on every machine.

        The first rows do not depend on ``count``: noise and codes have separate streams, and whole blocks are drawn
        because torch generates 16 numbers at a time.
        """
        import torch

        def stream(part: str = "") -> torch.Generator:
            return torch.Generator().manual_seed(stream_seed(seed, 0, purpose + part, 0))

        whole_blocks = math.ceil(count / 16) * 16
        parts = [self._noise(whole_blocks, "cpu", stream())]
        for index, classes in enumerate(self.categorical):
            parts.append(self._one_hot(whole_blocks, classes, "cpu", stream(f", categorical code {index}")))
        if self.continuous:
            parts.append(_uniform(whole_blocks, self.continuous, "cpu", stream(", continuous codes")))
        return _joined(parts)[:count]

    def codes(self, z: "torch.Tensor") -> Codes:
        """The codes in z (N, width)."""
        sizes = [self.latent_dim, *self.categorical, self.continuous]
        _, *one_hots, continuous = z.split(sizes, dim=1)
        return Codes(tuple(part.argmax(dim=1) for part in one_hots), continuous if self.continuous else None)

    def _noise(self, count: int, device: "torch.device | str", generator: "torch.Generator | None") -> "torch.Tensor":
        import torch  # here, so that the configuration can use Prior's names without torch

        if self.name == "uniform":
            return _uniform(count, self.latent_dim, device, generator)
        return torch.randn(count, self.latent_dim, device=device, generator=generator)

    def _one_hot(
        self, count: int, classes: int, device: "torch.device | str", generator: "torch.Generator | None"
    ) -> "torch.Tensor":
        """(count, classes), float32: random one-hot rows; all classes are equally likely, clusters by their shares."""
        import torch

        chosen = torch.randint(CHOICES if self.shares else classes, (count, 1), device=device, generator=generator)
        if self.shares:
            chosen = torch.bucketize(chosen, torch.tensor(cluster_edges(self.shares), device=device), right=True)
        return _as_one_hot(chosen, classes)


def _as_one_hot(chosen: "torch.Tensor", classes: int) -> "torch.Tensor":
    """Classes, int64 (N, 1) -> one-hot rows, float32 (N, classes)."""
    import torch

    return torch.zeros(len(chosen), classes, device=chosen.device).scatter_(1, chosen, 1.0)


def cluster_edges(shares: Sequence[float]) -> list[int]:
    """Integers in ascending order, one fewer than shares: cluster k has the numbers from edge k - 1 to below edge k.

    A cluster is drawn as a number below 2^24. Integers give every implementation the same clusters.
    """
    return [round(total * CHOICES) for total in itertools.accumulate(shares)][:-1]


def _uniform(
    count: int, size: int, device: "torch.device | str", generator: "torch.Generator | None"
) -> "torch.Tensor":
    """(count, size) from U(-1, 1)."""
    import torch

    return torch.empty(count, size, device=device).uniform_(-1.0, 1.0, generator=generator)


def _joined(parts: "list[torch.Tensor]") -> "torch.Tensor":
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
