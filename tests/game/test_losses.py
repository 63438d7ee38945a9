"""Losses: values worked by hand, gradients by autograd, agreement with torch's own binary cross-entropy."""

import math
from collections.abc import Callable
from typing import Literal

import pytest
import torch
from option_classes import OBJECTIVES
from torch import Tensor, nn

from gan.game.latents import Codes
from gan.game.losses import (
    AuxiliaryLosses,
    class_loss,
    cross_entropy,
    hinge_d_loss,
    information_loss,
    least_squares_d_loss,
    least_squares_g_loss,
    logistic_d_loss,
    non_saturating_g_loss,
    relativistic_average_d_loss,
    relativistic_average_g_loss,
    relativistic_paired_d_loss,
    relativistic_paired_g_loss,
    saturating_g_loss,
    twin_class_loss,
    value,
    wasserstein_d_loss,
    wasserstein_g_loss,
)
from gan.game.networks.discriminator import DiscriminatorOutput

LN3 = math.log(3.0)
# D = sigmoid(logit) is 1/2 and 3/4 on the real images, 1/2 and 1/4 on the fake ones
REAL = torch.tensor([0.0, LN3], dtype=torch.float64)
FAKE = torch.tensor([0.0, -LN3], dtype=torch.float64)
GLoss = Callable[[Tensor, Tensor | None], Tensor]
LOGISTIC = ("non_saturating", "minimax")


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


@pytest.mark.parametrize("name", LOGISTIC)
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


def test_least_squares_by_hand() -> None:
    real, fake = torch.tensor([3.0, 0.0]), torch.tensor([2.0, -1.0])
    # D: ((3 - 1)^2 + (0 - 1)^2) / 4 + (2^2 + 1^2) / 4; G: ((2 - 1)^2 + (-1 - 1)^2) / 4
    assert least_squares_d_loss(real, fake).item() == 2.5
    assert least_squares_g_loss(fake, None).item() == 1.25
    assert least_squares_d_loss(real, fake, real_target=0.5).item() == (6.25 + 0.25) / 4 + 1.25


def test_least_squares_pulls_as_strongly_as_the_target_is_far() -> None:
    on_real = gradient(lambda x: least_squares_d_loss(x, FAKE, real_target=0.9), [4.0, 0.9])
    assert on_real == pytest.approx([3.1 / 2, 0.0], abs=1e-12)
    assert gradient(lambda x: least_squares_d_loss(REAL, x), [4.0, -1.0]) == [2.0, -0.5]
    assert gradient(lambda x: least_squares_g_loss(x, None), [4.0, 1.0]) == [1.5, 0.0]


def test_wasserstein_by_hand() -> None:
    real, fake = torch.tensor([3.0, 0.0]), torch.tensor([2.0, -1.0])
    assert wasserstein_d_loss(real, fake).item() == 0.5 - 1.5
    assert wasserstein_g_loss(fake, None).item() == -0.5
    assert gradient(lambda x: wasserstein_d_loss(x, FAKE), [4.0, -9.0]) == [-0.5, -0.5]
    assert gradient(lambda x: wasserstein_d_loss(REAL, x), [4.0, -9.0]) == [0.5, 0.5]
    assert gradient(lambda x: wasserstein_g_loss(x, None), [4.0, -9.0]) == [-0.5, -0.5]


def test_hinge_by_hand() -> None:
    real, fake = torch.tensor([3.0, 0.0]), torch.tensor([2.0, -1.5])
    assert hinge_d_loss(real, fake).item() == (0 + 1) / 2 + (3 + 0) / 2
    assert OBJECTIVES["hinge"].g_loss(fake, None).item() == -0.25


def test_hinge_does_not_teach_what_is_right_by_the_margin() -> None:
    assert gradient(lambda x: hinge_d_loss(x, FAKE), [1.5, 0.5]) == [0.0, -0.5]
    assert gradient(lambda x: hinge_d_loss(REAL, x), [-1.5, -0.5]) == [0.0, 0.5]
    assert OBJECTIVES["hinge"].d_loss(torch.tensor([1.0]), torch.tensor([-1.0])).item() == 0


def test_hinge_and_wasserstein_agree_within_the_margin() -> None:
    real, fake = logits(7, 10).double().tanh(), logits(7, 11).double().tanh()
    assert hinge_d_loss(real, fake).item() == pytest.approx(2 + wasserstein_d_loss(real, fake).item(), abs=1e-12)


def test_relativistic_paired_by_hand() -> None:
    # differences 0 and 2 ln 3: sigmoid 1/2 and 9/10
    assert relativistic_paired_d_loss(REAL, FAKE).item() == pytest.approx(-0.5 * math.log(0.45), abs=1e-12)
    assert relativistic_paired_g_loss(FAKE, REAL).item() == pytest.approx(-0.5 * math.log(0.05), abs=1e-12)


def test_gradients_of_relativistic_paired() -> None:
    real, fake = torch.tensor([0.5, -1.0], dtype=torch.float64), [2.0, -1.5]
    told = [sigmoid(0.5 - 2.0), sigmoid(-1.0 + 1.5)]  # that the real one of a pair is the real one
    of_d = gradient(lambda x: relativistic_paired_d_loss(real, x), fake)
    of_g = gradient(lambda x: relativistic_paired_g_loss(x, real), fake)
    assert of_d == pytest.approx([(1 - p) / 2 for p in told], abs=1e-12)
    assert of_g == pytest.approx([-p / 2 for p in told], abs=1e-12)


def test_relativistic_average_by_hand() -> None:
    # means ±ln 3 / 2; real ones minus the fake mean: ln 3 / 2 and 3 ln 3 / 2, and the fake ones are their mirror image
    surely = [sigmoid(LN3 / 2), sigmoid(1.5 * LN3)]
    by_hand = -sum(map(math.log, surely))
    assert relativistic_average_d_loss(REAL, FAKE).item() == pytest.approx(by_hand, abs=1e-12)
    fooled = -sum(math.log(1 - p) for p in surely)
    assert relativistic_average_g_loss(FAKE, REAL).item() == pytest.approx(fooled, abs=1e-12)


def test_relativistic_average_is_the_papers_and_twice_the_authors_code() -> None:
    def authors(real: Tensor, fake: Tensor) -> Tensor:  # GAN_losses_iter.py, loss_D == 6
        bce = torch.nn.BCEWithLogitsLoss()
        ones, zeros = torch.ones_like(real), torch.zeros_like(real)
        return (bce(real - fake.mean(), ones) + bce(fake - real.mean(), zeros)) / 2

    real, fake = torch.randn(2, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(relativistic_average_d_loss(real, fake), 2 * authors(real, fake))
    torch.testing.assert_close(relativistic_average_g_loss(fake, real), 2 * authors(fake, real))


def test_best_least_squares_logit_where_nothing_can_be_told_is_a_half() -> None:
    half = torch.full((4,), 0.5)
    assert least_squares_d_loss(half, half).item() == 0.25
    assert gradient(lambda x: least_squares_d_loss(x, x), [0.5]) == [0.0]


# The losses of D's other heads.


def test_class_loss_by_hand() -> None:
    # probabilities of three classes: 1/2 1/4 1/4, and 1/8 1/8 3/4
    class_logits = torch.log(torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 6.0]], dtype=torch.float64))
    assert class_loss(class_logits, torch.tensor([0, 2])).item() == pytest.approx(-0.5 * math.log(3 / 8), abs=1e-12)
    assert class_loss(torch.zeros(5, 10), torch.arange(5)).item() == pytest.approx(math.log(10), abs=1e-6)


def test_twin_class_loss_compares_the_two_classifiers() -> None:
    own = torch.log(torch.tensor([[2.0, 1.0, 1.0], [1.0, 1.0, 6.0]], dtype=torch.float64))
    labels = torch.tensor([0, 2])
    assert twin_class_loss(own, own, labels).item() == 0
    uniform = torch.zeros(2, 3, dtype=torch.float64)
    expected = -0.5 * math.log(3 / 8) - math.log(3)
    assert twin_class_loss(own, uniform, labels).item() == pytest.approx(expected, abs=1e-12)


OWN, TWIN = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
LABEL = torch.tensor([0])


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ("real", class_loss(OWN, LABEL)),  # D's classifier learns from real images, its twin from fakes
        ("fake", class_loss(TWIN, LABEL)),
        ("g", class_loss(OWN, LABEL) - class_loss(TWIN, LABEL)),
    ],
)
def test_each_twin_learns_from_its_images(images: Literal["real", "fake", "g"], expected: Tensor) -> None:
    output = DiscriminatorOutput(torch.zeros(1), OWN, twin_class_logits=TWIN)
    ((name, loss, weight),) = AuxiliaryLosses(class_weight=0.5)(images, output, LABEL, None)
    assert (name, weight) == ("class_loss", 0.5)
    assert loss.item() == pytest.approx(expected.item())
    ((_, loss, _),) = AuxiliaryLosses()(images, DiscriminatorOutput(torch.zeros(1), OWN), LABEL, None)
    assert torch.equal(loss, class_loss(OWN, LABEL))  # AC-GAN has one classifier for all images


def test_information_loss_by_hand() -> None:
    guesses = [torch.log(torch.tensor([[3.0, 1.0], [1.0, 1.0]])), torch.zeros(2, 4)]  # 3/4 and 1/2; 1/4 twice
    means, truth = torch.tensor([[0.5, -1.0], [0.0, 1.0]]), torch.tensor([[0.0, -1.0], [0.0, 0.0]])
    categorical = (torch.tensor([0, 1]), torch.tensor([3, 2]))
    of_categories = -0.5 * math.log(3 / 8) + math.log(4)
    of_numbers = 0.5 * (0.25 + 1.0) / 2  # half the squared errors, summed over the codes, averaged over the images
    both = information_loss(guesses, means, Codes(categorical, truth))
    assert both.shape == ()
    assert both.item() == pytest.approx(of_categories + of_numbers, abs=1e-6)
    assert information_loss(guesses, None, Codes(categorical, None)).item() == pytest.approx(of_categories, abs=1e-6)
    assert information_loss([], means, Codes((), truth)).item() == of_numbers


def test_information_loss_is_the_log_likelihood_up_to_its_constant() -> None:
    means, truth = logits(12, 23).reshape(6, 2), logits(12, 24).reshape(6, 2)
    density = torch.distributions.Normal(means, 1.0).log_prob(truth).sum(dim=1).mean()
    ours = information_loss([], means, Codes((), truth))
    assert ours.item() == pytest.approx(-density.item() - math.log(2 * math.pi), abs=1e-5)


def test_information_loss_wants_a_guess_for_every_code_and_no_more() -> None:
    code, numbers = torch.zeros(2, dtype=torch.int64), torch.zeros(2, 1)
    with pytest.raises(ValueError, match="zip"):
        information_loss([torch.zeros(2, 3)], None, Codes((code, code), None))
    for means, truth in ((numbers, None), (None, numbers)):
        with pytest.raises(ValueError, match=r"code_means and codes\.continuous must both be given, or both be None"):
            information_loss([torch.zeros(2, 3)], means, Codes((code,), truth))
