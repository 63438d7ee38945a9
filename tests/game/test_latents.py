"""Where every random number of a run comes from."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from gan.game.latents import PRIORS, Prior, cluster_edges
from gan.system.random_streams import start_stream, stream_seed


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_arguments_give_the_same_seed_in_every_process_and_version() -> None:
    # Written down: a bundle's `--seed 0` and a resumed run must mean tomorrow what they mean today.
    assert stream_seed(0, 0, "generator", 0) == 823134706833695330
    assert stream_seed(7, 3, "data order", 12_345) == 404996022176894601


@pytest.mark.parametrize(
    "other",
    [(1, 0, "generator", 7), (0, 1, "generator", 7), (0, 0, "discriminator", 7), (0, 0, "generator", 8)],
    ids=["seed", "rank", "purpose", "index"],
)
def test_each_argument_makes_another_seed_and_other_numbers(other: tuple[int, int, str, int]) -> None:
    first, second = stream_seed(0, 0, "generator", 7), stream_seed(*other)
    assert first != second
    assert first % 2**32 != second % 2**32  # all that torch's CPU generator looks at
    assert not torch.equal(torch.rand(8, generator=seeded(first)), torch.rand(8, generator=seeded(second)))


def test_clusters_are_drawn_by_their_shares() -> None:
    prior = Prior("normal", 3).with_clusters([0.6, 0.3, 0.1])
    assert (prior.width, prior.clusters, prior.has_codes, prior.code_names) == (6, 3, False, ["cluster"])
    drawn = prior.draw(20_000, generator=seeded())
    assert drawn[:, 3:].sum(dim=1).eq(1).all()
    assert torch.allclose(drawn[:, 3:].mean(dim=0), torch.tensor([0.6, 0.3, 0.1]), atol=0.015)  # 4 standard errors
    fixed = prior.fixed(20_000, seed=0, purpose="test")
    assert torch.allclose(fixed[:, 3:].mean(dim=0), torch.tensor([0.6, 0.3, 0.1]), atol=0.015)
    assert torch.equal(prior.fixed(37, seed=0, purpose="test"), fixed[:37])
    assert torch.equal(fixed[:, :3], Prior("normal", 3).fixed(20_000, seed=0, purpose="test"))


def test_a_cluster_of_share_0_is_never_drawn() -> None:
    assert cluster_edges([0.5, 0.0, 0.5]) == [2**23, 2**23]
    assert Prior("normal", 1).with_clusters([0.5, 0.0, 0.5]).draw(1000)[:, 2].sum() == 0


def test_latents_of_given_clusters_have_the_noise_of_others() -> None:
    prior, clusters = Prior("uniform", 2).with_clusters([0.5, 0.5]), torch.arange(50) % 2
    torch.manual_seed(0)
    z = prior.draw_in_clusters(clusters)
    torch.manual_seed(0)
    assert torch.equal(z[:, :2], prior.draw(50)[:, :2])
    assert torch.equal(prior.codes(z).categorical[0], clusters)
    assert torch.equal(z[:, 2:], torch.nn.functional.one_hot(clusters).float())


@pytest.mark.parametrize(
    "wrong", [{"categorical": (3,)}, {"categorical": (2, 2)}, {"continuous": 1, "categorical": (2,)}, {}]
)
def test_clusters_need_one_code_of_their_number(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="2 shares of clusters need categorical=\\(2,\\)"):
        Prior("normal", 2, **wrong, shares=(0.5, 0.5))


@pytest.mark.parametrize("shares", [(0.5, 0.6), (1.5, -0.5)])
def test_shares_of_clusters_sum_to_one(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        Prior("normal", 2).with_clusters(shares)


def test_seed_and_rank_cannot_be_mistaken_for_one_another() -> None:
    seeds = {stream_seed(seed, rank, "x", 0) for seed in range(30) for rank in range(30)}
    assert len(seeds) == 900


def test_no_two_updates_share_the_bits_that_the_cpu_generator_looks_at() -> None:
    count = 100_000
    for arguments in ((0, 0, "generator"), (12, 3, "data order")):
        seeds = [stream_seed(*arguments, index) for index in range(count)]
        assert len({seed % 2**32 for seed in seeds}) == count


def test_neighbouring_ranks_do_not_draw_each_others_numbers_later_on() -> None:
    streams = [{stream_seed(0, rank, "generator", index) for index in range(10_000)} for rank in range(4)]
    assert len(set().union(*streams)) == 40_000


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("index", [0, 1, 2**31, 2**32 - 1])
def test_seeds_are_such_as_torch_takes(seed: int, index: int) -> None:
    made = stream_seed(seed, 0, "x", index)
    assert 0 <= made < 2**63
    seeded(made)


@pytest.mark.parametrize("prior", PRIORS)
def test_latents_have_the_shape_and_type_that_is_asked_for(prior: str) -> None:
    z = Prior(prior, 5).draw(3)
    assert z.shape == (3, 5)
    assert z.dtype == torch.float32
    assert Prior(prior, 5).draw(3, device="meta").device.type == "meta"


def test_latents_are_those_of_one_call_to_torch() -> None:
    # which is what the tutorials draw: tests/test_parity.py builds on it
    expected = torch.randn(7, 100, generator=seeded(3))
    assert torch.equal(Prior("normal", 100).draw(7, generator=seeded(3)), expected)
    expected = torch.empty(7, 100).uniform_(-1, 1, generator=seeded(3))
    assert torch.equal(Prior("uniform", 100).draw(7, generator=seeded(3)), expected)


def test_normal_latents_have_the_moments_of_the_normal_distribution() -> None:
    z = Prior("normal", 100).draw(2_000, generator=seeded()).double()
    assert z.mean().item() == pytest.approx(0.0, abs=0.01)
    assert z.var().item() == pytest.approx(1.0, abs=0.02)
    assert z.pow(4).mean().item() == pytest.approx(3.0, abs=0.1)
    neighbours = (z[:, 1:] * z[:, :-1]).mean().item()
    assert neighbours == pytest.approx(0.0, abs=0.01)


def test_uniform_latents_fill_minus_1_to_1_evenly() -> None:
    z = Prior("uniform", 100).draw(2_000, generator=seeded()).double()
    assert -1 <= z.min() < -0.9999
    assert 0.9999 < z.max() <= 1
    assert z.mean().item() == pytest.approx(0.0, abs=0.01)
    assert z.var().item() == pytest.approx(1 / 3, abs=0.01)
    tenths = torch.histc(z, bins=10, min=-1, max=1) / z.numel()
    assert tenths.tolist() == pytest.approx([0.1] * 10, abs=0.005)


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("codes", [{}, {"categorical": (3, 2), "continuous": 2}], ids=["noise", "codes"])
def test_draw_takes_its_numbers_from_the_generator_or_else_from_torchs_global_one(
    prior: str, codes: dict[str, Any]
) -> None:
    torch.manual_seed(5)
    from_global = Prior(prior, 16, **codes).draw(4)
    before = torch.get_rng_state()
    assert torch.equal(Prior(prior, 16, **codes).draw(4, generator=seeded(5)), from_global)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gaussian", 1), r"prior must be one of ('normal', 'uniform'), not 'gaussian'"),
        (("normal", 0), "latent_dim must be 1 or more, not 0"),
        (("normal", 1, (10, 1)), "categorical codes must have 2 classes or more, not (10, 1)"),
        (("normal", 1, (), -1), "continuous must be 0 or more, not -1"),
    ],
)
def test_a_prior_that_does_not_exist(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Prior(*arguments)


# InfoGAN's codes


INFOGAN = Prior("normal", 5, categorical=(10, 3), continuous=2)


def test_codes_stand_behind_the_noise() -> None:
    z = INFOGAN.draw(1_000, generator=seeded())
    assert INFOGAN.width == z.shape[1] == 5 + 10 + 3 + 2
    assert torch.equal(z[:, :5], Prior("normal", 5).draw(1_000, generator=seeded()))  # the same noise as without
    for one_hot in (z[:, 5:15], z[:, 15:18]):
        assert one_hot.unique().tolist() == [0, 1]
        assert one_hot.sum(dim=1).eq(1).all()
    continuous = z[:, 18:]
    assert -1 <= continuous.min() < -0.99
    assert 0.99 < continuous.max() <= 1


def test_all_classes_of_a_code_are_equally_likely_and_codes_are_independent() -> None:
    first, second = INFOGAN.codes(INFOGAN.draw(30_000, generator=seeded())).categorical
    assert (first.bincount(minlength=10) / 30_000).tolist() == pytest.approx([0.1] * 10, abs=0.008)
    assert (second.bincount(minlength=3) / 30_000).tolist() == pytest.approx([1 / 3] * 3, abs=0.012)
    together = (first * 3 + second).bincount(minlength=30) / 30_000
    assert together.tolist() == pytest.approx([1 / 30] * 30, abs=0.005)


def test_codes_are_found_in_z_again() -> None:
    z = INFOGAN.draw(50, generator=seeded())
    codes = INFOGAN.codes(z)
    assert [code.dtype for code in codes.categorical] == [torch.int64, torch.int64]
    first, second = (torch.nn.functional.one_hot(code, k) for code, k in zip(codes.categorical, (10, 3), strict=True))
    assert codes.continuous is not None
    assert torch.equal(torch.cat([z[:, :5], first, second, codes.continuous], dim=1), z)


def test_priors_with_codes_of_one_kind_and_with_none() -> None:
    categorical, continuous, neither = Prior("uniform", 4, (2,)), Prior("uniform", 4, (), 3), Prior("uniform", 4)
    assert [prior.has_codes for prior in (categorical, continuous, neither)] == [True, True, False]
    assert [prior.width for prior in (categorical, continuous, neither)] == [6, 7, 4]
    assert categorical.codes(categorical.draw(2)).continuous is None
    found = continuous.codes(continuous.draw(2))
    assert found.categorical == ()
    assert found.continuous is not None
    assert found.continuous.shape == (2, 3)
    assert neither.codes(neither.draw(2)) == ((), None)


# Latents that stay the same


def fixed(prior: str, count: int = 6, seed: int = 0, purpose: str = "samples", latent_dim: int = 100) -> Tensor:
    return Prior(prior, latent_dim).fixed(count, seed=seed, purpose=purpose)


@pytest.mark.parametrize("prior", PRIORS)
def test_fixed_latents_depend_on_seed_and_purpose_and_on_nothing_else(prior: str) -> None:
    torch.manual_seed(1)
    first = fixed(prior)
    torch.manual_seed(2)
    torch.rand(100)
    assert torch.equal(fixed(prior), first)
    assert not torch.equal(fixed(prior, seed=1), first)
    assert not torch.equal(fixed(prior, purpose="quality"), first)
    assert first.device.type == "cpu"


@pytest.mark.parametrize("prior", PRIORS)
def test_fixed_latents_leave_the_global_random_state_alone(prior: str) -> None:
    before = torch.get_rng_state()
    fixed(prior)
    assert torch.equal(torch.get_rng_state(), before)


# torch's randn makes 16 numbers at a time, and makes the last 16 anew where the sum is not a multiple of 16
@pytest.mark.parametrize(
    ("prior", "latent_dim", "count"),
    [
        ("normal", 64, 1),
        ("normal", 64, 17),
        ("normal", 100, 16),
        ("normal", 100, 1),
        ("normal", 100, 17),
        ("normal", 5, 3),
        ("normal", 1, 17),
        ("uniform", 64, 1),
        ("uniform", 100, 1),
        ("uniform", 100, 17),
        ("uniform", 5, 3),
        ("uniform", 1, 17),
    ],
)
def test_the_first_fixed_latents_do_not_depend_on_how_many_follow(prior: str, latent_dim: int, count: int) -> None:
    many = fixed(prior, count=40, latent_dim=latent_dim)
    assert torch.equal(fixed(prior, count=count, latent_dim=latent_dim), many[:count])


@pytest.mark.parametrize("prior", PRIORS)
def test_no_two_fixed_latents_are_alike(prior: str) -> None:
    z = fixed(prior, count=500)
    assert len(z.unique(dim=0)) == 500


@pytest.mark.parametrize("count", [1, 3, 16, 17])
def test_the_first_fixed_codes_do_not_depend_on_how_many_follow_either(count: int) -> None:
    many = INFOGAN.fixed(40, seed=1, purpose="samples")
    assert torch.equal(INFOGAN.fixed(count, seed=1, purpose="samples"), many[:count])


def test_fixed_noise_is_the_same_with_codes_and_without() -> None:
    with_codes = INFOGAN.fixed(20, seed=1, purpose="samples")
    assert torch.equal(with_codes[:, :5], Prior("normal", 5).fixed(20, seed=1, purpose="samples"))


def test_fixed_codes_of_one_kind_do_not_repeat_one_another() -> None:
    prior = Prior("normal", 1, categorical=(10, 10))
    first, second = prior.codes(prior.fixed(100, seed=0, purpose="samples")).categorical
    assert 2 <= first.eq(second).sum() <= 25


def test_a_stream_is_what_the_global_generator_gives_after_its_seed() -> None:
    torch.manual_seed(11)
    expected = torch.rand(4)
    torch.manual_seed(99)
    start_stream(torch.device("cpu"), 11)
    assert torch.equal(torch.rand(4), expected)
