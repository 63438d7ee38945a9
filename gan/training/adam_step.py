"""Steps of a fused Adam, without the preparations that torch repeats in each step.

`torch.optim.Adam.step` collects its tensors, groups them by device, and looks for hooks and for a CUDA graph. For the
networks of an MLP this takes a third of the step (docs/performance.md), and on a GPU the host may have little time for
more. Here the lists of tensors are kept between steps. The numbers are the same, bit for bit.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim import optimizer as torch_hooks

VARIANTS = ("amsgrad", "maximize", "differentiable", "capturable", "decoupled_weight_decay")


def fast_step(optimizer: Optimizer) -> Callable[[], Any]:
    """What makes a step of this optimizer: an `AdamStep` if possible, otherwise its own ``step``."""
    return AdamStep(optimizer) if _is_plain(optimizer) else optimizer.step


class AdamStep:
    """``optimizer.step()`` of an Adam with ``fused=True`` and one parameter group.

    The tensors are collected again if the optimizer's state was replaced, as by ``load_state_dict``. If a parameter has
    no gradient or the optimizer got a hook, torch makes the step.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._group = optimizer.param_groups[0]
        self._parameters: list[Tensor] = []  # empty: not collected
        self._collected_state: dict[str, Tensor] = {}  # of the first parameter

    @torch.no_grad()
    def __call__(self) -> None:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        if not self._is_current() or len(gradients) < len(self._parameters):
            self._optimizer.step()
            self._collect()
            return
        group = self._group
        torch._foreach_add_(self._steps, 1)
        torch._fused_adam_(
            self._parameters,
            gradients,
            self._means,
            self._squares,
            [],
            self._steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )

    def _is_current(self) -> bool:
        """Whether the collected tensors are still those of the optimizer, and no hook waits for a step."""
        if not self._parameters or _hooks(self._optimizer):
            return False
        return (
            len(self._optimizer.param_groups) == 1
            and self._optimizer.param_groups[0] is self._group
            and len(self._group["params"]) == len(self._parameters)
            and self._optimizer.state[self._parameters[0]] is self._collected_state
        )

    def _collect(self) -> None:
        """Keep the tensors of the next steps, if all of them are there and alike."""
        optimizer = self._optimizer
        self._group = optimizer.param_groups[0]
        self._parameters = list(self._group["params"])
        states = [optimizer.state.get(parameter, {}) for parameter in self._parameters]
        kinds = {(parameter.device, parameter.dtype) for parameter in self._parameters}
        if not _is_plain(optimizer) or not all(states) or len(kinds) > 1:
            self._parameters = []
            return
        self._collected_state = states[0]
        self._means = [state["exp_avg"] for state in states]
        self._squares = [state["exp_avg_sq"] for state in states]
        self._steps = [state["step"] for state in states]


def _is_plain(optimizer: Optimizer) -> bool:
    """Whether it is torch's Adam, fused, with one parameter group and none of its variants."""
    if type(optimizer) is not Adam or len(optimizer.param_groups) != 1 or "step" in vars(optimizer):
        return False  # a learning rate scheduler of torch, for example, wraps the method of the object
    (group,) = optimizer.param_groups
    has_kernel = hasattr(torch, "_fused_adam_")  # private: it could be gone in a later torch
    return has_kernel and bool(group["fused"]) and not any(group.get(variant) for variant in VARIANTS)


def _hooks(optimizer: Optimizer) -> bool:
    """Whether something must be called before or after each step."""
    return bool(
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or torch_hooks._global_optimizer_pre_hooks
        or torch_hooks._global_optimizer_post_hooks
    )
