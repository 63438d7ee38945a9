"""Rejection sampling: the density that it makes of a known one, what stays as it was, and what it refuses."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan.game.latents import Prior
from gan.generators.bundle import describe
from gan.generators.rejection import RejectingGenerator, calibrate
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError

SIZE = (1, 4, 4)


class Uniform(nn.Module):
    """Images of one grey, uniform in [0, 1]; with classes, the first pixel is the class."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        grey = torch.special.ndtr(z[:, 0]) * self.scale
        images = grey[:, None, None, None].expand(-1, *SIZE).clone()
        if labels is not None:
            images[:, 0, 0, 0] = labels / 255
        return images


def trained(num_classes: int = 0, **prior: tuple[float, ...]) -> TrainedGenerator:
    kind = Prior("normal", 1).with_clusters(**prior) if prior else Prior("normal", 1)
    metadata = describe("mlp", {}, prior=kind, image_shape=SIZE, mean=0.0, std=1.0, num_classes=num_classes)
    return TrainedGenerator(Uniform(), metadata)


def of_triangle(count: int) -> Tensor:
    """Real images of one grey with the density 2x on [0, 1]."""
    grey = torch.rand(count, generator=torch.Generator().manual_seed(1)).sqrt()
    return (grey * 255).round().to(torch.uint8)[:, None, None, None].expand(-1, *SIZE)


def log_ratio(images: Tensor, labels: Tensor) -> Tensor:
    """The logarithm of 2x, which a perfect discriminator would learn, on a scale of its own."""
    return 0.1 * images[:, 0, 3, 3].clamp(min=1e-3).log() - 5


def rejecting(source: TrainedGenerator | None = None) -> RejectingGenerator:
    return RejectingGenerator(source or trained(), log_ratio, of_triangle(4000))


def greys(images: np.ndarray) -> np.ndarray:
    return np.asarray(images[:, 0, 3, 3] / 255)


def test_the_density_comes_closer_to_that_of_the_real_images() -> None:
    plain, better = trained().sample(4000, seed=3), rejecting().sample(4000, seed=3)
    assert greys(plain).mean() == pytest.approx(1 / 2, abs=0.02)
    assert greys(better).mean() == pytest.approx(2 / 3, abs=0.02)
    cumulative = np.linspace(0.1, 0.9, 9)
    found = np.array([(greys(better) <= at).mean() for at in cumulative])
    assert np.abs(found - cumulative**2).max() < 0.04
    assert np.abs(cumulative - cumulative**2).max() > 0.2  # the distance of the plain images


def test_the_acceptance_is_the_fraction_of_first_draws_that_are_kept() -> None:
    sampler = rejecting()
    plain, better = trained().sample(4000, seed=3), sampler.sample(4000, seed=3)
    kept = (plain == better).all(axis=(1, 2, 3)).mean()  # a few of those drawn again have the same grey by chance
    assert kept == pytest.approx(sampler.acceptance, abs=0.03)
    assert 0.1 < sampler.acceptance < 0.9


def test_the_same_call_gives_the_same_images_and_the_first_do_not_depend_on_their_number() -> None:
    sampler = rejecting()
    images = sampler.sample(100, seed=5)
    assert np.array_equal(sampler.sample(100, seed=5), images)
    assert np.array_equal(rejecting().sample(7, seed=5), images[:7])
    assert np.array_equal(sampler.sample(1, seed=5), images[:1])
    assert not np.array_equal(sampler.sample(100, seed=6), images)
    assert sampler.sample(0, seed=5).shape == (0, *SIZE)


def test_each_image_keeps_its_class() -> None:
    real, classes = of_triangle(1000).clone(), torch.arange(1000) % 3
    real[:, 0, 0, 0] = classes.to(torch.uint8)

    def score(images: Tensor, labels: Tensor) -> Tensor:
        assert torch.equal((images[:, 0, 0, 0] * 255).round().long(), labels)
        return log_ratio(images, labels)

    images = RejectingGenerator(trained(num_classes=3), score, real, classes).sample(50, seed=0, labels=[2, 0])
    assert images[:, 0, 0, 0].tolist() == [2, 0] * 25
    assert greys(images).mean() > 0.58


def test_the_discriminator_gets_the_cluster_of_each_latent() -> None:
    given: list[Tensor] = []

    def score(images: Tensor, labels: Tensor) -> Tensor:
        given.append(labels)
        return log_ratio(images, labels)

    source = trained(shares=(0.75, 0.25))
    sampler = RejectingGenerator(source, score, of_triangle(1000), torch.zeros(1000, dtype=torch.int64))
    of_fakes = torch.cat(given[:2])  # the generated images come first
    assert of_fakes.float().mean() == pytest.approx(0.25, abs=0.05)
    given.clear()
    sampler.sample(300)
    first, last = torch.cat(given[:1]), given[-1]
    clusters = source.latents(300, seed=0)[:, -2:].argmax(dim=1)
    assert torch.equal(first, clusters)
    assert set(last.tolist()) <= set(clusters.tolist())


def test_calibration_finds_the_logits_of_two_gaussians() -> None:
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(20_000, generator=generator) * 2 + mean for mean in (3, -1))
    slope, offset = calibrate(real, fake)  # log N(x; 3, 2) / N(x; -1, 2) = x - 1
    assert (slope, offset) == (pytest.approx(1, abs=0.05), pytest.approx(-1, abs=0.05))
    assert calibrate(real / 1e6, fake / 1e6)[0] == pytest.approx(slope * 1e6, rel=1e-3)
    assert calibrate(real[:2000], fake)[1] == pytest.approx(offset, abs=0.1)  # not by how many there are of each


def test_logits_that_separate_completely_are_calibrated_too() -> None:
    slope, offset = calibrate(torch.full((50,), 2.0), torch.full((50,), -2.0))
    assert slope > 1
    assert offset == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda images, labels: -log_ratio(images, labels), "not larger for held-out images"),
        (lambda images, labels: torch.zeros(len(images)), "not larger for held-out images"),
        (lambda images, labels: log_ratio(images, labels) * float("nan"), "not finite"),
    ],
)
def test_a_discriminator_without_use_is_refused(score: object, message: str) -> None:
    with pytest.raises(GanError, match=message):
        RejectingGenerator(trained(), score, of_triangle(500))  # type: ignore[arg-type]  # the parameters above are objects


def test_too_few_held_out_images_and_truncation_are_refused() -> None:
    with pytest.raises(GanError, match="1 held-out images, at least 2 expected"):
        RejectingGenerator(trained(), log_ratio, of_triangle(1))
    with pytest.raises(GanError, match="truncation"):
        rejecting().sample(4, truncation=0.5)
