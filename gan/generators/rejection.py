"""Discriminator rejection sampling: images that the discriminator recognises as generated are drawn again.

Azadi et al. 2019, "Discriminator Rejection Sampling" (arXiv:1810.06758). A discriminator's logit, calibrated, is the
logarithm of the density ratio of real and generated images. An image is kept with a probability that increases with it.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from gan.data.normalization import normalize
from gan.generators.trained_generator import Labels, TrainedGenerator
from gan.system.errors import GanError
from gan.system.random_streams import stream_seed

# Normalised images (N, C, H, W), labels int64 (N,): classes or clusters, zeros without -> logits (N,).
Score = Callable[[Tensor, Tensor], Tensor]

CALIBRATION_IMAGES = 5000  # real images, and generated ones, at most
# γ is this quantile of F, as in the paper's experiments, so that at least a quarter of the images is kept; but at most
# 0, which is exact: a larger γ would also reject images that are as frequent as real ones.
PERCENTILE = 0.8
EPSILON = 1e-3  # against an infinite F of the most realistic image
MOST_ROUNDS = 100  # after so many rejections in a row, the last image is kept
AT_ONCE = 500


class RejectingGenerator(TrainedGenerator):
    """A generator whose `sample` leaves out images that the discriminator recognises as generated.

    A class that is asked for is kept, and so is a cluster: an image of the same is drawn again. The images that the
    first draw keeps are those that `TrainedGenerator.sample` returns with this seed, at the same places.

    Args:
        trained: the generator.
        score: the discriminator's logits.
        real: held-out images, uint8 (N, C, H, W), to calibrate the logits.
        labels: their classes or clusters, int64 (N,); None if the discriminator does not use labels.

    Attributes:
        acceptance: the expected fraction of generated images that are kept.

    Raises:
        GanError: there are fewer than 2 held-out images, or the logits do not distinguish them from generated images.
    """

    def __init__(self, trained: TrainedGenerator, score: Score, real: Tensor, labels: Tensor | None = None) -> None:
        super().__init__(trained.generator, trained.metadata)
        if len(real) < 2:
            raise GanError(f"rejection sampling: {len(real)} held-out images, at least 2 expected")
        self._score = score
        labels = torch.zeros(len(real), dtype=torch.int64) if labels is None else labels
        chosen = calibration_images(len(real))
        real, of_real = real[chosen], labels[chosen]
        z = self.prior.fixed(len(real), seed=0, purpose="calibration of rejection sampling")
        fake = self._logits(self.decode(z, of_real if self.conditional else None), self._labels_for_score(z, of_real))
        self._slope, self._offset = calibrate(self._logits(real.numpy(), of_real), fake)
        ratios = self._slope * fake + self._offset
        self._largest = ratios.max()
        self._gamma = torch.quantile(self._exponent(ratios), PERCENTILE).clamp(max=0)
        self.acceptance = float(self._acceptance(fake).mean())

    def sample(
        self,
        count: int,
        *,
        seed: int = 0,
        labels: Labels = None,
        batch_size: int | None = None,
        truncation: float | None = None,
    ) -> np.ndarray:
        """``count`` uint8 images (N, C, H, W); the same call gives the same images. See `TrainedGenerator.sample`.

        Raises:
            GanError: also if a truncation is given.
        """
        if truncation is not None:
            raise GanError("truncation: it changes the density that rejection sampling corrects; use one of them")
        classes = self.labels(labels, count)
        z = self.latents(count, seed)
        images = self.decode(z, classes, batch_size=batch_size)
        rejected = torch.arange(count)
        for number in range(MOST_ROUNDS):
            of_score = self._labels_for_score(z, torch.zeros(len(z), dtype=torch.int64) if classes is None else classes)
            accepted = self._acceptance(self._logits(images[rejected.numpy()], of_score[rejected]))
            uniform = torch.Generator().manual_seed(stream_seed(seed, 0, "rejection sampling", number))
            drawn = torch.rand(-(-count // 16) * 16, generator=uniform)  # whole blocks: see Prior.fixed
            rejected = rejected[drawn[rejected] >= accepted]
            if not len(rejected):
                break
            before, z = z, self.prior.fixed(count, seed=seed, purpose=f"rejection sampling, round {number}")
            if self.prior.clusters:  # each image keeps its cluster: their shares in the data are known
                z[:, -self.prior.clusters :] = before[:, -self.prior.clusters :]
            again = None if classes is None else classes[rejected]
            images[rejected.numpy()] = self.decode(z[rejected], again, batch_size=batch_size)
        return images

    def _acceptance(self, logits: Tensor) -> Tensor:
        """The probability that an image is kept (N,): the paper's equation 8."""
        return torch.sigmoid(self._exponent(self._slope * logits + self._offset) - self._gamma)

    def _exponent(self, ratios: Tensor) -> Tensor:
        """The paper's F without γ, from calibrated logits (N,)."""
        below = (ratios - self._largest).clamp(max=0)
        return below - torch.log(1 - torch.exp(below - EPSILON))

    def _labels_for_score(self, z: Tensor, labels: Tensor) -> Tensor:
        """The labels that the discriminator gets for generated images (N,): their clusters, or the given classes."""
        return z[:, -self.prior.clusters :].argmax(dim=1) if self.prior.clusters else labels

    @torch.no_grad()
    def _logits(self, images: np.ndarray, labels: Tensor) -> Tensor:
        mean, std = self.metadata["mean"], self.metadata["std"]
        pairs = zip(torch.from_numpy(images).split(AT_ONCE), labels.split(AT_ONCE), strict=True)
        return torch.cat([self._score(normalize(part, mean, std), y).cpu().double().flatten() for part, y in pairs])


def calibration_images(count: int) -> Tensor:
    """Indices of at most `CALIBRATION_IMAGES` of ``count`` images, evenly spaced: they can be sorted by class."""
    used = min(count, CALIBRATION_IMAGES)
    return torch.arange(used) * count // max(used, 1)


def calibrate(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Slope and offset of a logistic regression of "real" on logits of real images (N,) and of generated ones (M,).

    Both kinds have the same weight in the loss.

    Raises:
        GanError: the logits are not finite, or do not increase from generated to real images.
    """
    real, fake = real.cpu().double(), fake.cpu().double()
    logits = torch.cat([real, fake])
    if not logits.isfinite().all():
        raise GanError("rejection sampling: the discriminator's logits are not finite")
    centre, scale = logits.mean(), logits.std().clamp(min=1e-12)
    x, is_real = (logits - centre) / scale, torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    weights = torch.cat([torch.full_like(real, 0.5 / len(real)), torch.full_like(fake, 0.5 / len(fake))])
    features, line = torch.stack([x, torch.ones_like(x)]), torch.zeros(2, dtype=torch.float64)
    for _ in range(50):  # Newton's method (iteratively reweighted least squares), with a little weight decay
        p = torch.sigmoid(line @ features)
        gradient = features @ (weights * (p - is_real)) + 1e-6 * line
        hessian = (features * (weights * p * (1 - p))) @ features.T + 1e-6 * torch.eye(2, dtype=torch.float64)
        step = torch.linalg.solve(hessian, gradient)
        line = line - step.clamp(-5, 5)
        if step.abs().max() < 1e-10:
            break
    slope = float(line[0] / scale)
    if slope <= 0:
        raise GanError(
            "rejection sampling: the discriminator's logits are not larger for held-out images than for generated ones"
        )
    return slope, float(line[1] - slope * centre)
