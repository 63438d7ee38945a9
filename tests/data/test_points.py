"""Worlds of points: where their modes are, and what of them a generator has."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan.data.module import ImageData
from gan.data.points import Coverage, load_points, modes_covered
from gan.data.registry import TOY_DISTRIBUTIONS, known_shape
from gan.system.errors import DataError

NAMES = ("ring", "grid")


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_points_lie_around_the_centres_of_their_labels(name: str, modes: int) -> None:
    toy, loaded = TOY_DISTRIBUTIONS[name], load_points(name, seed=0)
    assert loaded.images.shape == (100_000, 2, 1, 1)
    assert loaded.held_out_images.shape == (10_000, 2, 1, 1)
    assert loaded.images.dtype == torch.float32
    assert loaded.labels.dtype == torch.int64
    assert len(loaded.class_names) == len(toy.centres) == modes
    assert loaded.class_names[1] == "mode 1"
    assert loaded.labels.bincount().tolist() == [100_000 // modes] * modes
    points = loaded.images.view(-1, 2)
    for mode, centre in enumerate(toy.centres):
        own = points[loaded.labels == mode]
        assert torch.allclose(own.mean(dim=0), torch.tensor(centre), atol=5 * toy.std / math.sqrt(len(own)))
        assert torch.allclose(own.std(dim=0), torch.full((2,), toy.std), rtol=0.05)
    assert points.min() > 0
    assert points.max() < 1


def test_ring_and_grid_are_pacgans() -> None:
    # PacGAN's units: the outermost modes at distance 1 (ring) and 4 (grid), which is 0.4 here
    ring, grid = TOY_DISTRIBUTIONS["ring"], TOY_DISTRIBUTIONS["grid"]
    assert [math.dist(centre, (0.5, 0.5)) for centre in ring.centres] == pytest.approx([0.4] * 8)
    assert math.dist(*ring.centres[:2]) == pytest.approx(0.4 * 2 * math.sin(math.pi / 8))
    assert ring.std == pytest.approx(0.4 * 0.01)
    places = pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert sorted({x for x, _ in grid.centres}) == places
    assert sorted({y for _, y in grid.centres}) == places
    assert grid.std == pytest.approx(0.4 * 0.05 / 4)


@pytest.mark.parametrize("name", NAMES)
def test_points_are_a_function_of_the_seed(name: str) -> None:
    first = load_points(name, seed=3)
    torch.manual_seed(99)
    assert torch.equal(load_points(name, seed=3).images, first.images)
    assert not torch.equal(load_points(name, seed=4).images, first.images)
    assert not torch.equal(first.images[:10_000], first.held_out_images)


def test_batches_are_points_between_minus_one_and_one() -> None:
    data = ImageData("ring", batch_size=1000, shuffle=False)
    data.setup()
    assert (data.image_shape, data.num_classes) == known_shape({"name": "ring"})
    kept = data.loaded.images.clone()
    images, labels = next(iter(data.train_dataloader()))
    assert images.shape == (1000, 2, 1, 1)
    assert images.dtype == torch.float32
    assert torch.equal(images, (kept[:1000] - 0.5) / 0.5)
    assert images.abs().max() < 1
    assert images.view(-1, 2)[labels == 0].mean(dim=0).tolist() == pytest.approx([0.8, 0.0], abs=0.003)
    assert torch.equal(data.loaded.images, kept)  # a batch is a copy
    assert data.origin == (
        "ring: 100,000 points of 8 Gaussians on a circle to train on and 10,000 held out, drawn from seed 0 "
        "(PacGAN's 2D ring: radius 1, standard deviation 0.01)"
    )


CENTRES = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], Coverage(0, 0.0)),
        ([[0.0, 0.0]], Coverage(1, 1.0)),
        ([[0.29, 0.0], [0.0, 0.31]], Coverage(1, 0.5)),  # 3 standard deviations are 0.3
        ([[0.2, 0.2], [0.25, 0.25]], Coverage(1, 0.5)),  # as the crow flies: 0.28 and 0.35
        ([[0.0, 0.0], [1.0, 0.1], [1.0, -0.1], [0.5, 0.5]], Coverage(2, 0.75)),
        ([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [7.0, 7.0], [7.0, 8.0], [9.0, 9.0]], Coverage(3, 0.5)),
        ([[math.nan, 0.0], [math.inf, 0.0], [0.0, 0.0], [0.0, 0.0]], Coverage(1, 0.5)),
    ],
)
def test_modes_covered(points: list[list[float]], expected: Coverage) -> None:
    tensor = torch.tensor(points).view(-1, 2)
    assert modes_covered(tensor, CENTRES, std=0.1) == expected
    assert modes_covered(tensor.view(-1, 2, 1, 1), CENTRES, std=0.1) == expected


@pytest.mark.parametrize("name", NAMES)
def test_real_points_cover_every_mode(name: str) -> None:
    toy = TOY_DISTRIBUTIONS[name]
    centres = torch.tensor(toy.centres)
    held_out = load_points(name, seed=0).held_out_images
    modes, high_quality = modes_covered(held_out, centres, toy.std)
    assert modes == len(centres)
    assert high_quality == pytest.approx(1 - math.exp(-9 / 2), abs=0.005)
    lost = held_out[load_points(name, seed=0).held_out_labels < 3]
    assert modes_covered(lost, centres, toy.std).modes == 3


def test_points_of_a_file_are_normalised_and_split(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).random((50, 2))
    np.save(tmp_path / "points.npy", drawn)
    data = ImageData("array", file=str(tmp_path / "points.npy"), batch_size=45, shuffle=False)
    data.setup()
    assert (data.image_shape, data.num_classes, data.train_images) == ((2, 1, 1), 0, 45)
    assert "45 points to train on and 5 held out (every tenth), of the plane" in data.origin
    (batch, _), *_ = data.train_dataloader()
    kept = np.delete(drawn, np.arange(9, 50, 10), axis=0)
    assert torch.allclose(batch.view(-1, 2), torch.from_numpy(2 * kept - 1).float(), atol=1e-6)


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ([[0.0, 1.5]], {}, "points from 0 to 1.5; x and y from 0 to 1 expected"),
        ([[0.0, float("nan")]], {}, "points from nan to nan; x and y from 0 to 1 expected"),
        (np.zeros((0, 2)), {}, "there are no points in it"),
        ([[0.5, 0.5]], {"image_size": 16}, "2-D points, not pictures; leave out image_size, image_channels"),
    ],
)
def test_wrong_points_are_refused(tmp_path: Path, values: Any, settings: dict[str, Any], message: str) -> None:
    np.save(tmp_path / "points.npy", np.array(values, dtype=np.float32))
    with pytest.raises(DataError) as raised:
        ImageData("array", file=str(tmp_path / "points.npy"), **settings).setup()
    assert str(raised.value).startswith(f"data.file={tmp_path / 'points.npy'}: {message}")
