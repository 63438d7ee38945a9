"""What all objectives have in common, what sets them apart, and what each says of itself."""

import math
from collections.abc import Callable

import pytest
import torch
from option_classes import OBJECTIVES, option_class
from torch import Tensor

from gan.game.augmentation import InstanceNoise
from gan.game.losses import (
    AuxiliaryLosses,
    least_squares_d_loss,
    least_squares_g_loss,
    logistic_d_loss,
    non_saturating_g_loss,
    saturating_g_loss,
)
from gan.system.errors import ConfigError
from gan.system.value_types import parameters_of

LOGISTIC = ("non_saturating", "minimax")
RELATIVISTIC = ("relativistic_paired", "relativistic_average")
Loss = Callable[..., Tensor]


def logits(count: int, seed: int) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed)) * 3


def gradient(loss: Callable[[Tensor], Tensor], at: list[float]) -> list[float]:
    point = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(loss(point), point)
    return found.tolist()


@pytest.mark.parametrize("name", RELATIVISTIC)
def test_relativistic_players_have_the_same_loss_with_the_roles_exchanged(name: str) -> None:
    objective = OBJECTIVES[name]
    real, fake = logits(7, 12), logits(7, 13)
    assert torch.equal(objective.g_loss(fake, real), objective.d_loss(fake, real))
    assert not torch.equal(objective.g_loss(fake, real), objective.d_loss(real, fake))


@pytest.mark.parametrize("name", [*RELATIVISTIC, "wasserstein"])
def test_only_differences_of_logits_matter_to_a_relativistic_discriminator_and_to_a_critic(name: str) -> None:
    real, fake = logits(7, 14).double(), logits(7, 15).double()
    d_loss = OBJECTIVES[name].d_loss
    assert d_loss(real + 5, fake + 5).item() == pytest.approx(d_loss(real, fake).item(), abs=1e-12)
    assert d_loss(real + 5, fake).item() < d_loss(real, fake).item()


@pytest.mark.parametrize("name", [*LOGISTIC, "hinge", "wasserstein", *RELATIVISTIC])
def test_discriminator_that_calls_real_fake_and_fake_real_is_judged_alike(name: str) -> None:
    real, fake = logits(7, 16), logits(7, 17)
    d_loss = OBJECTIVES[name].d_loss
    torch.testing.assert_close(d_loss(real, fake), d_loss(-fake, -real), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("name", "d_loss", "g_loss"),
    [
        ("non_saturating", math.log(4), math.log(2)),
        ("minimax", math.log(4), -math.log(2)),
        ("wasserstein", 0.0, 0.0),
        ("hinge", 2.0, 0.0),
        ("relativistic_paired", math.log(2), math.log(2)),
        ("relativistic_average", math.log(4), math.log(4)),
    ],
)
def test_losses_where_the_discriminator_can_tell_nothing(name: str, d_loss: float, g_loss: float) -> None:
    nothing = torch.zeros(4, dtype=torch.float64)
    assert OBJECTIVES[name].d_loss(nothing, nothing).item() == pytest.approx(d_loss, abs=1e-12)
    assert OBJECTIVES[name].g_loss(nothing, nothing).item() == pytest.approx(g_loss, abs=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("real", [-1e4, 1e4])
@pytest.mark.parametrize("fake", [-1e4, 1e4])
def test_huge_logits_give_finite_losses_and_gradients(name: str, real: float, fake: float) -> None:
    objective = OBJECTIVES[name]
    points = torch.tensor([[real, real], [fake, fake]], requires_grad=True)
    for loss in (objective.d_loss(points[0], points[1]), objective.g_loss(points[1], points[0])):
        (slope,) = torch.autograd.grad(loss, points, retain_graph=True)
        assert loss.isfinite()
        assert slope.isfinite().all()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_players_pull_a_fake_logit_in_opposite_directions(name: str) -> None:
    objective = OBJECTIVES[name]
    real = torch.tensor([0.5, -0.2], dtype=torch.float64)
    of_d = gradient(lambda x: objective.d_loss(real, x), [0.3, 0.4])
    of_g = gradient(lambda x: objective.g_loss(x, real), [0.3, 0.4])
    assert min(of_d) > 0 > max(of_g)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_only_an_objective_that_says_so_looks_at_real_images_for_the_generator(name: str) -> None:
    objective = OBJECTIVES[name]
    fake, one, other = logits(5, 18), logits(5, 19), logits(5, 20)
    looks = not torch.equal(objective.g_loss(fake, one), objective.g_loss(fake, other))
    assert looks == objective.g_needs_real == (name in RELATIVISTIC)
    if not objective.g_needs_real:
        assert torch.equal(objective.g_loss(fake, None), objective.g_loss(fake, one))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_batch_can_be_cut_unless_the_objective_says_not(name: str) -> None:
    objective = OBJECTIVES[name]
    real, fake = logits(6, 21).double(), logits(6, 22).double()
    losses = (objective.d_loss, real, fake), (objective.g_loss, fake, real)
    for loss, first, second in losses:
        single = [loss(first[i : i + 1], second[i : i + 1]).item() for i in range(6)]
        assert loss(first, second).shape == ()
        adds_up = loss(first, second).item() == pytest.approx(sum(single) / 6, abs=1e-12)
        assert adds_up != objective.batch_coupled
    assert objective.batch_coupled == (name == "relativistic_average")


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "relativistic_paired"])
def test_real_and_fake_batches_may_differ_in_size(name: str) -> None:
    assert OBJECTIVES[name].d_loss(torch.zeros(3), torch.zeros(5)).shape == ()
    assert logistic_d_loss(torch.zeros(3), torch.zeros(5)).item() == pytest.approx(math.log(4), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "d_loss", "g_loss"),
    [
        ("non_saturating", logistic_d_loss, non_saturating_g_loss),
        ("minimax", logistic_d_loss, saturating_g_loss),
        ("least_squares", least_squares_d_loss, least_squares_g_loss),
    ],
)
def test_an_objective_has_the_pair_of_its_name_and_passes_the_target(name: str, d_loss: Loss, g_loss: Loss) -> None:
    real, fake = logits(4, 7), logits(4, 8)
    made = option_class("objective", name)
    built = made(real_target=0.8)
    assert torch.equal(built.d_loss(real, fake), d_loss(real, fake, 0.8))
    assert not torch.equal(built.d_loss(real, fake), d_loss(real, fake))
    assert torch.equal(built.g_loss(fake, real), g_loss(fake, None))
    assert torch.equal(made().d_loss(real, fake), d_loss(real, fake, 1.0))


@pytest.mark.parametrize("name", ["wasserstein", "hinge", *RELATIVISTIC])
def test_an_objective_without_a_target_takes_none(name: str) -> None:
    made = option_class("objective", name)
    assert dict(parameters_of(made)) == {}
    with pytest.raises(TypeError, match="argument"):
        made(real_target=0.9)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_only_a_critic_of_any_slope_needs_a_bound(name: str) -> None:
    assert OBJECTIVES[name].needs_lipschitz == (name == "wasserstein")


def test_noise_and_weights_that_cannot_be_are_refused() -> None:
    assert InstanceNoise(0).std == 0
    with pytest.raises(ConfigError, match=r"InstanceNoise\.std: -0.1 given, 0 or more expected"):
        InstanceNoise(-0.1)
    with pytest.raises(ConfigError, match=r"InstanceNoise\.images: 0 given, 1 or more expected"):
        InstanceNoise(0.1, images=0)
    with pytest.raises(ConfigError, match=r"AuxiliaryLosses\.class_weight: -1 given, 0 or more expected"):
        AuxiliaryLosses(class_weight=-1)
