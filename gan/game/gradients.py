"""Gradients of one network between backward passes and optimizer step: accumulation, norm and clipping."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan.system.errors import ConfigError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


@dataclass(frozen=True)
class UpdateRule:
    """How one network is updated.

    Attributes:
        optimizer: constructor of the optimizer from the network's parameters.
        clip_norm: maximum of the Euclidean norm of the whole gradient; None for no clipping.
        accumulate: parts that a minibatch is cut into; their gradients are summed before the step. The result is the
            same with less memory, except for batch statistics.
    """

    optimizer: OptimizerFactory
    clip_norm: float | None = None
    accumulate: int = 1

    def __post_init__(self) -> None:
        if not callable(self.optimizer):
            raise ConfigError(
                f"optimizer: {self.optimizer!r} given, a function that makes an optimizer from parameters expected, "
                "such as functools.partial(torch.optim.Adam, lr=2e-4)"
            )


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
    """Disable the gradients of trained parameters in a context, which saves their computation."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def gradients(optimizer: Optimizer) -> list[Tensor]:
    """The gradients for an optimizer's next step."""
    return [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]


def gradient_norm(optimizer: Optimizer, scale: Tensor | float = 1.0) -> Tensor:
    """Euclidean norm of all gradients of an optimizer together, scalar; ``scale`` is the current loss scale."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients(optimizer)))) / scale


def clip_gradients(optimizer: Optimizer, max_norm: float, scale: Tensor | float = 1.0) -> None:
    """Scale an optimizer's gradients down if their norm, without ``scale``, exceeds ``max_norm``; no host sync."""
    factor = (max_norm / (gradient_norm(optimizer, scale) + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(gradients(optimizer), factor)


def gradient_scale(precision_plugin: Any, optimizer: Optimizer) -> Tensor | float:
    """The loss scale of float16 that is still on the gradients just before the step, scalar.

    Lightning removes the scale before its hooks, unless the optimizer itself does, as fused ones do.
    """
    scaler = getattr(precision_plugin, "scaler", None)
    if scaler is None or not getattr(optimizer, "_step_supports_amp_scaling", False):
        return 1.0
    return scaler._scale if scaler._scale is not None else 1.0  # a tensor on the device; get_scale() would sync
