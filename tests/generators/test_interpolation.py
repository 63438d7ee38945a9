"""Walks between latents: where their frames stand, and which way they take."""

import math

import pytest
import torch

from gan.game.latents import Prior
from gan.generators.interpolation import frame_positions, interpolate, spherical
from gan.system.errors import GanError


def test_a_walk_begins_and_ends_on_its_anchors() -> None:
    where = frame_positions(3, 2)
    assert where.start.tolist() == [0, 0, 1, 1, 2]
    assert where.fraction.tolist() == [0.0, 0.5, 0.0, 0.5, 0.0]
    assert where.end[:4].tolist() == [1, 1, 2, 2]


def test_a_loop_goes_back_to_the_first_and_does_not_show_it_twice() -> None:
    where = frame_positions(2, 3, loop=True)
    assert where.start.tolist() == [0, 0, 0, 1, 1, 1]
    assert where.end.tolist() == [1, 1, 1, 0, 0, 0]
    assert where.fraction.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 0, 1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("anchors", "steps", "message"),
    [
        (0, 3, "an interpolation needs 2 or more images; 0 given"),
        (1, 3, "an interpolation needs 2 or more images; 1 given"),
        (2, 0, "steps: 0 given; 1 or more expected"),
        (2, 100_000, "steps: 100000 given, which makes 100001 frames; at most 100000 expected"),
    ],
)
def test_numbers_out_of_their_range(anchors: int, steps: int, message: str) -> None:
    with pytest.raises(GanError) as error:
        frame_positions(anchors, steps)
    assert str(error.value) == message


def test_a_quarter_circle_by_hand() -> None:
    start, end = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    third = spherical(start, end, torch.tensor([[1 / 3]]))
    assert third[0].tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])


def test_on_the_sphere_the_length_is_kept_and_on_the_line_it_is_not() -> None:
    ends = torch.nn.functional.normalize(torch.randn(2, 50, generator=torch.Generator().manual_seed(0)), dim=1) * 7
    prior = Prior("normal", 50)
    where = frame_positions(2, 10)
    assert torch.allclose(interpolate(ends, where, prior).norm(dim=1), torch.full((11,), 7.0), atol=1e-4)
    assert interpolate(ends, where, prior, "linear").norm(dim=1).min() < 6


@pytest.mark.parametrize("factor", [1.0, -1.0, 2.0])
def test_where_there_is_no_one_circle_it_is_the_line(factor: float) -> None:
    start = torch.tensor([[1.0, 2.0, 3.0]])
    half = spherical(start, factor * start, torch.tensor([[0.5]]))
    assert torch.allclose(half, start * (1 + factor) / 2, atol=1e-3)


def test_a_uniform_prior_goes_in_a_straight_line() -> None:
    ends = torch.tensor([[-1.0, 1.0], [1.0, 0.0]])
    assert interpolate(ends, frame_positions(2, 2), Prior("uniform", 2))[1].tolist() == [0.0, 0.5]


def test_codes_go_in_a_straight_line_beside_the_noise_on_its_sphere() -> None:
    prior = Prior("normal", 2, categorical=(2,), continuous=1)
    ends = torch.tensor([[1.0, 0.0, 1.0, 0.0, -1.0], [0.0, 1.0, 0.0, 1.0, 1.0]])
    middle = interpolate(ends, frame_positions(2, 2), prior)[1].tolist()
    assert middle == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), 0.5, 0.5, 0.0])


def test_a_method_that_does_not_exist() -> None:
    with pytest.raises(GanError) as error:
        interpolate(torch.zeros(2, 2), frame_positions(2, 2), Prior("normal", 2), "sphericl")
    assert str(error.value) == "method: no such option 'sphericl'; did you mean 'spherical'? choices: linear, spherical"
