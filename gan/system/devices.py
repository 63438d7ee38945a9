"""Devices: a check for the `gan` commands, and the precision of a GPU."""

import contextlib
from collections.abc import Iterator
from typing import Any

from gan.system.errors import GanError

DEVICES = ("cpu", "cuda", "mps", "xpu")


def usable_device(name: str) -> str:
    """Return ``name`` if it is a device that works.

    Raises:
        GanError: it is not a device, or the device does not respond.
    """
    import torch

    try:
        if name.partition(":")[0] not in DEVICES:
            raise RuntimeError("not one of " + ", ".join(DEVICES))
        torch.ones(1, device=name).add(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise GanError(f"--device: {name!r} given; cpu or a device of this machine expected ({reason})") from error
    return name


@contextlib.contextmanager
def without_tf32() -> Iterator[None]:
    """Compute matrix products and convolutions of a GPU in full float32, as on the CPU.

    By default, torch lets NVIDIA GPUs round the inputs of convolutions to TF32, which has 10 bits of mantissa.
    """
    import torch

    products: Any = torch.backends.cuda.matmul
    convolutions: Any = torch.backends.cudnn
    try:
        before = torch.get_float32_matmul_precision(), convolutions.allow_tf32
    except RuntimeError:  # the user has chosen precisions by torch's newer names, which exclude these
        with _without_tf32_by_newer_names(products, convolutions.conv):
            yield
        return
    try:
        torch.set_float32_matmul_precision("highest")
        convolutions.allow_tf32 = False
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        convolutions.allow_tf32 = before[1]


@contextlib.contextmanager
def _without_tf32_by_newer_names(*places: Any) -> Iterator[None]:
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee"
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.fp32_precision = value
