"""Directions of the latents: the principal ones against GANSpace's own way, random ones, and codes."""

import pytest
import torch
from option_classes import build_generator
from torch import nn

from gan.game.latents import Prior
from gan.generators.latent_directions import principal_directions, random_directions, rows_from
from gan.system.errors import GanError

NORMAL = Prior("normal", 6)
FAMILIES = [
    ("mlp", {"hidden": [40]}),
    ("dcgan", {"base_channels": 4}),
    ("resnet", {"base_channels": 4}),
    ("r3gan", {"base_channels": 4}),
    ("dcgan", {"base_channels": 4, "conditioning": "concat"}),
]


def network(family: str, latent_dim: int = 6, **settings: object) -> nn.Module:
    torch.manual_seed(0)
    return build_generator(family, latent_dim=latent_dim, image_shape=(1, 16, 16), num_classes=3, **settings).eval()


def by_sampling(generator: nn.Module, latent_dim: int) -> torch.Tensor:
    """Section 3.2 of Härkönen et al. 2020, for BigGAN: PCA of activations, then linear regression to the latents."""
    first = next(m for m in generator.modules() if isinstance(m, nn.Linear | nn.ConvTranspose2d))
    seen: list[torch.Tensor] = []
    hook = first.register_forward_hook(lambda module, inputs, output: seen.append(output.flatten(1)))
    z = torch.randn(40_000, latent_dim, generator=torch.Generator().manual_seed(1))
    generator(z, torch.zeros(len(z), dtype=torch.int64))
    hook.remove()
    centred = seen[0] - seen[0].mean(0)
    components = torch.linalg.svd(centred, full_matrices=False).Vh[:latent_dim]
    coordinates = centred @ components.T
    directions = torch.linalg.lstsq(coordinates, z).solution
    return nn.functional.normalize(directions, dim=1)


@pytest.mark.parametrize(("family", "settings"), FAMILIES)
def test_principal_directions_are_those_that_ganspace_finds_by_sampling(
    family: str, settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = network(family, **settings)
    first = next(m for m in generator.modules() if isinstance(m, nn.Linear | nn.ConvTranspose2d))
    inputs = 1 if isinstance(first, nn.Linear) else 0
    scales = torch.cat([torch.tensor([1.0, 8.0, 2.0, 32.0, 4.0, 16.0]), torch.ones(first.weight.shape[inputs] - 6)])
    shape = [-1 if axis == inputs else 1 for axis in range(first.weight.dim())]
    first.weight.data *= scales.view(shape)  # so that the order of the directions is clear
    monkeypatch.setattr(generator, "decode", lambda z, labels: first(z if inputs else z[:, :, None, None]))
    found, expected = principal_directions(generator, NORMAL), by_sampling(generator, 6)
    assert found.shape == (6, 6)
    assert ((found * expected).sum(1).abs() > 0.98).all()
    assert torch.allclose(found @ found.T, torch.eye(6), atol=1e-5)
    assert found[0].abs().argmax() == 3


def test_random_directions_are_orthonormal_and_the_first_do_not_depend_on_the_count() -> None:
    found = random_directions(10, 4, seed=3)
    assert torch.allclose(found @ found.T, torch.eye(4), atol=1e-5)
    assert torch.allclose(random_directions(10, 20, seed=3)[:4], found, atol=1e-5)
    assert random_directions(10, 20, seed=3).shape == (10, 10)
    assert not torch.allclose(random_directions(10, 4, seed=4), found, atol=0.1)


@pytest.mark.parametrize("kind", ["pca", "random"])
def test_a_row_goes_through_z_by_equal_steps_along_one_direction(kind: str) -> None:
    z = torch.arange(6.0)
    rows = rows_from(z, network("mlp", hidden=[40]), NORMAL, kind, count=2, columns=5, reach=4.0)
    assert [row.positions for row in rows] == [[-4, -2, 0, 2, 4]] * 2
    for row in rows:
        assert torch.equal(row.z[2], z)
        assert torch.allclose((row.z - z).norm(dim=1), torch.tensor([4.0, 2, 0, 2, 4]), atol=1e-5)


def test_a_uniform_prior_stays_in_its_cube() -> None:
    rows = rows_from(torch.full((6,), 0.9), network("mlp", hidden=[40]), Prior("uniform", 6), "random", reach=5)
    assert all(row.z.abs().max() <= 1 for row in rows)


def test_codes_by_name_and_nothing_else_moves() -> None:
    prior = Prior("normal", 2, categorical=(3, 2), continuous=1)
    z = torch.tensor([5.0, 6.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.3])
    rows = rows_from(z, network("mlp", 8, hidden=[4]), prior, "codes", columns=3, reach=1.5)
    assert [row.name for row in rows] == ["categorical code 1", "categorical code 2", "continuous code 1"]
    assert [row.positions for row in rows] == [[0, 1, 2], [0, 1], [-1.5, 0, 1.5]]
    assert rows[0].z[:, 2:5].tolist() == torch.eye(3).tolist()
    assert rows[1].z[:, 5:7].tolist() == torch.eye(2).tolist()
    assert rows[2].z[:, 7].tolist() == [-1.5, 0.0, 1.5]
    for row, moved in zip(rows, (slice(2, 5), slice(5, 7), slice(7, 8)), strict=True):
        still = row.z.clone()
        still[:, moved] = z[moved]
        assert torch.equal(still, z.repeat(len(still), 1))


@pytest.mark.parametrize(
    ("kind", "reach", "message"),
    [
        ("pcs", None, "directions: no such option 'pcs'; did you mean 'pca'? choices: codes, pca, random"),
        ("codes", None, "directions: this generator has no codes (experiment=infogan has); try pca or random"),
        ("pca", 0.0, "reach: 0.0 given; a number above 0 expected"),
        ("pca", float("nan"), "reach: nan given; a number above 0 expected"),
        ("pca", None, "directions: this network does not start with a linear layer on z; try random"),
    ],
)
def test_mistakes(kind: str, reach: float | None, message: str) -> None:
    with pytest.raises(GanError) as error:
        rows_from(torch.zeros(6), nn.Conv2d(1, 1, 1), NORMAL, kind, reach=reach)
    assert str(error.value) == message
