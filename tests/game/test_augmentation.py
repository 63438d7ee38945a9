"""Augmentation: what all operations have in common, their gradients, and the settings."""

import pytest
import torch
from augmented import PIXELS, all_of, some
from option_classes import option_classes, option_file
from torch import Tensor

from gan.config.kinds import NONE
from gan.game.augmentation import (
    OPERATIONS,
    AdaptiveAugmentation,
    DiffAugment,
    Pixels,
    augment,
    cutout,
    translation,
)
from gan.system.errors import ConfigError
from gan.system.value_types import allowed, hints_of, problem

SHAPES = [(1, 28, 28), (3, 32, 32), (2, 9, 14), (1, 2, 2), (1, 1, 1), (3, 5, 1)]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


# Every operation


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_shape_dtype_and_the_images_given_stay(name: str, shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    images = some(6, shape, dtype)
    before = images.clone()
    changed = augment(images, [name], 1.0, PIXELS)
    assert changed.shape == images.shape
    assert changed.dtype == dtype
    assert torch.equal(images, before)
    assert changed.isfinite().all()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_at_probability_0_every_image_is_left_bit_for_bit(name: str, shape: tuple[int, int, int]) -> None:
    images = some(8, shape)
    assert torch.equal(augment(images, [name], 0.0, PIXELS), images)
    assert torch.equal(augment(images, [name], torch.tensor(0.0), PIXELS), images)


@pytest.mark.parametrize("name", OPERATIONS)
def test_images_are_changed_one_by_one_and_independently(name: str) -> None:
    same = some(1).expand(64, -1, -1, -1)
    changed = augment(same, [name], 1.0, PIXELS)
    assert len({tuple(image.flatten().tolist()) for image in changed}) > 32

    others = some(64)
    others[7] = same[0]
    torch.manual_seed(3)
    of_same = augment(same, [name], 1.0, PIXELS)[7]
    torch.manual_seed(3)
    torch.testing.assert_close(augment(others, [name], 1.0, PIXELS)[7], of_same)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("probability", [0.2, 0.7])
def test_the_probability_is_the_share_of_images_that_an_operation_is_tried_on(name: str, probability: float) -> None:
    applied: list[Tensor] = []

    def watched(images: Tensor, which: Tensor, pixels: Pixels) -> Tensor:
        applied.append(which)
        return OPERATIONS[name](images, which, pixels)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OPERATIONS, "watched", watched)
        images = some(20_000, (1, 4, 4))
        changed = augment(images, ["watched"], probability, PIXELS)
    (which,) = applied
    assert which.float().mean().item() == pytest.approx(probability, abs=0.02)
    left = ~which.flatten()
    assert torch.equal(changed[left], images[left])
    assert (changed != images).flatten(1).any(1).float().mean() > probability * 0.5


def test_operations_of_a_policy_act_on_images_independently_and_in_order() -> None:
    images = some(4)
    torch.manual_seed(5)
    both = augment(images, ["translation", "cutout"], 1.0, PIXELS)
    torch.manual_seed(5)
    one_by_one = augment(augment(images, ["translation"], 1.0, PIXELS), ["cutout"], 1.0, PIXELS)
    assert torch.equal(both, one_by_one)


def test_random_numbers_do_not_depend_on_the_probability() -> None:
    images, states = some(5), []
    for probability in (0.0, 0.3, 1.0):
        torch.manual_seed(9)
        augment(images, list(OPERATIONS), probability, PIXELS)
        states.append(torch.get_rng_state())
    assert all(torch.equal(state, states[0]) for state in states)


# Gradients


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 5, 4)])
def test_gradients_of_first_and_second_order(name: str, shape: tuple[int, int, int]) -> None:
    images = some(2, shape, torch.float64).requires_grad_()

    def fixed(images: Tensor) -> Tensor:
        torch.manual_seed(2)
        return augment(images, [name], 0.8, PIXELS)

    assert torch.autograd.gradcheck(fixed, (images,))
    assert torch.autograd.gradgradcheck(lambda images: fixed(images).square(), (images,))


def test_an_r1_penalty_passes_through_to_the_discriminator() -> None:
    weight = torch.randn(28 * 28, dtype=torch.float64, requires_grad=True)
    real = some(4, dtype=torch.float64).requires_grad_()
    logits = torch.tanh(DiffAugment(PIXELS, list(OPERATIONS))(real).flatten(1) @ weight)
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    penalty = gradient.square().sum((1, 2, 3)).mean()
    (of_weight,) = torch.autograd.grad(penalty, weight)
    assert of_weight.isfinite().all()
    assert of_weight.abs().sum() > 0


def test_what_is_not_seen_has_no_gradient_and_the_rest_of_a_moved_image_has_all() -> None:
    images = some(40).requires_grad_()
    cut = cutout(images, all_of(images), PIXELS)
    (gradient,) = torch.autograd.grad(cut.sum(), images)
    assert torch.equal(gradient, (cut != -1).float())
    moved = translation(images, all_of(images), PIXELS)
    (gradient,) = torch.autograd.grad(moved.sum(), images)
    assert set(gradient.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(gradient.sum((1, 2, 3)), (moved != -1).float().sum((1, 2, 3)))


# The modules


def test_without_a_policy_the_images_pass() -> None:
    images = some(2)
    assert augment(images, [], 1.0, PIXELS) is images


def test_a_fixed_augmentation_has_no_state_and_does_as_the_function() -> None:
    augmentation, images = DiffAugment(PIXELS, ["color", "cutout"], 0.5), some(9)
    assert augmentation.state_dict() == {}
    torch.manual_seed(4)
    expected = augment(images, ["color", "cutout"], 0.5, PIXELS)
    torch.manual_seed(4)
    assert torch.equal(augmentation(images), expected)


def test_an_operation_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="policy: no such option 'translate'; did you mean 'translation'"):
        DiffAugment(PIXELS, ["translate"])


# Settings


def test_names_and_what_they_build() -> None:
    made = option_classes("augmentation")
    assert set(made) == {"none", "diffaugment", "adaptive"}
    assert option_file("augmentation", "none") == {"_target_": NONE}
    assert made["none"](PIXELS) is None
    assert made["diffaugment"] is DiffAugment
    assert made["adaptive"] is AdaptiveAugmentation


@pytest.mark.parametrize("of", [DiffAugment, AdaptiveAugmentation])
def test_policies_that_are_allowed_and_refused(of: type) -> None:
    hint = hints_of(of)["policy"]
    assert allowed(hint) == f"one or more of {', '.join(OPERATIONS)} (each at most once)"
    assert problem("policy", list(OPERATIONS), hint) is None
    assert problem("policy", ["cutout"], hint) is None
    for bad in ([], ["cutout", "cutout"]):
        assert problem("policy", bad, hint) == f"policy: {bad!r} given, {allowed(hint)} expected"
