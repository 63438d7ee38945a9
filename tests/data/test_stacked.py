"""Stacked MNIST: each channel holds a digit, and the label says which."""

import torch

from gan.data.loaded import LoadedImages
from gan.data.module import ImageData
from gan.data.sources import load
from gan.data.stacked import stacked

# an image's value is its number, and its class the number's last digit, so that a stack can be read off
IMAGES = torch.arange(50, dtype=torch.uint8).view(50, 1, 1, 1).expand(50, 1, 4, 4)
LABELS = torch.arange(50) % 10


def base(class_names: tuple[str, ...] = tuple("0123456789"), substitute_for: str | None = None) -> LoadedImages:
    return LoadedImages(
        IMAGES[:40], LABELS[:40], IMAGES[40:], LABELS[40:], "tiny", class_names, "a tiny set", substitute_for
    )


def test_labels_are_the_digits_from_red_to_blue() -> None:
    made = stacked(base(), seed=0)
    for images, labels in ((made.images, made.labels), (made.held_out_images, made.held_out_labels)):
        assert images.dtype == torch.uint8
        assert labels.dtype == torch.int64
        digits = images[:, :, 0, 0].long() % 10
        assert torch.equal(labels, digits @ torch.tensor([100, 10, 1]))


def test_every_image_once_in_each_channel_and_no_half_in_the_other() -> None:
    made = stacked(base(), seed=0)
    assert made.images.shape == (40, 3, 4, 4)
    assert made.held_out_images.shape == (10, 3, 4, 4)
    for channel in range(3):
        assert made.images[:, channel, 0, 0].sort().values.tolist() == list(range(40))
        assert made.held_out_images[:, channel, 0, 0].sort().values.tolist() == list(range(40, 50))
    orders = {tuple(made.images[:, channel, 0, 0].tolist()) for channel in range(3)}
    assert len(orders) == 3


def test_composition_is_a_function_of_the_seed() -> None:
    first = stacked(base(), seed=3)
    torch.manual_seed(99)
    assert torch.equal(stacked(base(), seed=3).images, first.images)
    assert not torch.equal(stacked(base(), seed=4).images, first.images)


def test_names_and_origin() -> None:
    made = stacked(base(), seed=7)
    assert len(made.class_names) == 1000
    assert (made.class_names[0], made.class_names[123]) == ("000", "123")
    assert (made.name, made.substitute_for) == ("stacked_tiny", None)
    assert made.origin == ("stacks of three images, one in each colour channel, composed from seed 7, of a tiny set")
    clothes = stacked(base(tuple(f"thing {number}" for number in range(10)), substitute_for="fashion"), seed=0)
    assert clothes.class_names[908] == "thing 9 + thing 0 + thing 8"
    assert clothes.substitute_for == "stacked_mnist"


def test_of_the_sample_without_any_download() -> None:
    data = ImageData("stacked_mnist", "nowhere", of="mnist_sample", download=False, on_missing="error")
    data.setup()
    assert data.image_shape == (3, 28, 28)
    assert data.num_classes == 1000
    assert data.train_images == 9_000
    assert data.loaded.name == "stacked_mnist_sample"
    digits = load("mnist_sample")
    # a stack's red channel is an image of the sample, of the class that the label's first digit says
    red = data.loaded.images[0, 0]
    (place,) = torch.nonzero((digits.images[:, 0] == red).flatten(1).all(dim=1))
    assert digits.labels[place].item() == data.loaded.labels[0].item() // 100
