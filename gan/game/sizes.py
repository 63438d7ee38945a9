"""Sizes and widths of feature maps. Pure Python, without torch, for the validation of configurations."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple

from gan.system.ranges import Length, Range

SMALLEST = 8  # the smallest image size that can be halved
# Limits of networks in configurations and bundles.
MAX_WIDTH = 65_536  # components of z, classes, units of a layer
MAX_SETTING = 1024  # a single number, such as channels or blocks
MAX_LENGTH = 256  # of lists in settings, and of strings

Width = Annotated[int, Range(1, MAX_WIDTH)]
Clusters = Annotated[int, Range(0, MAX_SETTING)]
Widths = Annotated[Sequence[Width], Length(1, MAX_LENGTH)]
Channels = Annotated[int, Range(1, MAX_SETTING)]
PyramidChannels = Annotated[int, Range(2, MAX_SETTING)]  # half of them at the size of the image

Activation = Literal["relu", "leaky_relu"]
GeneratorConditioning = Literal["none", "concat", "batch_norm"]
DiscriminatorConditioning = Literal["none", "concat", "projection", "auxiliary", "projection_twin"]


class ImageSizes(NamedTuple):
    """The sizes of square images for which a network can be built.

    Attributes:
        check: raises ValueError for a size for which it cannot be built.
        rule: the allowed sizes, for messages.
    """

    check: Callable[[int], object]
    rule: str


def stages(image_size: int) -> tuple[int, int]:
    """How often dcgan halves a square image, and the remaining size: it is halved while it is even and above 7.

    28 gives (2, 7), 32 gives (3, 4), 64 gives (4, 4).

    Raises:
        ValueError: the size cannot be halved down to 4, 5, 6 or 7.
    """
    halvings, size = 0, image_size
    while size % 2 == 0 and size > 7:
        halvings, size = halvings + 1, size // 2
    if not 4 <= size <= 7 or halvings == 0:
        raise ValueError(f"image_size must be 4, 5, 6 or 7 times a power of two (16, 20, 24, 28, …), not {image_size}")
    return halvings, size


def pyramid(image_size: int) -> list[int]:
    """The sizes of a residual network's maps, from the smallest (4, 5, 6 or 7) to that of the image.

    Each is half of the next, rounded down: 28 gives [7, 14, 28], 32 gives [4, 8, 16, 32], 50 gives [6, 12, 25, 50].

    Raises:
        ValueError: the size is below 8.
    """
    if image_size < SMALLEST:
        raise ValueError(f"image_size must be {SMALLEST} or more, not {image_size}")
    sizes = [image_size]
    while sizes[0] >= SMALLEST:
        sizes.insert(0, sizes[0] // 2)
    return sizes


STAGES = ImageSizes(stages, "needs 4, 5, 6 or 7 times a power of two (16, 20, 24, 28, 32, …)")
PYRAMID = ImageSizes(pyramid, f"needs {SMALLEST} or more")


def widths(base_channels: int, levels: int) -> list[int]:
    """Channels at each size of a pyramid, from the smallest to the image size, which has half of base_channels.

    ``widths(32, 3)`` gives [64, 32, 16].

    Raises:
        ValueError: base_channels is below 2.
    """
    if base_channels < 2:
        raise ValueError(f"base_channels must be 2 or more, not {base_channels}")
    return [base_channels * 2**level // 2 for level in reversed(range(levels))]


def side(image_shape: tuple[int, int, int]) -> int:
    """H of square images (C, H, W).

    Raises:
        ValueError: they are not square.
    """
    _, height, width = image_shape
    if height != width:
        raise ValueError(f"image_shape must be (C, H, W) with H = W, not {tuple(image_shape)}")
    return height
