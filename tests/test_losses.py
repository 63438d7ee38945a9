"""Objectives: values worked by hand, gradients by autograd, agreement with torch's own binary cross-entropy."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan.losses import (
    OBJECTIVES,
    build_objective,
    cross_entropy,
    logistic_d_loss,
    non_saturating_g_loss,
    saturating_g_loss,
    value,
)

LN3 = math.log(3.0)
# D = sigmoid(logit) is 1/2 and 3/4 on the real images, 1/2 and 1/4 on the fake ones
REAL = torch.tensor([0.0, LN3], dtype=torch.float64)
FAKE = torch.tensor([0.0, -LN3], dtype=torch.float64)
G_LOSSES = (non_saturating_g_loss, saturating_g_loss)
GLoss = Callable[[Tensor, Tensor | None], Tensor]


def logits(count: int, seed: int) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) * 3


def gradient(loss: Callable[[Tensor], Tensor], at: list[float]) -> list[float]:
    point = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    loss(point).backward()
    assert point.grad is not None
    return point.grad.tolist()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_value_by_hand() -> None:
    # E[log D(real)] = (log 1/2 + log 3/4) / 2, and E[log(1 - D(fake))] is the same
    assert value(REAL, FAKE).item() == pytest.approx(math.log(3 / 8), abs=1e-12)


def test_value_at_the_optimum_of_the_game_is_minus_log_4() -> None:
    nothing_to_tell = torch.zeros(5, dtype=torch.float64)
    assert value(nothing_to_tell, nothing_to_tell).item() == pytest.approx(-math.log(4), abs=1e-12)


def test_no_discriminator_has_a_value_above_0_and_a_perfect_one_reaches_it() -> None:
    assert value(logits(50, 0), logits(50, 1)).item() < 0
    assert value(torch.full((4,), 200.0), torch.full((4,), -200.0)).item() == 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_discriminator_minimises_minus_the_value(name: str) -> None:
    real, fake = logits(7, 0), logits(7, 1)
    assert torch.equal(OBJECTIVES[name].d_loss(real, fake), -value(real, fake))
    assert OBJECTIVES[name].d_loss(REAL, FAKE).item() == pytest.approx(math.log(8 / 3), abs=1e-12)


def test_non_saturating_g_loss_by_hand() -> None:
    # -(log 1/2 + log 1/4) / 2
    assert non_saturating_g_loss(FAKE, None).item() == pytest.approx(1.5 * math.log(2), abs=1e-12)


def test_saturating_g_loss_by_hand() -> None:
    # (log(1 - 1/2) + log(1 - 1/4)) / 2
    assert saturating_g_loss(FAKE, None).item() == pytest.approx(0.5 * math.log(3 / 8), abs=1e-12)


def test_saturating_g_loss_is_the_part_of_the_value_that_the_generator_has() -> None:
    real, fake = logits(7, 2), logits(7, 3)
    real_part = value(real, fake) - saturating_g_loss(fake, None)
    assert real_part.item() == pytest.approx(-cross_entropy(real, 1.0).item(), abs=1e-6)


def test_smoothed_d_loss_by_hand() -> None:
    real, fake = REAL[1:], FAKE[1:]  # D = 3/4 and 1/4
    by_hand = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4)) - math.log(3 / 4)
    assert logistic_d_loss(real, fake, real_target=0.9).item() == pytest.approx(by_hand, abs=1e-12)


def test_smoothing_moves_the_best_probability_on_real_images_to_the_target() -> None:
    best = math.log(0.9 / 0.1)  # sigmoid(best) = 0.9
    at_best = gradient(lambda x: logistic_d_loss(x, FAKE, real_target=0.9), [best])
    assert at_best == pytest.approx([0.0], abs=1e-12)
    below, above = (gradient(lambda x: logistic_d_loss(x, FAKE, real_target=0.9), [best + d])[0] for d in (-1, 1))
    assert below < 0 < above


def test_smoothing_is_one_sided() -> None:
    real = [0.3, -1.0]
    for target in (1.0, 0.9, 0.5):
        of_fake = gradient(lambda x, t=target: logistic_d_loss(torch.tensor(real), x, real_target=t), [0.7, -2.0])
        assert of_fake == pytest.approx([sigmoid(0.7) / 2, sigmoid(-2.0) / 2], abs=1e-12)


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_gradient_of_the_d_loss(target: float) -> None:
    points = [-3.0, 0.0, 1.5]
    on_real = gradient(lambda x: logistic_d_loss(x, FAKE, real_target=target), points)
    assert on_real == pytest.approx([(sigmoid(x) - target) / 3 for x in points], abs=1e-12)
    on_fake = gradient(lambda x: logistic_d_loss(REAL, x, real_target=target), points)
    assert on_fake == pytest.approx([sigmoid(x) / 3 for x in points], abs=1e-12)


def test_gradient_of_the_non_saturating_g_loss_is_d_minus_1() -> None:
    points = [-3.0, 0.0, 1.5]
    found = gradient(lambda x: non_saturating_g_loss(x, None), points)
    assert found == pytest.approx([(sigmoid(x) - 1) / 3 for x in points], abs=1e-12)


def test_gradient_of_the_saturating_g_loss_is_minus_d() -> None:
    points = [-3.0, 0.0, 1.5]
    found = gradient(lambda x: saturating_g_loss(x, None), points)
    assert found == pytest.approx([-sigmoid(x) / 3 for x in points], abs=1e-12)


def test_only_the_minimax_loss_saturates_while_the_discriminator_wins() -> None:
    surely_fake = [-30.0]
    assert abs(gradient(lambda x: saturating_g_loss(x, None), surely_fake)[0]) < 1e-12
    assert gradient(lambda x: non_saturating_g_loss(x, None), surely_fake)[0] == pytest.approx(-1.0, abs=1e-12)


@pytest.mark.parametrize("target", [0.0, 0.1, 0.9, 1.0])
def test_cross_entropy_agrees_with_bce_of_the_sigmoid(target: float) -> None:
    x = logits(64, 4).double()
    theirs = nn.BCELoss()(torch.sigmoid(x), torch.full_like(x, target))
    assert cross_entropy(x, target).item() == pytest.approx(theirs.item(), abs=1e-10)


@pytest.mark.parametrize("target", [0.0, 0.9, 1.0])
def test_cross_entropy_is_torchs_bce_with_logits_to_the_bit(target: float) -> None:
    x = logits(64, 5) * 100
    assert torch.equal(cross_entropy(x, target), nn.BCEWithLogitsLoss()(x, torch.full_like(x, target)))


@pytest.mark.parametrize(
    ("loss", "x", "expected", "slope"),
    [
        (non_saturating_g_loss, -1e4, 1e4, -1.0),
        (non_saturating_g_loss, 1e4, 0.0, 0.0),
        (saturating_g_loss, -1e4, 0.0, 0.0),
        (saturating_g_loss, 1e4, -1e4, -1.0),
    ],
)
def test_huge_logits_neither_overflow_nor_lose_their_gradient(
    loss: GLoss, x: float, expected: float, slope: float
) -> None:
    point = torch.tensor([x], requires_grad=True)  # float32: here sigmoid(x) is exactly 0 or 1, and its log infinite
    result = loss(point, None)
    result.backward()
    assert point.grad is not None
    assert result.item() == expected
    assert point.grad.item() == slope


def test_huge_logits_of_a_discriminator_that_is_wrong_cost_what_they_are() -> None:
    wrong = logistic_d_loss(torch.tensor([-1e4]), torch.tensor([1e4]))
    assert wrong.item() == 2e4
    smoothed = logistic_d_loss(torch.tensor([1e4]), torch.tensor([-1e4]), real_target=0.9)
    assert smoothed.item() == pytest.approx(1e3, rel=1e-5)  # a tenth of the logit: smoothing punishes being too sure


@pytest.mark.parametrize("loss", G_LOSSES)
def test_a_loss_is_the_mean_over_the_batch(loss: GLoss) -> None:
    x = logits(6, 6).double()
    single = [loss(x[i : i + 1], None).item() for i in range(6)]
    assert loss(x, None).shape == ()
    assert loss(x, None).item() == pytest.approx(sum(single) / 6, abs=1e-12)


def test_real_and_fake_batches_may_differ_in_size() -> None:
    assert logistic_d_loss(torch.zeros(3), torch.zeros(5)).item() == pytest.approx(math.log(4), abs=1e-6)


def test_build_objective_gives_the_pair_of_the_name_and_passes_the_target() -> None:
    real, fake = logits(4, 7), logits(4, 8)
    for name, g_loss in {"non_saturating": non_saturating_g_loss, "minimax": saturating_g_loss}.items():
        built = build_objective(name, real_target=0.8)
        assert torch.equal(built.d_loss(real, fake), logistic_d_loss(real, fake, 0.8))
        assert not torch.equal(built.d_loss(real, fake), logistic_d_loss(real, fake))
        assert torch.equal(built.g_loss(fake, real), g_loss(fake, None))
    assert torch.equal(build_objective("minimax").d_loss(real, fake), logistic_d_loss(real, fake, 1.0))
