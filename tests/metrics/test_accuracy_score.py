"""The classification accuracy score: high for images of the classes that they are meant to show, and low for others."""

from dataclasses import replace

import torch
from real_images import sample_of

from gan.data.sources import LoadedImages
from gan.metrics.accuracy_score import accuracy_score


def two_classes() -> LoadedImages:
    """Zeros and ones."""
    sample = sample_of("mnist")
    train, held_out = sample.labels < 2, sample.held_out_labels < 2
    return replace(
        sample,
        images=sample.images[train][:1280],
        labels=sample.labels[train][:1280],
        held_out_images=sample.held_out_images[held_out],
        held_out_labels=sample.held_out_labels[held_out],
        class_names=("0", "1"),
    )


def test_it_falls_where_a_class_is_always_drawn_alike() -> None:
    real = two_classes()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    right = accuracy_score(real.images, real.labels, real, epochs=10)
    assert right > 0.97
    assert torch.equal(torch.rand(3), expected)
    first = {label: real.images[real.labels == label][:1] for label in (0, 1)}
    alike = torch.cat([first[int(label)] for label in real.labels])
    assert accuracy_score(alike, real.labels, real, epochs=10) < right
