"""Augmentation: each operation against a plain loop over the images, its gradients, its strength, and its settings."""

import copy
import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from gan.augmentation import (
    AUGMENTATIONS,
    OPERATIONS,
    AdaptiveAugmentation,
    Augmentation,
    Pixels,
    augment,
    color,
    cutout,
    translation,
)
from gan.data.normalization import normalize
from gan.errors import ConfigError
from gan.schema import augmentation as schema

CONF = Path(__file__).parent.parent / "conf" / "augmentation"
PIXELS = Pixels()
SHAPES = [(1, 28, 28), (3, 32, 32), (2, 9, 14), (1, 2, 2), (1, 1, 1), (3, 5, 1)]
Operation = Callable[[Tensor, Tensor, Pixels], Tensor]


def some(count: int, shape: tuple[int, int, int] = (1, 28, 28), dtype: torch.dtype = torch.float32) -> Tensor:
    """Images without a black pixel, so that black tells what has been filled in."""
    return (torch.rand(count, *shape) * 1.8 - 0.9).to(dtype)


def all_of(images: Tensor) -> Tensor:
    return torch.ones(len(images), 1, 1, 1, dtype=torch.bool)


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


# Color


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_color_is_brightness_and_contrast_where_channels_are_not_three(channels: int) -> None:
    images = some(500, (channels, 5, 5), torch.float64)
    changed = color(images, all_of(images), PIXELS)
    mean, new_mean = images.mean((1, 2, 3)), changed.mean((1, 2, 3))
    brightness = new_mean - mean
    contrast = (changed - new_mean[:, None, None, None]) / (images - mean[:, None, None, None])
    assert -0.5 <= brightness.min() < -0.48
    assert 0.48 < brightness.max() <= 0.5
    torch.testing.assert_close(contrast, contrast[:, :1, :1, :1].expand_as(contrast))
    assert 0.5 <= contrast.min() < 0.52
    assert 1.48 < contrast.max() <= 1.5


def test_color_changes_the_saturation_of_three_channels() -> None:
    images = some(1000, (3, 4, 4), torch.float64)
    changed = color(images, all_of(images), PIXELS)
    grey, new_grey = images.mean(1, keepdim=True), changed.mean(1, keepdim=True)
    centred = grey - grey.mean((2, 3), keepdim=True)
    contrast = (new_grey - new_grey.mean((2, 3), keepdim=True)) / centred
    saturation = (changed - new_grey) / (images - grey) / contrast
    torch.testing.assert_close(saturation, saturation[:, :1, :1, :1].expand_as(saturation))
    assert 0 <= saturation.min() < 0.01
    assert 1.99 < saturation.max() <= 2


def test_color_leaves_a_flat_grey_image_flat_and_may_leave_the_pixel_range() -> None:
    white = torch.ones(300, 3, 4, 4)
    changed = color(white, all_of(white), PIXELS)
    torch.testing.assert_close(changed, changed[:, :1, :1, :1].expand_as(changed))
    assert changed.max() > 1.4


def test_brightness_is_in_proportion_to_the_pixel_range() -> None:
    pixels = Pixels.normalized(mean=0.0, std=1.0)
    in_0_1 = some(8, dtype=torch.float64) / 2 + 0.5
    torch.manual_seed(1)
    changed = color(in_0_1, all_of(in_0_1), pixels)
    torch.manual_seed(1)
    same = color(in_0_1 * 2 - 1, all_of(in_0_1), PIXELS)
    torch.testing.assert_close(changed * 2 - 1, same)


# Translation


def shifted(image: Tensor, down: int, across: int) -> Tensor:
    """The image (C, H, W) moved over black: a window of the image in a wide black frame."""
    height, width = image.shape[1:]
    framed = torch.nn.functional.pad(image, (9, 9, 9, 9), value=-1.0)
    return framed[:, 9 - down : 9 - down + height, 9 - across : 9 - across + width]


@pytest.mark.parametrize(("shape", "down", "across"), [((1, 12, 20), 2, 3), ((3, 8, 8), 1, 1), ((2, 4, 3), 1, 0)])
def test_translation_is_a_shift_by_up_to_an_eighth(shape: tuple[int, int, int], down: int, across: int) -> None:
    images = some(60 * (down + 1) * (across + 1), shape)
    moved = translation(images, all_of(images), PIXELS)
    seen = set()
    for image, result in zip(images, moved, strict=True):
        shifts = [(y, x) for y in range(-down - 1, down + 2) for x in range(-across - 1, across + 2)]
        (shift,) = [shift for shift in shifts if torch.equal(shifted(image, *shift), result)]
        seen.add(shift)
    assert seen == {(y, x) for y in range(-down, down + 1) for x in range(-across, across + 1)}


def test_translation_of_28_pixels_is_by_up_to_4() -> None:
    images = some(400)
    moved = translation(images, all_of(images), PIXELS)
    black_rows = (moved == -1).all(3)[:, 0].sum(1)
    black_columns = (moved == -1).all(2)[:, 0].sum(1)
    assert black_rows.unique().tolist() == black_columns.unique().tolist() == [0, 1, 2, 3, 4]


def test_a_digit_moved_over_black_loses_nothing() -> None:
    images = torch.full((50, 1, 28, 28), -1.0)
    images[:, :, 8:20, 8:20] = some(50, (1, 12, 12))
    moved = translation(images, all_of(images), PIXELS)
    torch.testing.assert_close(moved.sum((1, 2, 3)), images.sum((1, 2, 3)))


# Cutout


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 12), (1, 7, 9)])
def test_cutout_blackens_one_rectangle_of_half_the_size_or_what_of_it_is_inside(shape: tuple[int, int, int]) -> None:
    images = some(2000, shape)
    height, width = shape[1:]
    cut = cutout(images, all_of(images), PIXELS)
    black = cut == -1
    assert torch.equal(cut[~black], images[~black])
    assert torch.equal(black, black[:, :1].expand_as(black))  # all channels alike
    rows, columns = black[:, 0].any(2), black[:, 0].any(1)
    assert torch.equal(black[:, 0], rows[:, :, None] & columns[:, None, :])
    for covered, size in ((rows, height), (columns, width)):
        edges = covered.int().diff(dim=1, prepend=torch.zeros(2000, 1), append=torch.zeros(2000, 1)).abs().sum(1)
        assert (edges == 2).all()  # one interval
        half = int(size / 2 + 0.5)
        assert covered.sum(1).max() == half
        assert covered.sum(1).min() == (half + 1) // 2  # its middle on the border
        assert covered.any(0).all()  # anywhere


def test_cutout_is_alike_from_both_ends() -> None:
    images = some(40_000, (1, 8, 8))
    share = (cutout(images, all_of(images), PIXELS) == -1).float().mean((0, 1))
    torch.testing.assert_close(share, share.flip(0), atol=0.02, rtol=0)
    torch.testing.assert_close(share, share.flip(1), atol=0.02, rtol=0)


@pytest.mark.parametrize("operation", [translation, cutout])
@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.5), (0.0, 1.0), (0.1307, 0.3081)])
def test_what_is_filled_in_is_the_black_of_the_data(operation: Operation, mean: float, std: float) -> None:
    pixels = Pixels.normalized(mean, std)
    extremes = normalize(torch.tensor([0, 255], dtype=torch.uint8), mean, std)
    torch.testing.assert_close(torch.tensor(pixels), extremes)
    white = torch.full((30, 1, 16, 16), pixels.white)
    changed = operation(white, all_of(white), pixels)
    torch.testing.assert_close(changed.unique(), extremes)


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
    logits = torch.tanh(Augmentation(PIXELS, list(OPERATIONS))(real).flatten(1) @ weight)
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
    assert Augmentation(PIXELS, [])(images) is images


def test_a_fixed_augmentation_has_no_state_and_does_as_the_function() -> None:
    augmentation, images = Augmentation(PIXELS, ["color", "cutout"], 0.5), some(9)
    assert augmentation.state_dict() == {}
    torch.manual_seed(4)
    expected = augment(images, ["color", "cutout"], 0.5, PIXELS)
    torch.manual_seed(4)
    assert torch.equal(augmentation(images), expected)


def test_an_operation_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="policy: no such option 'translate'; did you mean 'translation'"):
        Augmentation(PIXELS, ["translate"])


# Adaptive strength


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


# Settings


def test_names_and_what_they_build() -> None:
    assert list(AUGMENTATIONS) == list(schema.AUGMENTATIONS) == ["none", "diffaugment", "adaptive"]
    assert {path.stem for path in CONF.glob("*.yaml")} == set(AUGMENTATIONS)
    assert yaml.safe_load((CONF / "none.yaml").read_text()) == {"name": "none"}
    images = some(4)
    assert AUGMENTATIONS["none"](PIXELS)(images) is images
    assert AUGMENTATIONS["diffaugment"] is Augmentation
    assert AUGMENTATIONS["adaptive"] is AdaptiveAugmentation


@pytest.mark.parametrize(
    ("name", "of", "made"),
    [
        ("diffaugment", schema.DiffAugmentConfig, Augmentation),
        ("adaptive", schema.AdaptiveAugmentationConfig, AdaptiveAugmentation),
    ],
)
def test_schema_option_file_and_class_agree(name: str, of: type, made: type) -> None:
    node = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    fields = {field.name: field for field in dataclasses.fields(of)}
    arguments = inspect.signature(made).parameters
    assert set(node) == set(fields) == {"name", *arguments} - {"pixels"}
    assert node.pop("name") == fields["name"].default == name
    assert node.pop("policy") == fields["policy"].default_factory() == list(arguments["policy"].default)
    for setting, default in node.items():
        assert default == fields[setting].default == arguments[setting].default
        assert fields[setting].metadata["check"](default)


def test_policies_that_the_schema_takes_and_refuses() -> None:
    assert tuple(OPERATIONS) == schema.OPERATIONS
    fields = {field.name: field for field in dataclasses.fields(schema.DiffAugmentConfig)}
    check = fields["policy"].metadata["check"]
    assert check(list(OPERATIONS))
    assert check(["cutout"])
    for bad in ([], ["cutout", "cutout"], ["rotation"]):
        assert not check(bad)
