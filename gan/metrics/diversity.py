"""Diversity of a set of images, as distances between their pixels. It shows mode collapse immediately."""

import torch
from torch import Tensor


def pairwise_distance(images: Tensor, labels: Tensor | None = None) -> float:
    """The mean Euclidean distance between two images of a set (N, …); 0 for fewer than two images.

    Args:
        labels: (N,): use only pairs of the same class, and average over the classes with two images or more.
    """
    if labels is None:
        return _mean_distance(images)
    classes = [images[labels == label] for label in labels.unique()]
    distances = [_mean_distance(of_class) for of_class in classes if len(of_class) > 1]
    return sum(distances) / len(distances) if distances else 0.0


def diversity(fake: Tensor, real: Tensor, labels: Tensor | None = None, real_labels: Tensor | None = None) -> float:
    """The pairwise distance of generated images (N, …), divided by the same of real images (M, …).

    About 1 for a good generator, 0 if all generated images are equal. It detects a generator that makes one image, or
    one kind of image, for every z, but not one that misses a few of many kinds. NaN if all real images are equal.

    Args:
        labels, real_labels: (N,) and (M,), for diversity within classes; None: over the whole set.
    """
    of_real = pairwise_distance(real, real_labels)
    return pairwise_distance(fake, labels) / of_real if of_real > 0 else float("nan")


def contrast(images: Tensor) -> float:
    """The standard deviation of an image's pixels, averaged over images (N, …); 0 if each has a single grey value."""
    return float(images.cpu().flatten(1).double().std(dim=1, correction=0).mean())


def _mean_distance(images: Tensor) -> float:
    return float(torch.pdist(images.cpu().flatten(1).double()).mean()) if len(images) > 1 else 0.0
