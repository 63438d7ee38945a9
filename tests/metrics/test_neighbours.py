"""Precision, recall, density, coverage, and copies of training images."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan.metrics import neighbours
from gan.metrics.neighbours import Neighbourhoods, memorisation, nearest, neighbourhoods, radii
from gan.system.errors import GanError

Gaussian = Callable[..., Tensor]


def by_loops(real: Tensor, fake: Tensor, k: int) -> Neighbourhoods:
    """The definitions, on whole matrices of distances, as the package `prdc` has them."""

    def reach(features: Tensor) -> Tensor:
        return torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values[:, k]

    distances = torch.cdist(real, fake, compute_mode="donot_use_mm_for_euclid_dist")
    real_reach, fake_reach = reach(real), reach(fake)
    return Neighbourhoods(
        precision=sum(bool((column < real_reach).any()) for column in distances.T) / len(fake),
        recall=sum(bool((row < fake_reach).any()) for row in distances) / len(real),
        density=sum(int((column < real_reach).sum()) for column in distances.T) / (k * len(fake)),
        coverage=sum(bool(row.min() < reach) for row, reach in zip(distances, real_reach, strict=True)) / len(real),
    )


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("block", [7, 1000])
def test_they_are_what_their_papers_say(
    gaussian: Gaussian, k: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    real, fake = gaussian(120, 3), gaussian(90, 3, 1, 0.5)
    found, expected = neighbourhoods(real, fake, k), by_loops(real, fake, k)
    assert vars(found) == pytest.approx(vars(expected), abs=1e-12)
    assert 0 < found.precision < 1
    assert 0 < found.coverage < 1


def test_they_are_what_the_published_package_gives(gaussian: Gaussian) -> None:
    prdc = pytest.importorskip("prdc", reason="an option: pip install prdc")
    real, fake = gaussian(500, 16), gaussian(400, 16, 1, 0.5)
    expected = prdc.compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    assert vars(neighbourhoods(real, fake, 5)) == pytest.approx(expected, abs=1e-9)


def test_a_set_against_itself(gaussian: Gaussian) -> None:
    real = gaussian(200, 4)
    same = neighbourhoods(real, real)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)


def test_images_far_away_get_nothing(gaussian: Gaussian) -> None:
    assert vars(neighbourhoods(gaussian(50, 4), gaussian(50, 4, 1, 100.0))) == vars(Neighbourhoods(0, 0, 0, 0))


def test_one_good_image_is_precise_and_covers_nothing(gaussian: Gaussian) -> None:
    real = gaussian(200, 2)
    found = neighbourhoods(real, real[:1].repeat(200, 1))
    assert found.precision == 1
    assert found.recall == 0
    assert found.coverage < 0.1


def test_the_radius_is_the_kth_neighbour_s() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [7.0]], dtype=torch.float64)
    assert radii(line, 2).tolist() == [9, 4, 9, 36]


@pytest.mark.parametrize("k", [0, 50])
def test_k_is_less_than_the_number_of_images(gaussian: Gaussian, k: int) -> None:
    with pytest.raises(GanError, match=rf"nearest neighbours: k={k}; 1 to 49 expected"):
        neighbourhoods(gaussian(50, 2), gaussian(60, 2), k)


def test_the_nearest_image_is_found(gaussian: Gaussian, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 9)
    among, images = gaussian(40, 5), gaussian(30, 5, 1)
    squares, index = nearest(images, among)
    expected = torch.cdist(images, among).min(1)
    assert torch.equal(index, expected.indices)
    assert torch.allclose(squares.sqrt(), expected.values)


def test_copies_are_copied_and_new_images_are_not() -> None:
    held_out = torch.linspace(1, 2, 1000)
    fresh, copies = memorisation(held_out, held_out), memorisation(torch.zeros(100), held_out)
    assert (fresh.ratio, fresh.copied) == (1, pytest.approx(0.01))
    assert (copies.ratio, copies.copied) == (0, 1)


def test_copies_are_counted_if_some_held_out_images_are_copies_too() -> None:
    held_out = torch.tensor([0.0, 0.0, *[1.0] * 98])
    assert memorisation(torch.zeros(100), held_out).copied == 1
    assert memorisation(torch.ones(100), held_out).copied == 0
