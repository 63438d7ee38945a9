"""Rejection sampling for the generator of a run: its checkpoint has the discriminator."""

from pathlib import Path

import torch
from torch import Tensor

from gan.data.clusters import cluster_images, nearest, principal_components
from gan.game.networks import adapting
from gan.generators.rejection import CALIBRATION_IMAGES, RejectingGenerator
from gan.generators.trained_generator import TrainedGenerator
from gan.metrics.real_sets import RealSets
from gan.runs.checkpoint_file import is_intact, newest_first
from gan.system.errors import GanError
from gan.training.module import GAN


def with_rejection(run: Path, trained: TrainedGenerator, real: RealSets) -> RejectingGenerator:
    """The generator of a run, with rejection sampling by the discriminator of its newest complete checkpoint.

    Args:
        run: the run folder.
        trained: the generator of the run's bundle.
        real: the real images, of which the held-out ones calibrate the discriminator.

    Raises:
        GanError: there is no checkpoint, it is of another generator, or the generator makes points.
    """
    if trained.points:
        raise GanError("rejection sampling is for images; this generator makes 2-D points")
    checkpoint = next((path for path in newest_first(run) if is_intact(path)), None) if run.is_dir() else None
    if checkpoint is None:
        raise GanError(
            f"rejection sampling: {run} has no checkpoint with a discriminator; a run folder with one expected"
        )
    game = GAN.load_from_checkpoint(checkpoint).eval().requires_grad_(False)
    ours, theirs = trained.generator.state_dict(), game.final_generator.state_dict()
    if any(not torch.equal(tensor.cpu(), theirs[name]) for name, tensor in ours.items()):
        raise GanError(
            f"rejection sampling: {checkpoint} and the generator of {run} are of different moments of the training"
        )
    device = next(trained.generator.parameters()).device
    discriminator = game.discriminator.to(device)
    takes_labels = game.gets_labels["discriminator"]

    def score(images: Tensor, labels: Tensor) -> Tensor:
        asked = labels.to(device) if takes_labels else None
        return adapting.discriminate(discriminator, images.to(device), asked).logits

    data = real.images(run, trained)
    images, labels = (held_out[:CALIBRATION_IMAGES] for held_out in (data.held_out_images, data.held_out_labels))
    if trained.prior.clusters:
        labels = _clusters(images, data.images, trained.prior.clusters, game.seed)
    return RejectingGenerator(trained, score, images, labels if takes_labels or trained.conditional else None)


def _clusters(images: Tensor, training_images: Tensor, clusters: int, seed: int) -> Tensor:
    """The cluster of each image (N,), int64: that of its nearest training image."""
    found = cluster_images(training_images, clusters, seed)
    rows = principal_components(torch.cat([training_images, images]))
    return found[nearest(rows[len(training_images) :], rows[: len(training_images)], 1)[:, 0]]
