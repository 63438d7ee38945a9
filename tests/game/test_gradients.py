"""One network's gradients before its step: cut into parts, measured, clipped, unscaled."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gan.game.gradients import clip_gradients, gradient_norm, gradient_scale, in_parts


def optimizer(*gradients: list[float] | None) -> torch.optim.SGD:
    """Of parameters with these gradients; None: without one."""
    parameters = [nn.Parameter(torch.zeros(1 if values is None else len(values))) for values in gradients]
    for parameter, values in zip(parameters, gradients, strict=True):
        parameter.grad = None if values is None else torch.tensor(values)
    return torch.optim.SGD(parameters, lr=1)


def all_gradients(of: torch.optim.Optimizer) -> list[float]:
    return torch.cat([p.grad for p in of.param_groups[0]["params"] if p.grad is not None]).tolist()


@pytest.mark.parametrize(
    ("parts", "rows", "sizes"), [(1, 5, [5]), (2, 5, [3, 2]), (3, 7, [3, 2, 2]), (4, 3, [1, 1, 1]), (5, 5, [1] * 5)]
)
def test_parts_are_all_rows_in_order_with_their_shares(parts: int, rows: int, sizes: list[int]) -> None:
    one, other = torch.arange(rows), torch.arange(rows * 2.0).view(rows, 2)
    cut = list(in_parts(parts, one, other))
    assert [len(part[0]) for _, part in cut] == [len(part[1]) for _, part in cut] == sizes
    assert [share for share, _ in cut] == [size / rows for size in sizes]
    assert torch.equal(torch.cat([part[0] for _, part in cut]), one)
    assert torch.equal(torch.cat([part[1] for _, part in cut]), other)


def test_the_norm_is_over_all_gradients_together_without_the_scale() -> None:
    of = optimizer([2.0, 3.0], None, [6.0])
    assert gradient_norm(of).item() == pytest.approx(7.0)
    assert gradient_norm(of, scale=14.0).item() == pytest.approx(0.5)


@pytest.mark.parametrize(("max_norm", "factor"), [(3.5, 0.5), (7.0, 1.0), (100.0, 1.0), (0.07, 0.01)])
def test_a_gradient_that_is_too_long_keeps_its_direction(max_norm: float, factor: float) -> None:
    of = optimizer([2.0, -3.0], None, [6.0])
    clip_gradients(of, max_norm)
    assert all_gradients(of) == pytest.approx([2 * factor, -3 * factor, 6 * factor], rel=1e-5)


def test_under_a_loss_scale_the_true_norm_is_clipped() -> None:
    of = optimizer([3000.0, 4000.0])
    clip_gradients(of, 1.0, scale=torch.tensor(1000.0))
    assert all_gradients(of) == pytest.approx([600.0, 800.0], rel=1e-5)


def test_a_gradient_of_zero_stays() -> None:
    of = optimizer([0.0, 0.0])
    clip_gradients(of, 1.0)
    assert all_gradients(of) == [0.0, 0.0]


def test_a_gradient_that_is_not_finite_is_not_hidden() -> None:
    of = optimizer([1.0, math.nan])
    clip_gradients(of, 1.0)
    assert all(math.isnan(value) for value in all_gradients(of))


def test_the_scale_is_asked_for_only_where_the_optimizer_takes_it_off_itself() -> None:
    scaler = SimpleNamespace(_scale=torch.tensor(8.0))
    plain, fused = SimpleNamespace(), SimpleNamespace(_step_supports_amp_scaling=True)
    assert gradient_scale(SimpleNamespace(), fused) == 1.0  # type: ignore[arg-type]
    assert gradient_scale(SimpleNamespace(scaler=scaler), plain) == 1.0  # type: ignore[arg-type]
    assert gradient_scale(SimpleNamespace(scaler=scaler), fused) == 8.0  # type: ignore[arg-type]
    assert gradient_scale(SimpleNamespace(scaler=SimpleNamespace(_scale=None)), fused) == 1.0  # type: ignore[arg-type]
