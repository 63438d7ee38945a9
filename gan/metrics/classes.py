"""What a classifier sees in a set of images: which classes, how evenly, how clearly, and whether those asked for."""

import math

import torch
from torch import Tensor

PRESENT = 0.1  # a class is missing if it has less than this part of the share that it has in real images


def classifier_score(logits: Tensor) -> float:
    """exp of the mean KL divergence from each image's classes to those of all: from 1 to K, higher is better.

    Salimans et al. 2016, "Improved Techniques for Training GANs" (there with Inception: the Inception score). High when
    each image is clearly of one class and all classes are there. It does not see variety within a class.

    Args:
        logits: (N, K).
    """
    log_classes = logits.cpu().double().log_softmax(1)
    classes = log_classes.exp()
    log_all = classes.mean(0).clamp(min=1e-300).log()
    return math.exp(float((classes * (log_classes - log_all)).sum(1).mean()))


def class_shares(classes: Tensor, num_classes: int) -> list[float]:
    """Share of each class among int64 (N,): K numbers that sum to 1."""
    counts = torch.bincount(classes, minlength=num_classes)
    return (counts.cpu().double() / len(classes)).tolist()


def kl_to_uniform(shares: list[float]) -> float:
    """KL divergence of the shares of K classes from 1/K each, in nats: from 0 (even) to log K (one class alone)."""
    return sum(share * math.log(share * len(shares)) for share in shares if share > 0)


def missing_classes(shares: list[float], real_shares: list[float]) -> list[int]:
    """The classes that have less than a tenth of their share in real images.

    Not "none at all": a classifier gives every image some class, so of 10,000 bad ones a few land in each.
    """
    pairs = zip(shares, real_shares, strict=True)
    return [index for index, (share, real) in enumerate(pairs) if real > 0 and share < PRESENT * real]


def label_accuracy(classes: Tensor, labels: Tensor) -> float:
    """Part of the images, classes (N,), that show the class that was asked for, labels (N,). In [0, 1]."""
    return float((classes.cpu() == labels.cpu()).double().mean())


def mode_numbers(classes: Tensor, num_classes: int = 10) -> Tensor:
    """int64 (N,): of the classes in each channel (N, C), the class of the stack, 100 r + 10 g + b."""
    modes = torch.zeros(len(classes), dtype=torch.int64)
    for channel in classes.cpu().T:
        modes = modes * num_classes + channel
    return modes


def expected_kl(count: int, modes: int = 1000) -> float:
    """About the reverse KL divergence, in nats, of ``count`` images of a perfect generator: it falls as 1/count."""
    return (modes - 1) / (2 * count)


def stacked_modes(classes: Tensor, num_classes: int = 10) -> tuple[int, float]:
    """Modes found, and the reverse KL divergence in nats, on images with a digit in each channel (Stacked MNIST).

    Metz et al. 2017, "Unrolled Generative Adversarial Networks"; Srivastava et al. 2017, "VEEGAN". By convention of
    26,000 images: a perfect generator then finds all 1000 modes, at a KL divergence of about 0.02, not 0.

    Args:
        classes: int64 (N, C), the digit in each channel.
        num_classes: digits; there are num_classes ** C modes.
    """
    shares = class_shares(mode_numbers(classes, num_classes), num_classes ** classes.shape[1])
    return sum(share > 0 for share in shares), kl_to_uniform(shares)
