"""The metrics that are fast enough to compute during training: one second for 2,000 images."""

import torch
from torch import Tensor

from gan.data.points import modes_covered
from gan.data.registry import TOY_DISTRIBUTIONS
from gan.metrics.image_metrics import ClassBalance, FrechetDistance, PrecisionRecall, SharedFeatures
from gan.metrics.quality import NEIGHBOURS
from gan.metrics.reference import Reference


def quick_metrics(reference: Reference, count: int) -> SharedFeatures:
    """The metrics of `Quality` that need neither many images nor all training images, for one process.

    Call ``update(images, real=False)``, ``compute()`` and ``reset()``, which keeps the real images. Do not compare the
    values with `gan evaluate`, which uses more images: a Fréchet distance decreases with the number of images.

    Args:
        reference: the real images.
        count: number of generated images, more than ``reference.num_features``.
    """
    alone: dict[str, bool] = {"reset_real": False, "sync_on_compute": False}
    near, labels, structure = reference.classes, reference.labels, reference.structure
    metrics = {
        "fcd": FrechetDistance(near.extractor, near.train.shape[1], **alone),
        "fcd_autoencoder": FrechetDistance(structure.extractor, structure.train.shape[1], **alone),
        "neighbours": PrecisionRecall(near.extractor, NEIGHBOURS, **alone),
        "classes": ClassBalance(labels.extractor, **alone),
    }
    real = {"fcd": near.train, "fcd_autoencoder": structure.train, "classes": labels.train}
    for name, features in {**real, "neighbours": near.held_out[:count]}.items():
        metrics[name].update(features, real=True)
    return SharedFeatures(metrics)


def measures_of_points(points: Tensor, name: str) -> dict[str, float]:
    """The number of ``modes`` and fraction of ``good_points`` of stored points (N, 2, 1, 1), for a toy distribution."""
    world = TOY_DISTRIBUTIONS[name]
    covered = modes_covered(points, torch.tensor(world.centres), world.std)
    return {"modes": float(covered.modes), "good_points": covered.high_quality}
