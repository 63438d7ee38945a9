"""Adaptive augmentation: a probability that follows how sure the discriminator is of real images."""

import copy

import pytest
import torch
from augmented import PIXELS, some

from gan.game.augmentation import AdaptiveAugmentation


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("logits", "expected"), [([2.0, 0.1], 1.0), ([-2.0, -0.1], -1.0), ([3.0, -0.2], 0.0), ([5.0, 5.0, 5.0, -1.0], 0.5)]
)
def test_it_adapts_to_the_mean_sign_of_all_logits_since_the_last_time(logits: list[float], expected: float) -> None:
    told: list[tuple[float, float]] = []
    augmentation = AdaptiveAugmentation(PIXELS, every=3, probability=0.5)
    augmentation.adapt = lambda mean, images: told.append((float(mean), float(images)))  # type: ignore[method-assign]
    for update, part in enumerate([*torch.tensor(logits, requires_grad=True).tensor_split(2), torch.zeros(0)] * 2, 1):
        augmentation.observe(part)
        augmentation.after_update(update, lambda mean: mean, 2)
    assert told == [(expected, 2 * len(logits))] * 2


def test_the_probability_rises_while_the_discriminator_is_sure_and_falls_while_it_is_not() -> None:
    augmentation = AdaptiveAugmentation(PIXELS, probability=0.5, target=0.6, speed_images=1000)
    augmentation.adapt(torch.tensor(0.61), 100)
    assert augmentation.probability.item() == pytest.approx(0.6)
    for _ in range(3):
        augmentation.adapt(torch.tensor(0.59), 50)
    assert augmentation.probability.item() == pytest.approx(0.45)
    augmentation.adapt(torch.tensor(0.6), 100)
    assert augmentation.probability.item() == pytest.approx(0.45)


@pytest.mark.parametrize(("mean_sign", "end"), [(1.0, 1.0), (-1.0, 0.0)])
def test_the_probability_stays_in_0_to_1_and_gets_there_in_so_many_images(mean_sign: float, end: float) -> None:
    augmentation = AdaptiveAugmentation(PIXELS, probability=1 - end, speed_images=6400)
    for update in range(1, 101):
        assert 0 <= augmentation.probability.item() <= 1
        if augmentation.due(update):
            augmentation.adapt(torch.tensor(mean_sign), 4 * 64)
    assert augmentation.probability.item() == pytest.approx(end, abs=1e-5)
    augmentation.adapt(torch.tensor(mean_sign), 4 * 64)
    assert augmentation.probability.item() == end


def test_adaptation_holds_the_target() -> None:
    """A discriminator whose certainty falls as the augmentation rises: mean sign 1 - p, hence p = 0.4."""
    augmentation = AdaptiveAugmentation(PIXELS, target=0.6, speed_images=10_000)
    held = []
    for _ in range(400):
        logits = torch.rand(64) - augmentation.probability / 2
        augmentation.adapt(logits.sign().mean(), 64)
        held.append(augmentation.probability.item())
    assert sum(held[200:]) / 200 == pytest.approx(0.4, abs=0.03)


def test_when_an_adaptation_is_due() -> None:
    assert [update for update in range(1, 13) if AdaptiveAugmentation(PIXELS, every=4).due(update)] == [4, 8, 12]
    assert all(AdaptiveAugmentation(PIXELS, every=1).due(update) for update in range(1, 5))


def test_an_adapted_probability_acts_and_is_in_checkpoints_and_copies() -> None:
    augmentation, images = AdaptiveAugmentation(PIXELS, speed_images=100), some(32)
    assert torch.equal(augmentation(images), images)
    augmentation.adapt(torch.tensor(1.0), 30)
    assert set(augmentation.state_dict()) == {"probability", "sign_sum", "images"}
    resumed = AdaptiveAugmentation(PIXELS, speed_images=100)
    resumed.load_state_dict(augmentation.state_dict())
    for other in (resumed, copy.deepcopy(augmentation)):
        assert torch.equal(other.probability, augmentation.probability)
        torch.manual_seed(6)
        expected = augmentation(images)
        torch.manual_seed(6)
        assert torch.equal(other(images), expected)
        assert not torch.equal(expected, images)
