"""The gradients of one network, between its backward passes and its step: in parts, measured, clipped."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


@dataclass(frozen=True)
class UpdateRule:
    """How one network is updated.

    Attributes:
        optimizer: from the network's parameters to their optimizer.
        clip_norm: the Euclidean norm of the whole gradient is brought down to this where it is larger; None: never.
        accumulate: passes that a minibatch is cut into, their gradients summed before the step: the same mathematics
            in less memory, but for statistics over a batch.
    """

    optimizer: OptimizerFactory
    clip_norm: float | None = None
    accumulate: int = 1


def in_parts(parts: int, *tensors: Tensor) -> Iterator[tuple[float, tuple[Tensor, ...]]]:
    """Cut tensors of N rows into ``parts`` (fewer if N is smaller), each with its fraction of the rows, in (0, 1]."""
    if parts == 1:
        yield 1.0, tensors
        return
    rows = len(tensors[0])
    for cut in zip(*(tensor.tensor_split(min(parts, rows)) for tensor in tensors), strict=True):
        yield len(cut[0]) / rows, cut


@contextlib.contextmanager
def frozen(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Parameters that are trained get no gradients for a while: what is not asked for need not be computed."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def gradients(optimizer: Optimizer) -> list[Tensor]:
    """The gradients that an optimizer's next step will take."""
    return [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def gradient_norm(optimizer: Optimizer, scale: Tensor | float = 1.0) -> Tensor:
    """Euclidean norm of all gradients of an optimizer together, scalar; ``scale`` is what they are multiplied by."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients(optimizer)))) / scale


def clip_gradients(optimizer: Optimizer, max_norm: float, scale: Tensor | float = 1.0) -> None:
    """Shrink an optimizer's gradients where their norm, without ``scale``, is above ``max_norm``; no host sync."""
    factor = (max_norm / (gradient_norm(optimizer, scale) + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(gradients(optimizer), factor)


def gradient_scale(precision_plugin: Any, optimizer: Optimizer) -> Tensor | float:
    """What the gradients are multiplied by just before the step, scalar: the loss scale of float16, if still on.

    Lightning takes the scale off before its hooks, unless the optimizer does so itself, as fused ones do.
    """
    scaler = getattr(precision_plugin, "scaler", None)
    if scaler is None or not getattr(optimizer, "_step_supports_amp_scaling", False):
        return 1.0
    return scaler._scale if scaler._scale is not None else 1.0  # a tensor on the device; get_scale() would sync
