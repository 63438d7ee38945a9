"""The kernel distance between two sets of images (KID).

Bińkowski et al. 2018, "Demystifying MMD GANs". It makes no assumption about the distribution of the features. Unlike a
Fréchet distance it is unbiased: real against real images give 0 on average, so values can be negative.
"""

import torch
from torch import Tensor

from gan.system.errors import GanError


def kernel_distance(
    real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Mean and standard deviation of the unbiased squared MMD, over random subsets of both sets.

    Args:
        real, fake: features (N, D), (M, D).
        subsets: number of subsets.
        subset_size: images from each set per subset, drawn without replacement; 2 or more.
        seed: random seed of the draws; the same seed gives the same result.

    Raises:
        GanError: ``subset_size`` is below 2 or larger than a set.
    """
    available = min(len(real), len(fake))
    if not 2 <= subset_size <= available:
        raise GanError(f"KID: subsets of {subset_size} images; 2 to {available} expected, the smaller set's size")
    real, fake = real.cpu().double(), fake.cpu().double()
    random = torch.Generator().manual_seed(seed)

    def chosen(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=random)[:subset_size]]

    distances = torch.tensor([unbiased_mmd(chosen(real), chosen(fake)) for _ in range(subsets)], dtype=torch.float64)
    return float(distances.mean()), float(distances.std(correction=0))


def unbiased_mmd(real: Tensor, fake: Tensor) -> float:
    """The unbiased squared MMD of two sets (N, D), (M, D) with the kernel (x·y / D + 1)³."""
    within_real, within_fake = _kernel(real, real), _kernel(fake, fake)
    count, fake_count = len(real), len(fake)
    real_term = (within_real.sum() - within_real.trace()) / (count * (count - 1))
    fake_term = (within_fake.sum() - within_fake.trace()) / (fake_count * (fake_count - 1))
    return float(real_term + fake_term - 2 * _kernel(real, fake).mean())


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    kernel: Tensor = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel
