"""How different the pictures of a set are from each other, in pixels: by this a collapse shows at once."""

import torch
from torch import Tensor


def pairwise_distance(images: Tensor, labels: Tensor | None = None) -> float:
    """The mean Euclidean distance of two different images of a set (N, …); 0 where there are no two.

    Args:
        labels: (N,): only pairs of one class count, and the mean is over the classes that have two images or more.
    """
    if labels is None:
        return _mean_distance(images)
    classes = [images[labels == label] for label in labels.unique()]
    distances = [_mean_distance(of_class) for of_class in classes if len(of_class) > 1]
    return sum(distances) / len(distances) if distances else 0.0


def diversity(fake: Tensor, real: Tensor, labels: Tensor | None = None, real_labels: Tensor | None = None) -> float:
    """The pairwise distance of fakes (N, …) as a multiple of that of real images (M, …).

    About 1 for a good generator, 0 where all fakes are equal. It sees a generator that makes one picture, or one kind
    of picture, whatever z is; not one that has lost a few of many kinds. NaN where the real images do not differ.

    Args:
        labels, real_labels: (N,) and (M,): diversity within classes; None: over the whole set.
    """
    of_real = pairwise_distance(real, real_labels)
    return pairwise_distance(fake, labels) / of_real if of_real > 0 else float("nan")


def contrast(images: Tensor) -> float:
    """The mean over images (N, …) of the standard deviation of an image's pixels; 0 where each is of one grey."""
    return float(images.cpu().flatten(1).double().std(dim=1, correction=0).mean())


def _mean_distance(images: Tensor) -> float:
    return float(torch.pdist(images.cpu().flatten(1).double()).mean()) if len(images) > 1 else 0.0
