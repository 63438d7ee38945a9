"""Characters as dots: each at its place, curves without a lost peak, images as many as there is room for."""

import numpy as np
import pytest

from gan.report.terminal_charts import BRAILLE, braille, images, plot


def dots(lines: list[str]) -> np.ndarray:
    """Back from characters, by Unicode's own numbering of the dots: 1 2 3 7 down the left, 4 5 6 8 down the right."""
    bits = {(0, 0): 0, (1, 0): 1, (2, 0): 2, (3, 0): 6, (0, 1): 3, (1, 1): 4, (2, 1): 5, (3, 1): 7}
    found = np.zeros((4 * len(lines), 2 * len(lines[0])), bool)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            for (down, right), bit in bits.items():
                found[4 * row + down, 2 * column + right] = (ord(character) - BRAILLE) >> bit & 1
    return found


def test_every_dot_is_at_its_place() -> None:
    drawn = np.random.default_rng(0).random((8, 6)) > 0.5
    assert np.array_equal(dots(braille(drawn)), drawn)
    assert np.array_equal(dots(braille(drawn[:5, :3]))[:5, :3], drawn[:5, :3])


@pytest.mark.parametrize("count", [2, 9, 5000])
def test_a_curve_goes_from_its_least_to_its_greatest(count: int) -> None:
    drawn = dots(plot(np.linspace(3, 7, count).tolist(), width=10, height=2))
    assert drawn.shape == (8, 20)
    assert drawn[-1, 0]
    assert drawn[0, -1]
    assert drawn.any(axis=0).all()
    heights = [np.flatnonzero(column).max() for column in drawn.T]
    assert heights == sorted(heights, reverse=True)


def test_no_peak_is_lost_and_what_is_not_finite_is_a_gap() -> None:
    values = [0.0] * 1000
    values[500] = 1.0
    assert dots(plot(values, width=10, height=2))[0].any()
    values[600:700] = [float("nan")] * 100
    drawn = dots(plot(values, width=10, height=2))
    assert not drawn[:, 12:14].any(axis=0).all()
    assert drawn[:, [0, -1]].any(axis=0).all()
    assert not dots(plot([float("nan")] * 3, width=4, height=1)).any()
    assert dots(plot([2.0] * 50, width=4, height=1)).any(axis=0).all()


def test_images_as_many_as_there_is_room_for() -> None:
    shown = np.zeros((9, 1, 28, 28), np.uint8)
    shown[1] = 255
    lines = images(shown, columns=44, rows=2)
    assert len(lines) == 2 * 7
    assert all(len(line) == 3 * 14 + 2 for line in lines)
    assert lines[0] == " ".join([chr(BRAILLE) * 14, chr(BRAILLE + 255) * 14, chr(BRAILLE) * 14])
    assert len(images(shown[:1], columns=3)) == 7  # one at least


def test_images_in_colour() -> None:
    shown = np.zeros((1, 3, 4, 2), np.uint8)
    shown[0, :, 0, 0] = (10, 20, 30)
    shown[0, 2, 3, 1] = 99
    first, second = images(shown, columns=80, colour=True)
    assert first == "\x1b[38;2;10;20;30;48;2;0;0;0m▀\x1b[38;2;0;0;0;48;2;0;0;0m▀\x1b[0m"
    assert second == "\x1b[38;2;0;0;0;48;2;0;0;0m▀\x1b[38;2;0;0;0;48;2;0;0;99m▀\x1b[0m"
    large = np.full((1, 1, 64, 64), 7, np.uint8)
    assert images(large, columns=80, colour=True)[0].count("▀") == 13
