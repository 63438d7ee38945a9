"""The step of a fused Adam: the numbers of torch, and torch's own step whenever it has more to do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_runs import Play
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from gan.training.adam_step import make_step

Change = Callable[[Any, list[nn.Parameter]], None]


class OwnAdam(Adam):
    """A subclass, which may do anything."""


def parameters() -> list[nn.Parameter]:
    random = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=random)) for shape in ((3, 5), (7,), (2, 3, 2, 2))]


def give_gradients(trained: list[nn.Parameter], step: int) -> None:
    random = torch.Generator().manual_seed(1 + step)
    for parameter in trained:
        parameter.grad = torch.randn(parameter.shape, generator=random, dtype=parameter.dtype)


def nothing(optimizer: Any, trained: list[nn.Parameter]) -> None:
    pass


def other_settings(optimizer: Any, trained: list[nn.Parameter]) -> None:
    optimizer.param_groups[0].update(lr=0.1, betas=(0.1, 0.8), weight_decay=0.01, eps=1e-3)


def no_gradient(optimizer: Any, trained: list[nn.Parameter]) -> None:
    trained[1].grad = None


def loaded_state(optimizer: Any, trained: list[nn.Parameter]) -> None:
    state = optimizer.state_dict()
    state["state"] = {index: {name: 2 * each for name, each in of.items()} for index, of in state["state"].items()}
    optimizer.load_state_dict(state)


def moments_of_zero(optimizer: Any, trained: list[nn.Parameter]) -> None:
    for state in optimizer.state.values():
        state["exp_avg"] = torch.zeros_like(state["exp_avg"])


def no_state(optimizer: Any, trained: list[nn.Parameter]) -> None:
    optimizer.state.pop(trained[2])


def another_group(optimizer: Any, trained: list[nn.Parameter]) -> None:
    trained.append(nn.Parameter(torch.ones(4)))
    optimizer.add_param_group({"params": [trained[-1]], "lr": 0.5})
    trained[-1].grad = torch.ones(4)


def one_more_parameter(optimizer: Any, trained: list[nn.Parameter]) -> None:
    trained.append(nn.Parameter(torch.ones(4)))
    optimizer.param_groups[0]["params"].append(trained[-1])
    trained[-1].grad = torch.ones(4)


def another_parameter(optimizer: Any, trained: list[nn.Parameter]) -> None:
    optimizer.state.pop(trained[1])
    trained[1] = nn.Parameter(torch.ones(7))
    optimizer.param_groups[0]["params"][1] = trained[1]
    trained[1].grad = torch.ones(7)


def float64(optimizer: Any, trained: list[nn.Parameter]) -> None:
    trained.append(nn.Parameter(torch.ones(4, dtype=torch.float64)))
    optimizer.param_groups[0]["params"].append(trained[-1])
    trained[-1].grad = torch.ones(4, dtype=torch.float64)


def maximize(optimizer: Any, trained: list[nn.Parameter]) -> None:
    optimizer.param_groups[0]["maximize"] = True


def not_fused(optimizer: Any, trained: list[nn.Parameter]) -> None:
    optimizer.param_groups[0]["fused"] = False


CHANGES = [
    nothing,
    other_settings,
    no_gradient,
    loaded_state,
    moments_of_zero,
    no_state,
    another_group,
    one_more_parameter,
    another_parameter,
    float64,
    maximize,
    not_fused,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_numbers_are_those_of_torch(change: Change) -> None:
    expected, own = parameters(), parameters()
    torchs, ours = (Adam(each, lr=0.01, betas=(0.5, 0.999), fused=True) for each in (expected, own))
    for index in range(6):
        for optimizer, trained in ((torchs, expected), (ours, own)):
            give_gradients(trained, index)
            if index == 3:
                change(optimizer, trained)
        torchs.step()
        make_step(ours)
    torch.testing.assert_close(own, expected, rtol=0, atol=0)
    torch.testing.assert_close(ours.state_dict(), torchs.state_dict(), rtol=0, atol=0)


@pytest.fixture
def calls_of_torch(monkeypatch: pytest.MonkeyPatch) -> list[Optimizer]:
    """The optimizers whose own ``step`` was called, once for each call."""
    calls: list[Optimizer] = []
    for kind in (Adam, AdamW, OwnAdam):

        def step(self: Optimizer, original: Callable[..., Any] = kind.step) -> None:
            calls.append(self)
            original(self)

        monkeypatch.setattr(kind, "step", step)
    return calls


def test_torch_makes_the_first_step(calls_of_torch: list[Optimizer]) -> None:
    trained = parameters()
    optimizer = Adam(trained, fused=True)
    for index in range(4):
        give_gradients(trained, index)
        make_step(optimizer)
    assert len(calls_of_torch) == 1


def test_a_run_makes_these_steps(calls_of_torch: list[Optimizer], play: Play) -> None:
    run = play()
    assert run.game.d_updates > 2
    assert len(calls_of_torch) == 2  # the first one of each network


def test_a_hook_is_called_in_each_step_from_when_it_is_there() -> None:
    trained, heard = parameters(), []
    optimizer = Adam(trained, fused=True)
    for index in range(4):
        if index == 2:
            optimizer.register_step_post_hook(lambda *_: heard.append(trained[0].detach().clone()))
        give_gradients(trained, index)
        make_step(optimizer)
    assert len(heard) == 2
    assert torch.equal(heard[-1], trained[0])  # after the step


@pytest.mark.parametrize("kind", [Adam, SGD])
def test_a_scheduler_counts_the_steps_from_when_it_is_there(kind: type[Optimizer]) -> None:
    trained = parameters()
    optimizer: Any = kind(trained, lr=0.1, fused=True)  # type: ignore[call-arg]  # both have it
    for index in range(4):
        if index == 2:
            torch.optim.lr_scheduler.ConstantLR(optimizer)
        give_gradients(trained, index)
        make_step(optimizer)
    assert optimizer._opt_called  # by its wrapper of the method


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
def test_other_optimizers_make_their_own_steps(calls_of_torch: list[Optimizer], optimizer: Optimizer) -> None:
    for index in range(3):
        give_gradients([parameter for group in optimizer.param_groups for parameter in group["params"]], index)
        calls_of_torch.clear()
        make_step(optimizer)
        assert calls_of_torch


def test_a_torch_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = parameters()
    optimizer = Adam(trained, fused=True)
    give_gradients(trained, 0)
    optimizer.step()
    calls: list[Optimizer] = []

    def step(self: Optimizer) -> None:
        calls.append(self)

    monkeypatch.setattr(Adam, "step", step)
    monkeypatch.delattr(torch, "_fused_adam_")
    make_step(optimizer)
    assert calls == [optimizer]
