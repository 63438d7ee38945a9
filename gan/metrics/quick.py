"""The measures that are cheap enough to take while a run goes on: a second for 2,000 images."""

import torch
from torch import Tensor

from gan.data.points import modes_covered
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.metrics.classes import class_shares, kl_to_uniform, label_accuracy, missing_classes
from gan.metrics.frechet import Moments, distance
from gan.metrics.neighbours import neighbourhoods
from gan.metrics.quality import NEIGHBOURS
from gan.metrics.reference import Reference


def quick_measures(images: Tensor, reference: Reference, labels: Tensor | None = None) -> dict[str, float]:
    """Those of `Quality` that need neither many images nor all training images, by their names there.

    As numbers of few images they do not compare with those of `gan evaluate`: a Fréchet distance falls as the number
    of images grows.

    Args:
        images: uint8 (N, C, H, W), with as many channels as the reference; N more than ``reference.num_features``.
        labels: int64 (N,), the classes that were asked for, if any were.

    Returns:
        ``fcd``, ``fcd_autoencoder``, ``precision``, ``recall``, ``density``, ``coverage``, ``kl_uniform``,
        ``missing`` (a count) and, with labels, of grey images ``label_accuracy``.
    """
    real, labeller = reference.classes, reference.labels.extractor
    fake, structure = real.extractor.features(images), reference.structure.extractor.features(images)
    near = neighbourhoods(real.held_out[: len(images)], fake, NEIGHBOURS)
    logits = labeller.logits(labeller.features(images))  # (N, C, K)
    classes = logits.argmax(2)
    shares = class_shares(classes.flatten(), logits.shape[2])
    measured = {
        "fcd": distance(Moments.of(fake), real.moments),
        "fcd_autoencoder": distance(Moments.of(structure), reference.structure.moments),
        "precision": near.precision,
        "recall": near.recall,
        "density": near.density,
        "coverage": near.coverage,
        "kl_uniform": kl_to_uniform(shares),
        "missing": float(len(missing_classes(shares, reference.real_shares))),
    }
    if labels is not None and images.shape[1] == 1:
        measured["label_accuracy"] = label_accuracy(classes[:, 0], labels.cpu())
    return measured


def measures_of_points(points: Tensor, name: str) -> dict[str, float]:
    """Of points (N, 2, 1, 1) at rest, in the world of this name: ``modes`` found, and the share of ``good_points``."""
    world = TOY_DISTRIBUTIONS[name]
    covered = modes_covered(points, torch.tensor(world.centres), world.std)
    return {"modes": float(covered.modes), "good_points": covered.high_quality}
