"""Rejection sampling for the generator of a run: its checkpoint has the discriminator."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan.config.saved_settings import read_saved
from gan.config.trust import check_trust
from gan.data.clusters import cluster_images, nearest, principal_components
from gan.data.loaded import LoadedImages
from gan.game.networks import adapting
from gan.generators.bundle_metadata import data_name_of
from gan.generators.rejection import RejectingGenerator, calibration_images
from gan.generators.trained_generator import TrainedGenerator
from gan.runs.resume import newest_state
from gan.system.errors import GanError
from gan.system.trust import trusted, untrusted
from gan.training.build import build_data
from gan.training.module import GAN


def with_rejection(run: Path, trained: TrainedGenerator) -> RejectingGenerator:
    """The generator of a run, with rejection sampling by the discriminator of its newest complete checkpoint.

    The held-out images of the run's own dataset calibrate the discriminator.

    Args:
        run: the run folder.
        trained: the generator of the run's bundle.

    Raises:
        GanError: there is no checkpoint, it is of another generator, the dataset cannot be read, or the generator makes
            points.
    """
    if trained.points:
        raise GanError("rejection sampling is for images; this generator makes 2-D points")
    checkpoint = newest_state(run, []).checkpoint if run.is_dir() else None
    if checkpoint is None:
        raise GanError(
            f"rejection sampling: {run} has no checkpoint with a discriminator; a run folder with one expected"
        )
    settings = read_saved(run)
    _check_trust(settings)
    game = GAN.load_from_checkpoint(checkpoint).eval().requires_grad_(False)
    ours, theirs = trained.generator.state_dict(), game.final_generator.state_dict()
    if any(not torch.equal(tensor.cpu(), theirs[name]) for name, tensor in ours.items()):
        raise GanError(
            f"rejection sampling: {checkpoint} and the generator of {run} are of different moments of the training"
        )
    data = _data(run, settings, data_name_of(trained.metadata))
    device = next(trained.generator.parameters()).device
    discriminator = game.discriminator.to(device)
    takes_labels = game.gets_labels["discriminator"]

    def score(images: Tensor, labels: Tensor) -> Tensor:
        asked = labels.to(device) if takes_labels else None
        return adapting.discriminate(discriminator, images.to(device), asked).logits

    chosen = calibration_images(len(data.held_out_images))
    images, labels = data.held_out_images[chosen], data.held_out_labels[chosen]
    if trained.prior.clusters:
        labels = _clusters(images, data.images, trained.prior.shares, game.seed)
    return RejectingGenerator(trained, score, images, labels if takes_labels or trained.conditional else None)


def _check_trust(settings: Mapping[str, Any]) -> None:
    """Refuse classes of the user's own in the dataset and the networks, unless their packages are trusted."""
    used = {name: node for name, node in settings.items() if name not in ("callbacks", "logger")}
    check_trust(list(untrusted(used, trusted())), trusted(), lambda names: f"--trust {','.join(names)}")


def _data(run: Path, settings: Mapping[str, Any], name: str) -> LoadedImages:
    """The dataset that a run was trained on; ``name`` is its name in the bundle."""
    node = settings["data"]
    if name == f"{node.get('name')}_sample":  # the bundled sample replaced a missing dataset
        node = {**node, "name": name}
    here = {"download": False, "on_missing": "error", "root": os.environ.get("GAN_DATA") or node.get("root")}
    known = {key: value for key, value in here.items() if key in node}  # a dataset of the user's own has others
    data = build_data({**settings, "data": {**node, **known}})
    data.setup()
    if name and data.loaded.name != name:
        raise GanError(
            f"rejection sampling: {run} was trained on {name}, and its settings give {data.loaded.name} here"
        )
    return data.loaded


def _clusters(images: Tensor, training_images: Tensor, shares: tuple[float, ...], seed: int) -> Tensor:
    """The cluster of each image (N,), int64: that of its nearest training image."""
    found = cluster_images(training_images, len(shares), seed)
    here = torch.bincount(found, minlength=len(shares)) / len(found)
    if not torch.allclose(here, torch.tensor(shares), atol=1e-4):
        raise GanError("rejection sampling: the training images have other clusters here than when the run was trained")
    rows = principal_components(torch.cat([training_images, images]))
    return found[nearest(rows[len(training_images) :], rows[: len(training_images)], 1)[:, 0]]
