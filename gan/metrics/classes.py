"""Metrics from the predictions of a classifier: classifier score, class balance, missing classes, label accuracy."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

PRESENT = 0.1  # a class is missing if its fraction is less than this factor times its fraction in real images


def classifier_score(logits: Tensor) -> float:
    """exp of the mean KL divergence of each image's class distribution from their mean: 1 to K, higher is better.

    Salimans et al. 2016, "Improved Techniques for Training GANs" (with Inception: the Inception score). It is high if
    each image clearly shows one class and all classes occur. It does not measure variety within a class.

    Args:
        logits: (N, K).
    """
    log_classes = logits.cpu().double().log_softmax(1)
    classes = log_classes.exp()
    log_all = classes.mean(0).clamp(min=1e-300).log()
    return math.exp(float((classes * (log_classes - log_all)).sum(1).mean()))


def class_shares(classes: Tensor, num_classes: int) -> list[float]:
    """Fraction of each class among int64 (N,): K numbers with sum 1."""
    counts = torch.bincount(classes, minlength=num_classes)
    return (counts.cpu().double() / len(classes)).tolist()


def kl_to_uniform(shares: list[float]) -> float:
    """KL divergence of the class fractions from 1/K each, in nats: from 0 (uniform) to log K (only one class)."""
    return sum(share * math.log(share * len(shares)) for share in shares if share > 0)


def missing_classes(shares: list[float], real_shares: list[float]) -> list[int]:
    """The classes with less than a tenth of their fraction in real images.

    The limit is not 0, because a classifier assigns every image to a class: 10,000 bad images put a few in each.
    """
    pairs = zip(shares, real_shares, strict=True)
    return [index for index, (share, real) in enumerate(pairs) if real > 0 and share < PRESENT * real]


def numbers_in(names: Sequence[str], own: Sequence[str]) -> Tensor | None:
    """int64 (K,): the number in ``names`` of each class in ``own``, which can have another order.

    None if the classes are not the same.
    """
    if sorted(names) != sorted(own):
        return None
    return torch.tensor([names.index(name) for name in own])


def label_accuracy(classes: Tensor, labels: Tensor) -> float:
    """Fraction of the images, in [0, 1], whose predicted class, classes (N,), is the requested one, labels (N,)."""
    return float((classes.cpu() == labels.cpu()).double().mean())


def mode_numbers(classes: Tensor, num_classes: int = 10) -> Tensor:
    """int64 (N,): the class of each stack, 100 r + 10 g + b, from the classes of its channels (N, C)."""
    modes = torch.zeros(len(classes), dtype=torch.int64)
    for channel in classes.cpu().T:
        modes = modes * num_classes + channel
    return modes


def expected_kl(count: int, modes: int = 1000) -> float:
    """Approximate reverse KL divergence, in nats, for ``count`` images of a perfect generator; it falls as 1/count."""
    return (modes - 1) / (2 * count)


def stacked_modes(classes: Tensor, num_classes: int = 10) -> tuple[int, float]:
    """Number of modes found, and reverse KL divergence in nats, for images with a digit per channel (Stacked MNIST).

    Metz et al. 2017, "Unrolled Generative Adversarial Networks"; Srivastava et al. 2017, "VEEGAN". The convention is
    26,000 images: a perfect generator then finds all 1000 modes, with a KL divergence of about 0.02, not 0.

    Args:
        classes: int64 (N, C), the digit in each channel.
        num_classes: number of digits; there are num_classes ** C modes.
    """
    shares = class_shares(mode_numbers(classes, num_classes), num_classes ** classes.shape[1])
    return sum(share > 0 for share in shares), kl_to_uniform(shares)
