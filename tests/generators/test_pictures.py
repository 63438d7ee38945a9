"""Grids, PNGs and animations, read back pixel by pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from gan.generators.pictures import FAKE_COLOUR, REAL_COLOUR, Pixels, gif, grid, inverted, png, scatter, to_pillow
from gan.system.errors import GanError


def random_images(count: int, channels: int = 1, height: int = 3, width: int = 5, seed: int = 0) -> Pixels:
    # from 1, so that black is padding or an empty place
    return np.random.default_rng(seed).integers(1, 256, (count, channels, height, width), dtype=np.uint8)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture)


def test_images_stand_row_by_row_with_black_between_and_where_none_is_left() -> None:
    images = random_images(5)
    laid = grid(images, columns=3, padding=2)
    assert laid.shape == (1, 3 + 2 + 3, 5 + 2 + 5 + 2 + 5)
    for index, (top, left) in enumerate([(0, 0), (0, 7), (0, 14), (5, 0), (5, 7)]):
        assert np.array_equal(laid[:, top : top + 3, left : left + 5], images[index])
    assert np.count_nonzero(laid) == images.size


@pytest.mark.parametrize(
    ("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 2, 2), (5, 2, 3), (16, 4, 4), (64, 8, 8), (65, 8, 9)]
)
def test_a_grid_is_as_square_as_the_count_allows(count: int, rows: int, columns: int) -> None:
    assert grid(random_images(count), padding=0).shape == (1, rows * 3, columns * 5)


def test_no_more_columns_than_images() -> None:
    assert grid(random_images(2), columns=10, padding=1).shape == (1, 3, 11)


def test_padding_is_between_images_and_not_around_them() -> None:
    white = np.full((4, 1, 2, 2), 255, np.uint8)
    expected = [
        [255, 255, 0, 255, 255],
        [255, 255, 0, 255, 255],
        [0, 0, 0, 0, 0],
        [255, 255, 0, 255, 255],
        [255, 255, 0, 255, 255],
    ]
    assert grid(white, padding=1)[0].tolist() == expected


def test_scale_repeats_each_pixel_padding_too() -> None:
    images = random_images(3)
    small, large = grid(images), grid(images, scale=3)
    assert large.shape == (1, small.shape[1] * 3, small.shape[2] * 3)
    for row in range(3):
        for column in range(3):
            assert np.array_equal(large[:, row::3, column::3], small)


def test_pictures_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.generators.pictures.free_memory", lambda: 20_000)
    assert grid(random_images(3), scale=2).size < 10_000
    with pytest.raises(GanError, match=r"scale: 64 given, and the enlarged images need 0\.0 GiB, but only half of"):
        grid(random_images(3), scale=64)


def test_a_grid_is_a_copy() -> None:
    images = random_images(1)
    kept = images.copy()
    grid(images, padding=0)[:] = 0
    assert np.array_equal(images, kept)


def test_inverted_is_dark_on_white_and_its_own_inverse() -> None:
    images = np.array([0, 1, 127, 254, 255], np.uint8).reshape(1, 1, 1, 5)
    assert inverted(images).flatten().tolist() == [255, 254, 128, 1, 0]
    assert inverted(images).dtype == np.uint8
    assert np.array_equal(inverted(inverted(images)), images)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_grey_and_colour_images_keep_their_pixels(channels: int, mode: str) -> None:
    image = random_images(1, channels)[0]
    picture = to_pillow(image)
    assert picture.mode == mode
    assert picture.size == (5, 3)  # Pillow: width, height
    expected = image[0] if channels == 1 else image.transpose(1, 2, 0)
    assert np.array_equal(pixels(picture), expected)
    read_back = opened(png(image))
    assert read_back.format == "PNG"
    assert read_back.mode == mode
    assert np.array_equal(pixels(read_back), expected)


def test_the_same_image_gives_the_same_png_and_another_image_another() -> None:
    images = random_images(2)
    assert png(images[0]) == png(images[0].copy())
    assert png(images[0]) != png(images[1])


def frame_durations(animation: Image.Image) -> list[int]:
    """Milliseconds of each frame."""
    durations = []
    for frame in range(animation.n_frames):  # type: ignore[attr-defined]
        animation.seek(frame)
        durations.append(animation.info["duration"])
    return durations


def test_an_animation_has_every_frame_in_order_and_loops() -> None:
    frames = list(random_images(4, height=8, width=8))
    animation = opened(gif(frames))
    assert animation.format == "GIF"
    assert animation.info["loop"] == 0
    assert animation.n_frames == 4  # type: ignore[attr-defined]
    for index, frame in enumerate(frames):
        animation.seek(index)
        assert np.array_equal(pixels(animation.convert("L")), frame[0])


@pytest.mark.parametrize(
    ("count", "each", "last"),
    [
        (1, None, 2_000),  # alone: half a second, and held
        (2, 500, 2_000),  # not slower than two frames a second
        (20, 300, 1_800),  # 6 s shared out
        (200, 40, 1_540),  # not faster than 25 frames a second
    ],
)
def test_an_animation_takes_about_6_seconds_and_holds_its_last_frame(count: int, each: int | None, last: int) -> None:
    durations = frame_durations(opened(gif(list(random_images(count, height=4, width=4)))))
    assert len(durations) == count
    assert set(durations[:-1]) == ({each} if each else set())
    assert durations[-1] == last


def test_length_and_hold_of_an_animation_can_be_chosen() -> None:
    durations = frame_durations(opened(gif(list(random_images(10, height=4, width=4)), seconds=1.0, hold=0.5)))
    assert durations == [100] * 9 + [600]


@pytest.mark.parametrize("fps", [12, 15, 22])
def test_an_animation_has_the_speed_that_was_asked_for(fps: int) -> None:
    """GIF counts hundredths of a second: the frames differ by one, and the whole has the right length."""
    durations = frame_durations(opened(gif(list(random_images(4 * fps, height=4, width=4)), seconds=4, hold=0)))
    assert sum(durations) == 4000
    assert max(durations) - min(durations) == 10


def test_an_animation_of_colour_images_keeps_their_colours() -> None:
    frames = [np.zeros((3, 8, 8), np.uint8) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame[number, :4] = 200
    animation = opened(gif(frames))
    assert animation.n_frames == 3  # type: ignore[attr-defined]
    for number, frame in enumerate(frames):
        animation.seek(number)
        assert np.array_equal(pixels(animation.convert("RGB")), frame.transpose(1, 2, 0))


# scatter pictures


def points(*coordinates: tuple[float, float]) -> np.ndarray:
    return np.array(coordinates, np.float32).reshape(-1, 2, 1, 1)


def marked(picture: Pixels, colour: tuple[int, int, int]) -> list[tuple[int, int]]:
    """(row, column) of each pixel of this colour."""
    rows, columns = np.nonzero((picture == np.array(colour)[:, None, None]).all(axis=0))
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def test_a_point_is_a_dot_with_x_to_the_right_and_y_upwards() -> None:
    picture = scatter(points((0.25, 0.75)), size=101)
    assert picture.shape == (3, 101, 101)
    assert picture.dtype == np.uint8
    assert marked(picture, FAKE_COLOUR) == [(24, 25), (25, 24), (25, 25), (25, 26), (26, 25)]
    assert len(marked(picture, (255, 255, 255))) == 101 * 101 - 5


def test_generated_points_lie_on_top_of_real_ones() -> None:
    both = scatter(points((0.5, 0.5)), points((0.5, 0.5), (0.1, 0.1)), size=101)
    assert len(marked(both, FAKE_COLOUR)) == 5
    assert [place for place in marked(both, REAL_COLOUR) if place == (90, 10)] == [(90, 10)]
    assert len(marked(both, REAL_COLOUR)) == 5


def test_a_point_outside_is_drawn_at_the_edge_and_one_that_is_not_finite_is_left_out() -> None:
    picture = scatter(points((7.0, 0.5), (-7.0, 0.5), (np.nan, 0.5), (0.5, np.inf)), size=101)
    assert {(50, 0), (50, 100)} <= set(marked(picture, FAKE_COLOUR))
    assert len(marked(picture, FAKE_COLOUR)) == 8


def test_no_points_at_all_are_a_white_picture() -> None:
    assert (scatter(points(), points(), size=50) == 255).all()
    assert np.array_equal(scatter(np.zeros((0, 2))), scatter(points()))
