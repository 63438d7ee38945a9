"""The container of a dataset in memory."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LoadedImages:
    """A dataset in memory.

    Attributes:
        images: training images, uint8 (N, C, H, W), or points, float32 (N, 2, 1, 1) in [0, 1].
        labels: int64 (N,), in 0 … len(class_names) - 1; all 0 without classes.
        held_out_images: like ``images``, (M, C, H, W), not used for training. M may be 0 for a small folder.
        held_out_labels: int64 (M,).
        name: name of the dataset, such as "mnist" or "mnist_sample".
        class_names: one per class; empty without classes.
        origin: a sentence that describes the data and their source.
        substitute_for: name of the requested dataset if this is the sample that replaces it; else None.
        split: split of a dataset that has several; else None.
    """

    images: Tensor
    labels: Tensor
    held_out_images: Tensor
    held_out_labels: Tensor
    name: str
    class_names: tuple[str, ...]
    origin: str
    substitute_for: str | None = None
    split: str | None = None
