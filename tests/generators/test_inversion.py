"""Inversion: what the generator has made is found again, twice the same, with latents from where the prior's lie."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bundles import SHAPE, codes_bundle, conditional_bundle, points_bundle, whole_bundle

from gan import load_generator
from gan.game.latents import Prior
from gan.generators.inversion import CANDIDATES, Inversion, candidates, invert, rms, typical
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import GanError


@pytest.fixture
def generator(tmp_path: Path) -> TrainedGenerator:
    return load_generator(whole_bundle(tmp_path))


def found(generator: TrainedGenerator, picture: np.ndarray, **settings: object) -> Inversion:
    return invert(generator, picture, **{"steps": 60, "restarts": 4, **settings})  # type: ignore[arg-type]


def test_an_image_of_the_generator_is_found_again(generator: TrainedGenerator) -> None:
    picture = generator.sample(1, seed=5)[0]
    one = found(generator, picture, steps=200)
    assert one.error < 0.01 < one.error_of_nearest
    assert one.label is None
    assert np.array_equal(generator.decode(one.z[None])[0], one.image)
    assert one.error == pytest.approx(float(np.sqrt(((one.image / 255 - picture / 255) ** 2).mean())))
    assert one.errors[0] == one.error
    assert one.errors == sorted(one.errors)


def test_the_same_call_finds_the_same_latent(generator: TrainedGenerator) -> None:
    picture = generator.sample(1, seed=5)[0]
    assert torch.equal(found(generator, picture).z, found(generator, picture).z)
    assert not torch.equal(found(generator, picture).z, found(generator, picture, seed=1).z)


def test_without_steps_it_is_the_nearest_of_the_candidates(generator: TrainedGenerator) -> None:
    picture = generator.sample(1, seed=5)[0]
    one = found(generator, picture, steps=0, restarts=1)
    z = candidates(generator.prior, 0)
    assert z.shape == (CANDIDATES, 16)
    errors = rms(generator.decode(z), picture)
    assert one.error == one.error_of_nearest == errors.min()
    assert torch.equal(one.z, z[int(errors.argmin())])


def test_it_does_not_begin_at_what_it_looks_for(generator: TrainedGenerator) -> None:
    assert found(generator, generator.sample(1, seed=0)[0], seed=0, steps=0).error > 0.01


def test_the_best_of_the_way_is_kept(generator: TrainedGenerator) -> None:
    picture = generator.sample(1, seed=5)[0]
    assert found(generator, picture, lr=10.0).error <= found(generator, picture, steps=0).error + 1e-9


def test_classes(tmp_path: Path) -> None:
    generator = load_generator(conditional_bundle(tmp_path, ("Bag", "Coat", "Dress")))
    picture = generator.sample(1, seed=5, labels=2)[0]
    assert {found(generator, picture, labels=label).label for label in (1, "coat")} == {1}
    one = found(generator, picture, steps=200)
    assert one.label in (0, 1, 2)
    assert np.array_equal(generator.decode(one.z[None], one.label)[0], one.image)


def test_categorical_codes_stay_codes(tmp_path: Path) -> None:
    generator = load_generator(codes_bundle(tmp_path))
    z = found(generator, generator.sample(1, seed=5)[0]).z
    assert sorted(z[6:9].tolist()) == [0, 0, 1]
    assert z[9:].abs().max() <= 1


def test_latents_are_put_back_to_where_the_priors_lie() -> None:
    normal, uniform = Prior("normal", 64, categorical=(3,), continuous=2), Prior("uniform", 64)
    drawn = normal.fixed(2000, seed=0, purpose="test")
    kept = (typical(drawn, normal) == drawn).all(dim=1).float().mean()
    assert 0.98 < kept <= 0.998  # 99 % of them lie there
    far = drawn.clone()
    far[:, :64] *= 5
    far[:, 67:] += 9
    put_back = typical(far, normal)
    assert torch.allclose(put_back[:, :64].norm(dim=1), put_back[:1, :64].norm(dim=1))
    assert 9 < put_back[0, :64].norm() < 11  # the chi distribution with 64 degrees: 8 in the middle, 0.7 wide
    assert torch.equal(put_back[:, 64:67], drawn[:, 64:67])
    assert (put_back[:, 67:] == 1).all()
    assert typical(torch.full((1, 64), -7.0), uniform).tolist() == [[-1.0] * 64]


def test_what_cannot_be_found(generator: TrainedGenerator, tmp_path: Path) -> None:
    with pytest.raises(GanError, match=r"a picture of shape \(1, 5, 4\) given; \(1, 4, 5\) expected"):
        invert(generator, np.zeros((1, 5, 4), np.uint8))
    with pytest.raises(GanError, match="2-D points"):
        invert(load_generator(points_bundle(tmp_path / "points")), np.zeros(SHAPE, np.uint8))
