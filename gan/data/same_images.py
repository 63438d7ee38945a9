"""Check that all processes of a run hold the same images."""

import torch
from torch import Tensor

from gan.system.errors import DataError


def check_same_images(world_size: int, images: Tensor, name: str, *, is_custom: bool) -> None:
    """Raise an error on all ranks if any two have different images; otherwise one rank would wait forever."""
    found: list[tuple[int, int]] = [(0, 0)] * world_size
    torch.distributed.all_gather_object(found, (len(images), int(images.sum(dtype=torch.int64)) if is_custom else 0))
    counts = [count for count, _ in found]
    if len(set(found)) == 1:
        return
    if is_custom:
        raise DataError(
            f"data._target_={name}: it returned different images in each of {world_size} processes; it must return "
            "the same each time: random numbers from a generator with a fixed seed"
        )
    raise DataError(
        f"data={name}: the processes hold different data ({', '.join(f'{count:,}' for count in counts)} images); "
        "start again when the set is on every node's disk, or use data.on_missing=error"
    )
