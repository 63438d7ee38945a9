"""Adam's steps with kept lists of tensors: the numbers of torch, and torch's own step whenever it has more to do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from gan.training import adam_step
from gan.training.adam_step import AdamStep, fast_step

Change = Callable[[Optimizer, list[nn.Parameter], int], None]


def parameters() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in ((3, 5), (7,), (2, 3, 2, 2))]


def give_gradients(trained: list[nn.Parameter], step: int) -> None:
    random = torch.Generator().manual_seed(1 + step)
    for parameter in trained:
        parameter.grad = torch.randn(parameter.shape, generator=random)


def nothing(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    pass


def another_rate(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    optimizer.param_groups[0].update(lr=0.1 / (1 + step), betas=(0.1, 0.8), weight_decay=0.01, eps=1e-3)


def no_gradient(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    if step % 2:
        trained[1].grad = None


def loaded_state(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    if step == 3:
        state = optimizer.state_dict()
        state["state"] = {index: {name: 2 * each for name, each in of.items()} for index, of in state["state"].items()}
        optimizer.load_state_dict(state)


def another_group(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    if step == 2:
        more = nn.Parameter(torch.ones(4))
        trained.append(more)
        optimizer.add_param_group({"params": [more], "lr": 0.5})
        more.grad = torch.ones(4)


def one_more_parameter(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    if step == 2:
        more = nn.Parameter(torch.ones(4))
        trained.append(more)
        optimizer.param_groups[0]["params"].append(more)
        more.grad = torch.ones(4)


def variant(optimizer: Optimizer, trained: list[nn.Parameter], step: int) -> None:
    if step == 0:
        optimizer.param_groups[0]["maximize"] = True


CHANGES = [nothing, another_rate, no_gradient, loaded_state, another_group, one_more_parameter, variant]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_numbers_are_those_of_torch(change: Change) -> None:
    expected, own = parameters(), parameters()
    torchs, ours = (Adam(each, lr=0.01, betas=(0.5, 0.999), fused=True) for each in (expected, own))
    step = fast_step(ours)
    assert isinstance(step, AdamStep)
    for index in range(6):
        for optimizer, trained in ((torchs, expected), (ours, own)):
            give_gradients(trained, index)
            change(optimizer, trained, index)
        torchs.step()
        step()
    torch.testing.assert_close(own, expected, rtol=0, atol=0)
    torch.testing.assert_close(ours.state_dict(), torchs.state_dict(), rtol=0, atol=0)


def test_torchs_step_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    trained = parameters()
    optimizer = Adam(trained, fused=True)
    original = Adam.step
    monkeypatch.setattr(Adam, "step", lambda self: (calls.append(1), original(self))[1])
    step = fast_step(optimizer)
    for index in range(4):
        give_gradients(trained, index)
        step()
    assert len(calls) == 1  # the first one makes the state


def test_a_hook_is_called_in_each_step_from_when_it_is_there() -> None:
    trained, heard = parameters(), []
    optimizer = Adam(trained, fused=True)
    step = fast_step(optimizer)
    for index in range(4):
        if index == 2:
            optimizer.register_step_post_hook(lambda *_: heard.append(trained[0].detach().clone()))
        give_gradients(trained, index)
        step()
    assert len(heard) == 2
    assert torch.equal(heard[-1], trained[0])  # after the step


class OwnAdam(Adam):
    """A subclass, which may do anything."""


@pytest.mark.parametrize(
    "optimizer",
    [
        OwnAdam(parameters(), fused=True),
        Adam(parameters()),
        AdamW(parameters(), fused=True),
        Adam(parameters(), fused=True, amsgrad=True),
        Adam([{"params": [parameter]} for parameter in parameters()], fused=True),
    ],
    ids=["subclass", "not fused", "AdamW", "amsgrad", "groups"],
)
def test_other_optimizers_make_their_own_steps(optimizer: Optimizer) -> None:
    assert fast_step(optimizer) == optimizer.step


def test_a_wrapped_step_is_called() -> None:
    optimizer = Adam(parameters(), fused=True)
    torch.optim.lr_scheduler.ConstantLR(optimizer)  # counts the steps by wrapping the method
    assert fast_step(optimizer) == optimizer.step


def test_a_torch_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch, "_fused_adam_")
    optimizer: Any = Adam(parameters(), fused=True)
    assert adam_step.fast_step(optimizer) == optimizer.step
