"""Training of the extractors: once per dataset, only on the training images, in a few minutes on two cores."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, cross_entropy, grid_sample

from gan.data.sources import LoadedImages
from gan.metrics.extractors import Extractor, read_extractor, save_extractor
from gan.metrics.frechet import Moments
from gan.metrics.neighbours import nearest
from gan.metrics.networks import FEATURES, Autoencoder, Classifier, as_input, build
from gan.system.errors import GanError, counted

BATCH_SIZE = 256


@dataclass(frozen=True)
class Augmentation:
    """Random geometric augmentation of a training image, so that the classifier sees more than 60,000 images.

    Attributes:
        degrees: maximum rotation, in both directions.
        pixels: maximum shift, in each direction.
        zoom: maximum change of size, as a fraction.
        mirrored: whether images may be flipped horizontally. True for clothes, False for digits.
    """

    degrees: float
    pixels: float
    zoom: float
    mirrored: bool


DIGITS = Augmentation(degrees=12, pixels=2.5, zoom=0.1, mirrored=False)
CLOTHES = Augmentation(degrees=3, pixels=1.5, zoom=0.05, mirrored=True)


def moved(images: Tensor, how: Augmentation, random: torch.Generator) -> Tensor:
    """Augmented float images (N, 1, H, W), each with its own random transformation."""
    count, size = len(images), images.shape[-1]

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=random) * 2 - 1) * limit

    angle, zoom = uniform(math.radians(how.degrees)), 1 + uniform(how.zoom)
    mirror = 1 - 2 * torch.randint(2 if how.mirrored else 1, (count,), generator=random)
    rows = [
        torch.stack([zoom * angle.cos() * mirror, -zoom * angle.sin(), uniform(2 * how.pixels / size)], dim=1),
        torch.stack([zoom * angle.sin() * mirror, zoom * angle.cos(), uniform(2 * how.pixels / size)], dim=1),
    ]
    grid = affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return grid_sample(images, grid, align_corners=False)


def speckled(images: Tensor, random: torch.Generator) -> Tensor:
    """Float images (N, 1, H, W), half of them with grey noise up to 0.2 and up to a tenth of the pixels replaced.

    Images of small GANs have similar noise. A classifier trained without noise misclassifies them, and the metrics
    would report classes as missing that are not.
    """
    chosen = torch.rand(len(images), 1, 1, 1, generator=random) < 0.5
    amount, part = (torch.rand(len(images), 1, 1, 1, generator=random) for _ in range(2))
    noisy = images + 0.2 * amount * torch.randn(images.shape, generator=random)
    replaced = torch.rand(images.shape, generator=random) < 0.1 * part
    noisy = torch.where(replaced, torch.rand(images.shape, generator=random), noisy)
    return torch.where(chosen, noisy.clamp(0, 1), images)


def train(
    kind: str, data: LoadedImages, *, epochs: int, seed: int, say: Callable[[str], None] = print
) -> Classifier | Autoencoder:
    """Train an extractor on the training images of a dataset.

    Args:
        kind: "classifier", "labeller" (the same, also on images with noise), "autoencoder" (learns to reconstruct
            images, without labels) or "control" (a classifier of another architecture).
        epochs: passes over the training images.
        seed: random seed of the initial weights, the order of the images and their augmentation.
        say: function that prints a line for each epoch.

    Returns:
        The network in eval mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(kind, len(data.class_names), data.images.shape[1])
        how = CLOTHES if data.name.startswith("fashion") else DIGITS
        random = torch.Generator().manual_seed(seed)

        def drawn(images: Tensor) -> Tensor:
            images = moved(images, how, random)
            return speckled(images, random) if kind == "labeller" else images

        changed = drawn if isinstance(network, Classifier) else None
        fit(network, data.images, data.labels, changed=changed, epochs=epochs, random=random, say=say)
    return network.eval()


def fit(
    network: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    *,
    changed: Callable[[Tensor], Tensor] | None,
    epochs: int,
    random: torch.Generator,
    say: Callable[[str], None],
) -> None:
    """Train a classifier to predict the labels, or an autoencoder to reconstruct the images.

    Args:
        pixels: uint8 (N, 1, H, W). labels: int64 (N,).
        changed: function that augments each minibatch, float in [0, 1]; None: no augmentation.
        epochs: passes over the images, in an order drawn from ``random``.
        say: function that prints a line for each epoch.
    """
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = max(1, len(pixels) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * steps, pct_start=0.2)
    began = time.perf_counter()
    for epoch in range(epochs):
        network.train()
        order = torch.randperm(len(pixels), generator=random)
        total = 0.0
        for step in range(steps):
            chosen = order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
            images, targets = as_input(pixels[chosen]), labels[chosen]
            images = images if changed is None else changed(images)
            images = images.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):  # half the time on CPUs with bfloat16, no less accurate
                logits = network(images).float()
            is_classifier = isinstance(network, Classifier)
            loss = cross_entropy(logits, targets) if is_classifier else binary_cross_entropy_with_logits(logits, images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        say(f"epoch {epoch + 1}/{epochs}: loss {total / steps:.4f}, {time.perf_counter() - began:.0f} s")


def with_classes(data: LoadedImages, most: int = 10, rounds: int = 20) -> LoadedImages:
    """The dataset unchanged if it has classes; otherwise with k-means clusters as classes.

    The classifier then learns to distinguish kinds of images, so distances in its features and missing classes are
    meaningful for unlabelled images too.
    """
    if data.class_names:
        return data
    pixels = as_input(data.images).flatten(1)
    random = torch.Generator().manual_seed(0)
    clusters = max(2, min(most, len(pixels) // 50))
    centres = pixels[torch.randperm(len(pixels), generator=random)[:clusters]]
    for _ in range(rounds):
        labels = nearest(pixels, centres)[1]
        own = [pixels[labels == number] for number in range(clusters)]
        centres = torch.stack([c if not len(of) else of.mean(0) for c, of in zip(centres, own, strict=True)])
    labels, held_out = nearest(pixels, centres)[1], nearest(as_input(data.held_out_images).flatten(1), centres)[1]
    names = tuple(f"cluster {number}" for number in range(clusters))
    return replace(data, labels=labels, held_out_labels=held_out, class_names=names)


def make_extractor(
    out: Path,
    kind: str,
    data: LoadedImages,
    *,
    epochs: int,
    seed: int,
    command: str,
    name: str = "",
    say: Callable[[str], None] = print,
) -> Extractor:
    """Train an extractor, write it, read it back, and test the result on the held-out images.

    Args:
        out: the file.
        kind, data, epochs, seed, say: see ``train``.
        command: the command that repeats this training; stored in the file.
        name: name of the dataset in the file; "" for its own name.

    Returns:
        The extractor in the file. ``metadata["test"]`` is the accuracy; for an autoencoder it is the root mean square
        error of a pixel in [0, 1].

    Raises:
        GanError: there are too few images.
    """
    if len(data.images) < BATCH_SIZE or not len(data.held_out_images):
        count = counted(len(data.images), "image")
        raise GanError(f"{data.name} has {count} to train on; {BATCH_SIZE} or more expected")
    channels = data.images.shape[1]
    network = train(kind, data, epochs=epochs, seed=seed, say=say)
    metadata = {
        "kind": kind,
        "data": name or data.name,
        "num_classes": len(data.class_names),
        "features": FEATURES,
        "input": f"uint8 / 255, {channels} x 28 x 28",
        **({"channels": channels} if channels > 1 else {}),
        "trained_on": len(data.images),
        "command": command,
        "scale": 1.0,
        "test": 0.0,
    }
    for parameter in network.parameters():  # as in the file, which is written once it is complete
        parameter.data = parameter.data.half().float()
    rounded = Extractor(network, metadata)
    variance = Moments.of(rounded.features(data.images)).covariance.diagonal().mean()
    metadata["scale"] = float(variance.rsqrt())
    metadata["test"] = _judged(rounded, data)
    save_extractor(out, rounded.network, metadata)
    return read_extractor(out)


@torch.no_grad()
def _judged(extractor: Extractor, data: LoadedImages) -> float:
    if isinstance(extractor.network, Classifier):
        logits = extractor.logits(extractor.features(data.held_out_images))[:, 0]
        return float((logits.argmax(1) == data.held_out_labels).cpu().double().mean())
    errors = [
        (extractor.network(part).sigmoid() - part).square().mean(dim=(1, 2, 3))
        for part in as_input(data.held_out_images).split(BATCH_SIZE)
    ]
    return float(torch.cat(errors).cpu().double().mean().sqrt())
