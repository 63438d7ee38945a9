"""Each operation of an augmentation against a plain loop over the images: color, translation, cutout."""

from dataclasses import astuple

import pytest
import torch
from augmented import PIXELS, Operation, all_of, some

from gan.data.normalization import normalize
from gan.game.augmentation import Pixels, color, cutout, translation


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


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


def shifted(image: torch.Tensor, down: int, across: int) -> torch.Tensor:
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
    torch.testing.assert_close(torch.tensor(astuple(pixels)), extremes)
    white = torch.full((30, 1, 16, 16), pixels.white)
    changed = operation(white, all_of(white), pixels)
    torch.testing.assert_close(changed.unique(), extremes)
