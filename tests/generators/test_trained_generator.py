"""What one does with a trained generator: images of a seed, of a class, and nearer to the middle."""

import numpy as np
import pytest
import torch
from option_classes import build_generator
from tiny_bundles import SHAPE, make_generator, metadata
from torch import Tensor, nn

from gan.game.latents import Prior
from gan.generators.bundle import TrainedGenerator, describe
from gan.generators.trained_generator import images_at_a_time
from gan.system.errors import GanError


@pytest.fixture
def trained() -> TrainedGenerator:
    return TrainedGenerator(make_generator(), metadata())


class Painter(nn.Module):
    """Every pixel is the label / 10; it remembers what it was given."""

    conditional = True

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.1))
        self.given: list[Tensor] = []

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        self.given.append(z)
        return (labels * self.scale).view(-1, 1, 1, 1).expand(-1, *SHAPE)


def painter(num_classes: int = 3, names: tuple[str, ...] = ("Bag", "Coat", "Dress")) -> TrainedGenerator:
    """Class 1 comes out as 0.1 * 255 = 25.5, rounded to even; class 2 as 51."""
    prior = Prior("normal", 4)
    described = describe(
        "mlp",
        {},
        prior=prior,
        image_shape=SHAPE,
        mean=0.0,
        std=1.0,
        num_classes=num_classes,
        data={"class_names": list(names)},
    )
    return TrainedGenerator(Painter(), described)


def classes_of(images: np.ndarray) -> list[int]:
    return [round(float(image.mean()) / 25.5) for image in images]


def test_the_same_call_gives_the_same_images_and_another_seed_others(trained: TrainedGenerator) -> None:
    first = trained.sample(6, seed=1)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert np.array_equal(trained.sample(6, seed=1), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not np.array_equal(trained.sample(6, seed=2), first)


def test_the_first_images_do_not_depend_on_how_many_follow(trained: TrainedGenerator) -> None:
    assert np.array_equal(trained.sample(3), trained.sample(10)[:3])


@pytest.mark.parametrize("batch_size", [1, 3, 10, 1000])
def test_a_batch_size_bounds_the_memory_and_changes_no_image(trained: TrainedGenerator, batch_size: int) -> None:
    expected = trained.sample(10)
    sizes: list[int] = []
    trained.generator.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    images = trained.sample(10, batch_size=batch_size)
    assert max(sizes) == min(batch_size, 10)
    assert sum(sizes) == 10
    assert np.abs(images.astype(int) - expected.astype(int)).max() <= 1


def test_latents_can_be_drawn_and_decoded_apart(trained: TrainedGenerator) -> None:
    z = trained.latents(5, seed=4)
    assert z.shape == (5, 16)
    assert np.array_equal(trained.decode(z), trained.sample(5, seed=4))


def test_no_images_are_an_empty_array(trained: TrainedGenerator) -> None:
    images = trained.sample(0)
    assert (images.shape, images.dtype) == ((0, *SHAPE), np.uint8)


# Classes


def test_by_default_all_classes_in_turn() -> None:
    assert classes_of(painter().sample(7)) == [0, 1, 2, 0, 1, 2, 0]
    assert classes_of(painter().sample(2)) == [0, 1]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (2, [2, 2, 2, 2]),
        ("Coat", [1, 1, 1, 1]),
        ([2, "bag"], [2, 0, 2, 0]),
        (np.array([1, 1, 0, 2]), [1, 1, 0, 2]),
        (torch.tensor([0, 2, 2, 1]), [0, 2, 2, 1]),
    ],
)
def test_the_classes_that_are_asked_for(labels: object, expected: list[int]) -> None:
    assert classes_of(painter().sample(4, labels=labels)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("batch_size", [1, 2, 4, 7, 100])
def test_each_image_keeps_its_class_whatever_the_batch_size(batch_size: int) -> None:
    assert classes_of(painter().sample(7, labels=[2, 1], batch_size=batch_size)) == [2, 1, 2, 1, 2, 1, 2]


def test_the_class_does_not_change_the_latents() -> None:
    trained = painter()
    trained.sample(4, labels=1)
    trained.sample(4, labels=2)
    first, second = trained.generator.given  # type: ignore[misc]
    assert torch.equal(first, second)


def test_decoding_takes_labels_too() -> None:
    trained = painter()
    z = trained.latents(3, seed=0)
    assert classes_of(trained.decode(z, torch.tensor([2, 0, 1]))) == [2, 0, 1]
    assert classes_of(trained.decode(z)) == [0, 1, 2]


def test_what_a_conditional_generator_says_of_itself() -> None:
    trained = painter()
    assert (trained.conditional, trained.num_classes) == (True, 3)
    assert trained.class_names == ("Bag", "Coat", "Dress")


def test_a_class_that_does_not_exist() -> None:
    with pytest.raises(GanError) as error:
        painter().sample(4, labels="Cote")
    expected = "class 'Cote': there is no such class; did you mean 'Coat'? classes: 0 Bag, 1 Coat, 2 Dress"
    assert str(error.value) == expected


def test_a_class_of_a_generator_without_classes(trained: TrainedGenerator) -> None:
    for labels in (0, "Bag", [1]):
        with pytest.raises(GanError) as error:
            trained.sample(4, labels=labels)
        assert str(error.value) == "class: this generator was trained without classes; a class cannot be requested"


# Truncation


def test_truncation_multiplies_the_noise() -> None:
    full, half, same = painter(), painter(), painter()
    full.sample(5, seed=1)
    half.sample(5, seed=1, truncation=0.5)
    same.sample(5, seed=1, truncation=1.0)
    z = full.generator.given[0]  # type: ignore[index]
    assert torch.equal(half.generator.given[0], z / 2)  # type: ignore[index]
    assert torch.equal(same.generator.given[0], z)  # type: ignore[index]


def test_truncation_leaves_codes_as_they_are() -> None:
    prior = Prior("normal", 5, categorical=(3,), continuous=2)
    described = describe("mlp", {}, prior=prior, image_shape=SHAPE, mean=0.0, std=1.0, num_classes=3)
    trained = TrainedGenerator(Painter(), described)
    trained.sample(5, seed=1, truncation=0.25)
    truncated, z = trained.generator.given[0], trained.latents(5, 1)  # type: ignore[index]
    assert torch.equal(truncated[:, :5], z[:, :5] / 4)
    assert torch.equal(truncated[:, 5:], z[:, 5:])


@pytest.mark.parametrize("truncation", [0, -0.5, 1.01, float("nan"), float("inf")])
def test_truncation_out_of_its_range(trained: TrainedGenerator, truncation: float) -> None:
    with pytest.raises(GanError) as error:
        trained.sample(1, truncation=truncation)
    assert str(error.value) == f"truncation: {truncation!r} given; above 0 and at most 1 expected"


def test_truncation_of_a_uniform_prior() -> None:
    trained = TrainedGenerator(make_generator(), metadata("uniform"))
    with pytest.raises(GanError) as error:
        trained.sample(1, truncation=0.5)
    assert str(error.value) == "truncation: this generator's prior is uniform; only a normal one can be truncated"


# Points


def test_points_are_floats_in_the_units_of_their_data() -> None:
    class Identity(nn.Linear):
        def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
            return z[:, :, None, None]

    described = describe("mlp", {}, prior=Prior("normal", 2), image_shape=(2, 1, 1), mean=0.5, std=4.0)
    trained = TrainedGenerator(Identity(1, 1), described)
    assert trained.points
    points = trained.sample(50, seed=2)
    assert (points.dtype, points.shape) == (np.float32, (50, 2, 1, 1))
    assert np.array_equal(points[:, :, 0, 0], (trained.latents(50, 2) * 4.0 + 0.5).numpy())
    assert trained.sample(0).dtype == np.float32


def test_of_large_images_fewer_are_made_at_a_time_and_they_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the largest layer takes in and puts out."""
    trained = TrainedGenerator(make_generator(), metadata())
    z = trained.latents(30, seed=0)
    sizes: list[int] = []
    trained.generator.register_forward_hook(lambda module, taken, made: sizes.append(len(made)))
    expected = trained.decode(z, batch_size=7)
    assert sizes == [7, 7, 7, 7, 2]
    assert images_at_a_time(trained.generator, z) == 1000
    monkeypatch.setattr("gan.generators.trained_generator.MOST_VALUES", 12 * 40 + 1)  # Tanh: 20 in, 20 out
    sizes.clear()
    assert np.array_equal(trained.decode(z), expected)
    assert sizes == [1, 12, 12, 6]
    monkeypatch.setattr("gan.generators.trained_generator.MOST_VALUES", 1)
    assert images_at_a_time(trained.generator, z) == 1
    assert all(len(module._forward_hooks) == (module is trained.generator) for module in trained.generator.modules())


def test_a_resnet_of_128_pixels_needs_no_gigabytes() -> None:
    settings = {"base_channels": 64, "normalization": "batch", "conditioning": "none"}
    with torch.device("meta"):
        largest = build_generator("resnet", latent_dim=8, image_shape=(3, 128, 128), num_classes=0, **settings)
    assert 1 <= images_at_a_time(largest.eval(), torch.zeros(17, 8, device="meta")) <= 100


def test_a_negative_count_is_refused(trained: TrainedGenerator) -> None:
    assert trained.sample(0).shape == (0, *SHAPE)
    with pytest.raises(GanError, match="count: -1 given, 0 or more expected"):
        trained.sample(-1)
