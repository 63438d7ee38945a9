"""How the sizes and the widths of images' maps go up and down. Pure Python: configurations are checked by it."""

SMALLEST = 8  # the smallest image that is halved once
# The largest networks that a configuration may ask for, and that a bundle may hold.
MAX_WIDTH = 65_536  # components of z, classes, units of a layer
MAX_SETTING = 1024  # a number that stands alone, such as channels or layers: the network has at most so many modules
MAX_LENGTH = 256  # of lists in settings, and of words


def stages(image_size: int) -> tuple[int, int]:
    """How often dcgan halves a square image, and the size that is left: halve while it is even and above 7.

    28 gives (2, 7), 32 gives (3, 4), 64 gives (4, 4).

    Raises:
        ValueError: the size cannot be halved down to 4, 5, 6 or 7.
    """
    halvings, size = 0, image_size
    while size % 2 == 0 and size > 7:
        halvings, size = halvings + 1, size // 2
    if not 4 <= size <= 7 or halvings == 0:
        raise ValueError(f"image_size must be 4, 5, 6 or 7 times a power of two (16, 28, 32, 64, …), not {image_size}")
    return halvings, size


def pyramid(image_size: int) -> list[int]:
    """The sizes of a residual network's maps, from the smallest (4, 5, 6 or 7) to the image's own.

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


def widths(base_channels: int, levels: int) -> list[int]:
    """Channels at each of a pyramid's sizes, from the smallest to the image's own, which has half of base_channels.

    ``widths(32, 3)`` gives [64, 32, 16].

    Raises:
        ValueError: base_channels is below 2.
    """
    if base_channels < 2:
        raise ValueError(f"base_channels must be 2 or more, not {base_channels}")
    return [base_channels * 2**level // 2 for level in reversed(range(levels))]


def side(image_shape: tuple[int, int, int]) -> int:
    """H of images (C, H, W) that are square.

    Raises:
        ValueError: they are not.
    """
    _, height, width = image_shape
    if height != width:
        raise ValueError(f"image_shape must be (C, H, W) with H = W, not {tuple(image_shape)}")
    return height
