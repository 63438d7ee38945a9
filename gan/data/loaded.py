"""A data set in memory."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LoadedImages:
    """A data set in memory, as all sources give it.

    Attributes:
        images: uint8 (N, C, H, W), to train on; of points: float32 (N, 2, 1, 1) in [0, 1].
        labels: int64 (N,), in 0 … len(class_names) - 1; all 0 where the set has no classes.
        held_out_images: like ``images``, (M, C, H, W): never trained on. M may be 0 for a small folder.
        held_out_labels: int64 (M,).
        name: of the set that this is, such as "mnist" or "mnist_sample".
        class_names: one per class; empty where the set has no classes.
        origin: a sentence: what this is and where it came from.
        substitute_for: name of the set that was asked for, when this is the sample in its place; else None.
        split: of a set that has several; else None.
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
