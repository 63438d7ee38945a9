"""Other sizes and channels: values by hand, and as Pillow has them."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan.data import memory
from gan.data.loaded import LoadedImages
from gan.data.resizing import fitted, resized, with_channels
from gan.system.errors import DataError


def noise(count: int, channels: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)


def some_images(channels: int = 1) -> LoadedImages:
    images = noise(5, channels, 28)
    return LoadedImages(images[:3], torch.zeros(3).long(), images[3:], torch.zeros(2).long(), "few", (), "a few")


def test_half_the_size_by_hand() -> None:
    # The triangle filter is 2 pixels wide to either side then: weights 1/8, 3/8, 3/8, 1/8 around each new pixel.
    image = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    image[..., 8] = 255
    assert resized(image, 16)[0, 0, 5].tolist() == [0, 0, 0, 32, 96, *[0] * 11]


def test_twice_the_size_by_hand() -> None:
    # new pixels lie at quarters: 3/4 of the nearer old pixel, 1/4 of the other; the edge is repeated
    image = torch.tensor([0, 100, *[0] * 14], dtype=torch.uint8).expand(1, 1, 16, 16)
    assert resized(image, 32)[0, 0, 7, :7].tolist() == [0, 25, 75, 75, 25, 0, 0]


def test_flat_images_stay_flat() -> None:
    for value in (0, 1, 128, 254, 255):
        image = torch.full((2, 3, 28, 28), value, dtype=torch.uint8)
        for size in (16, 32, 64, 128):
            assert torch.equal(resized(image, size), torch.full((2, 3, size, size), value, dtype=torch.uint8))


@pytest.mark.parametrize("size", [16, 20, 32, 64])
def test_as_pillow_but_for_rounding(size: int) -> None:
    images = noise(1030, 1, 28)  # more than are resized at one time
    ours = resized(images, size)
    assert ours.dtype == torch.uint8
    for index in (0, 1023, 1024, 1029):
        theirs = Image.fromarray(images[index, 0].numpy()).resize((size, size), Image.Resampling.BILINEAR)
        # Pillow rounds twice, once after each direction
        assert np.abs(ours[index, 0].numpy().astype(int) - np.asarray(theirs).astype(int)).max() <= 1


def test_grey_by_hand() -> None:
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [10, 20, 30]])
    images = colours.to(torch.uint8).view(6, 3, 1, 1)
    # 0.299 R + 0.587 G + 0.114 B
    assert with_channels(images, 1).flatten().tolist() == [76, 150, 29, 255, 0, 18]


def test_grey_is_pillows_to_the_bit() -> None:
    images = noise(1030, 3, 8)
    grey = with_channels(images, 1)
    assert grey.shape == (1030, 1, 8, 8)
    for index in (0, 1023, 1024, 1029):
        theirs = Image.fromarray(images[index].permute(1, 2, 0).numpy()).convert("L")
        assert np.array_equal(grey[index, 0].numpy(), np.asarray(theirs))


def test_three_channels_of_a_grey_image_are_equal() -> None:
    images = noise(4, 1, 8)
    colour = with_channels(images, 3)
    assert colour.shape == (4, 3, 8, 8)
    assert all(torch.equal(colour[:, channel], images[:, 0]) for channel in range(3))
    assert torch.equal(with_channels(colour, 1), images)


def test_no_change_is_no_copy() -> None:
    few = some_images()
    for settings in ((None, None), (28, None), (None, 1), (28, 1)):
        assert fitted(few, *settings) is few


@pytest.mark.parametrize(
    ("channels", "settings", "shape", "said"),
    [
        (1, (16, None), (1, 16, 16), "a few; 16 x 16 pixels instead of 28 x 28"),
        (1, (32, 3), (3, 32, 32), "a few; 32 x 32 pixels instead of 28 x 28, three equal channels instead of grey"),
        (3, (None, 1), (1, 28, 28), "a few; in grey"),
    ],
)
def test_both_halves_are_changed_and_the_origin_says_so(
    channels: int, settings: tuple[int | None, int | None], shape: tuple[int, int, int], said: str
) -> None:
    few = some_images(channels)
    changed = fitted(few, *settings)
    assert changed.images.shape == (3, *shape)
    assert changed.held_out_images.shape == (2, *shape)
    assert changed.origin == said
    assert changed.labels is few.labels


def test_too_large_for_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 20_000)
    with pytest.raises(DataError) as error:
        fitted(some_images(), 64)
    assert str(error.value).startswith(
        "data.image_size=64: 5 images of 1 x 64 x 64 need 0.0 GiB, but only half of the free"
    )
    with pytest.raises(DataError) as error:
        fitted(some_images(), 64, 3)
    assert str(error.value).startswith("data.image_size=64 data.image_channels=3: 5 images of 3 x 64 x 64 need")
