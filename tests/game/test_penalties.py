"""Penalties: discriminators whose gradient is known, derivatives by finite differences, and how a run weighs them."""

from collections.abc import Callable

import pytest
import torch
from option_classes import PENALTIES
from torch import Tensor, nn

from gan.game.penalties import R1, Clipping, dragan_penalty, gradient_penalty, image_gradients, r1_penalty, r2_penalty
from gan.system.value_types import hints_of, parameters_of, problem

SHAPE = (3, 1, 2, 2)  # N, C, H, W
FUNCTIONS = (r1_penalty, r2_penalty, gradient_penalty, dragan_penalty)
ON_GRADIENTS = ("gradient_penalty", "dragan", "r1", "r2", "r1_r2")
Function = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]


def images(seed: int, dtype: torch.dtype = torch.float32, count: int = SHAPE[0]) -> Tensor:
    return torch.randn(count, *SHAPE[1:], generator=torch.Generator().manual_seed(seed)).to(dtype)


def linear(x: Tensor) -> Tensor:
    """Gradient (1, 2, 2, 4) everywhere, of length 5."""
    return x.flatten(1) @ torch.tensor([1.0, 2.0, 2.0, 4.0], dtype=x.dtype) + 7


def quadratic(x: Tensor) -> Tensor:
    """Gradient x."""
    return 0.5 * x.square().flatten(1).sum(dim=1)


def discriminator(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0))
    return layers.to(dtype)


def seeded(penalty: Function, score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """With the same random numbers in every call, as the game has them in one update."""
    torch.manual_seed(5)
    return penalty(score, real, fake)


# The pure functions.


def test_gradients_are_those_of_each_image() -> None:
    x = images(0)
    assert torch.equal(image_gradients(linear, x), torch.tensor([[1.0, 2.0, 2.0, 4.0]] * 3))
    assert torch.equal(image_gradients(quadratic, x), x.flatten(1))
    assert not x.requires_grad


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [(r1_penalty, 12.5), (r2_penalty, 12.5), (gradient_penalty, 16.0), (dragan_penalty, 16.0)],
)
def test_linear_discriminator_of_slope_5(penalty: Function, expected: float) -> None:
    result = penalty(linear, images(0), images(1))
    assert result.shape == ()
    assert result.item() == expected


@pytest.mark.parametrize("penalty", [gradient_penalty, dragan_penalty])
def test_slope_1_costs_nothing(penalty: Function) -> None:
    assert penalty(lambda x: linear(x) / 5, images(0), images(1)).item() == pytest.approx(0.0, abs=1e-12)


def test_r1_looks_at_real_images_and_r2_at_fake_ones() -> None:
    real, fake = images(0), images(1)
    assert r1_penalty(quadratic, real, fake).item() == pytest.approx(0.5 * real.square().sum().item() / 3, rel=1e-6)
    assert r2_penalty(quadratic, real, fake).item() == pytest.approx(0.5 * fake.square().sum().item() / 3, rel=1e-6)


def points_judged(penalty: Function, real: Tensor, fake: Tensor) -> Tensor:
    """Where a penalty has the discriminator score."""
    seen: list[Tensor] = []

    def score(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return quadratic(x)

    seeded(penalty, score, real, fake)
    (points,) = seen
    return points


def test_gradient_penalty_looks_at_lines_between_pairs() -> None:
    real, fake = images(0, count=2000), images(1, count=2000)
    points = points_judged(gradient_penalty, real, fake)
    shares = ((points - fake) / (real - fake)).flatten(1)  # (N, pixels): the same for all pixels of an image
    torch.testing.assert_close(shares, shares.median(dim=1, keepdim=True).values.expand_as(shares), atol=1e-2, rtol=0)
    share = shares.median(dim=1).values
    assert -1e-3 < share.min().item() < 0.01
    assert 0.99 < share.max().item() < 1.001
    assert share.mean().item() == pytest.approx(0.5, abs=0.03)  # the standard error is 0.0065
    by_hand = (points.flatten(1).norm(dim=1) - 1).square().mean()
    assert seeded(gradient_penalty, quadratic, real, fake).item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_dragan_looks_around_real_images_as_far_as_half_of_their_spread() -> None:
    real = images(0, count=2000) * 3
    steps = (points_judged(dragan_penalty, real, torch.zeros_like(real)) - real) / real.std()
    assert steps.min().item() > -1e-5
    assert 0.45 < steps.max().item() < 0.5
    assert steps.mean().item() == pytest.approx(0.5 * 0.5 * 0.5, abs=0.01)  # of half a spread, two even shares
    assert steps.flatten(1).std(dim=1).min().item() > 0  # every pixel has its own


@pytest.mark.parametrize("penalty", [gradient_penalty, dragan_penalty])
def test_random_points_come_from_torchs_global_generator(penalty: Function) -> None:
    first, again = (seeded(penalty, quadratic, images(0), images(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, penalty(quadratic, images(0), images(1)))


@pytest.mark.parametrize("penalty", FUNCTIONS)
def test_flat_discriminator_has_a_finite_penalty_and_finite_derivatives(penalty: Function) -> None:
    weight = torch.zeros(4, requires_grad=True)
    result = penalty(lambda x: x.flatten(1) @ weight, images(0), images(1))
    result.backward()
    assert weight.grad is not None
    assert result.item() == (0.0 if penalty in (r1_penalty, r2_penalty) else 1.0)
    assert torch.equal(weight.grad, torch.zeros(4))


@pytest.mark.parametrize("penalty", FUNCTIONS)
def test_derivatives_by_the_parameters_are_those_of_finite_differences(penalty: Function) -> None:
    network = discriminator(torch.float64)
    real, fake = images(0, torch.float64), images(1, torch.float64)
    result = seeded(penalty, network, real, fake)
    assert result.dtype == torch.float64
    result.backward()
    step = 1e-6
    with torch.no_grad():
        for parameter in list(network.parameters())[:3]:  # the last bias moves no gradient, and has none
            assert parameter.grad is not None
            for index in range(parameter.numel()):
                values = []
                for side in (1, -1):
                    parameter.view(-1)[index] += side * step
                    with torch.enable_grad():
                        values.append(seeded(penalty, network, real, fake).item())
                    parameter.view(-1)[index] -= side * step
                found = parameter.grad.view(-1)[index].item()
                assert found == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("penalty", FUNCTIONS)
def test_nothing_flows_back_into_the_images(penalty: Function) -> None:
    real, fake = images(0).requires_grad_(), images(1).requires_grad_()
    penalty(discriminator(), real, fake).backward()
    assert real.grad is None
    assert fake.grad is None


@pytest.mark.parametrize("penalty", FUNCTIONS)
def test_autocast_changes_nothing(penalty: Function) -> None:
    network = discriminator()
    real, fake = images(0), images(1)
    plain = seeded(penalty, network, real, fake)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(real).dtype == torch.bfloat16
        under_autocast = seeded(penalty, network, real, fake)
    assert under_autocast.dtype == torch.float32
    assert torch.equal(under_autocast, plain)


@pytest.mark.parametrize("penalty", FUNCTIONS)
def test_images_of_lower_precision_are_judged_in_float32(penalty: Function) -> None:
    network = discriminator()
    real, fake = images(0, torch.bfloat16), images(1, torch.bfloat16)  # as a generator under autocast gives them
    low = seeded(penalty, network, real, fake)
    assert low.dtype == torch.float32
    assert torch.equal(low, seeded(penalty, network, real.float(), fake.float()))


# What a run does with them.


@pytest.mark.parametrize(
    ("name", "setting", "by_hand"),
    [
        ("gradient_penalty", {"weight": 3.0}, 3 * 16.0),
        ("dragan", {"weight": 3.0}, 3 * 16.0),
        ("r1", {"gamma": 3.0}, 3 / 2 * 25),
        ("r2", {"gamma": 3.0}, 3 / 2 * 25),
        ("r1_r2", {"gamma": 3.0}, 3 / 2 * (25 + 25)),
    ],
)
def test_penalties_are_weighted_as_in_the_papers(name: str, setting: dict[str, float], by_hand: float) -> None:
    assert PENALTIES[name](**setting)(linear, images(0), images(1)).item() == by_hand


def test_r1_r2_looks_at_both() -> None:
    real, fake = images(0), images(1)
    both = PENALTIES["r1_r2"](gamma=2.0)(quadratic, real, fake).item()
    assert both == pytest.approx((real.square().sum() + fake.square().sum()).item() / 3, rel=1e-6)


@pytest.mark.parametrize("name", ON_GRADIENTS)
def test_lazy_penalty_is_the_same_on_average(name: str) -> None:
    eager, lazy = PENALTIES[name](), PENALTIES[name](every=4)
    network, real, fake = discriminator(), images(0), images(1)

    def over_a_run(penalty: Callable[..., Tensor], updates: list[int]) -> float:
        return sum(seeded(penalty, network, real, fake).item() for _ in updates)

    of_eager = [update for update in range(8) if eager.due(update)]
    of_lazy = [update for update in range(8) if lazy.due(update)]
    assert of_eager == list(range(8))
    assert of_lazy == [0, 4]
    assert over_a_run(lazy, of_lazy) == pytest.approx(over_a_run(eager, of_eager), rel=1e-6)


def test_lazy_penalty_is_part_of_the_loss_and_no_update_of_its_own() -> None:
    real, fake, every, betas = images(0), images(1), 4, (0.0, 0.99)

    def trained(step: Callable[[nn.Module, torch.optim.Optimizer, int], None], c: float = 1.0) -> tuple[Tensor, int]:
        network = discriminator()
        adam = torch.optim.Adam(network.parameters(), lr=1e-3 * c, betas=(betas[0] ** c, betas[1] ** c))
        for update in range(2 * every):
            step(network, adam, update)
        updates = int(next(iter(adam.state.values()))["step"])
        return torch.nn.utils.parameters_to_vector(network.parameters()).detach(), updates

    def loss(network: nn.Module) -> Tensor:
        return (network(fake) - network(real)).mean()

    def descend(adam: torch.optim.Optimizer, loss: Tensor) -> None:
        adam.zero_grad()
        loss.backward()
        adam.step()

    penalty = PENALTIES["r1"](gamma=1.0, every=every)

    def ours(network: nn.Module, adam: torch.optim.Optimizer, update: int) -> None:
        added = penalty(network, real, fake) if penalty.due(update) else torch.zeros(())
        descend(adam, loss(network) + added)

    def by_hand(network: nn.Module, adam: torch.optim.Optimizer, update: int) -> None:
        added = every * 1.0 * r1_penalty(network, real, fake) if update % every == 0 else 0.0
        descend(adam, loss(network) + added)

    def stylegan2(network: nn.Module, adam: torch.optim.Optimizer, update: int) -> None:
        descend(adam, loss(network))
        if update % every == 0:
            descend(adam, every * 1.0 * r1_penalty(network, real, fake))

    (here, updates), (expected, _) = trained(ours), trained(by_hand)
    assert torch.equal(here, expected)
    assert updates == 2 * every
    there, updates = trained(stylegan2, c=every / (every + 1))
    assert updates == 2 * (every + 1)  # which is why it changes Adam's settings, and we do not
    assert not torch.equal(here, there)


def test_what_adds_nothing_to_the_loss_is_never_due() -> None:
    penalty = Clipping()
    assert not any(penalty.due(update) for update in range(5))
    nothing = penalty(quadratic, images(0), images(1))
    assert nothing.shape == ()
    assert nothing.item() == 0


def test_clipping_brings_every_parameter_back_into_its_range() -> None:
    network = discriminator()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    Clipping(limit=0.2).after_update(network.parameters())
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, old.clamp(-0.2, 0.2))
        assert parameter.requires_grad
        assert parameter.is_leaf
    assert any((old.abs() > 0.2).any() for old in before)
    assert any((old.abs() < 0.2).any() for old in before)


@pytest.mark.parametrize("name", [name for name in PENALTIES if name not in ("clipping", "none")])
def test_the_others_leave_parameters_alone(name: str) -> None:
    network = discriminator()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    PENALTIES[name]().after_update(network.parameters())
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, old)


def test_r1_flattens_the_discriminator_at_real_images() -> None:
    network, real = discriminator(), images(0)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    steep = r1_penalty(network, real, real).item()
    for _ in range(50):
        optimizer.zero_grad()
        R1(gamma=10.0)(network, real, real).backward()
        optimizer.step()
    assert r1_penalty(network, real, real).item() < steep / 100


def test_a_penalty_takes_its_settings_and_no_others() -> None:
    assert PENALTIES["r1"](gamma=0.5, every=16) == R1(gamma=0.5, every=16)
    assert PENALTIES["none"]() is None
    with pytest.raises(TypeError, match="weight"):
        PENALTIES["r1"](weight=1.0)


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "none"])
def test_what_is_not_positive_is_refused(name: str) -> None:
    hints = hints_of(PENALTIES[name])
    settings = parameters_of(PENALTIES[name])
    assert settings
    for setting, parameter in settings.items():
        assert problem(setting, parameter.default, hints[setting]) is None
        for bad in (0, -1):
            told = problem(setting, bad, hints[setting])
            assert told is not None
            assert told.startswith(f"{setting}: {bad} given, ")
