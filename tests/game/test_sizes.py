"""How sizes and widths go up and down."""

import itertools

import pytest

from gan.game.sizes import pyramid, widths


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (8, [4, 8]),
        (16, [4, 8, 16]),
        (28, [7, 14, 28]),
        (30, [7, 15, 30]),
        (33, [4, 8, 16, 33]),
        (64, [4, 8, 16, 32, 64]),
        (127, [7, 15, 31, 63, 127]),
        (128, [4, 8, 16, 32, 64, 128]),
    ],
)
def test_pyramids(size: int, expected: list[int]) -> None:
    assert pyramid(size) == expected


def test_every_size_has_a_pyramid_that_begins_small_and_ends_with_itself() -> None:
    for size in range(8, 129):
        sizes = pyramid(size)
        assert 4 <= sizes[0] <= 7
        assert sizes[-1] == size
        assert all(large // 2 == small for small, large in itertools.pairwise(sizes))


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_size_below_8_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"^image_size must be 8 or more, not {size}$"):
        pyramid(size)


def test_widths_from_the_smallest_map_to_the_image() -> None:
    assert widths(32, 3) == [64, 32, 16]
    assert widths(2, 2) == [2, 1]
    with pytest.raises(ValueError, match=r"^base_channels must be 2 or more, not 1$"):
        widths(1, 3)
