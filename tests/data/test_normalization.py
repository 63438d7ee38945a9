"""Bytes to floats as torchvision does it, bit for bit, and back without a loss."""

import pytest
import torch
from PIL import Image
from torchvision.transforms import Compose, Normalize, ToTensor

from gan.data.normalization import denormalize, dtype_at_rest, normalize

ALL_BYTES = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
PAIRS = [(0.5, 0.5), (0.0, 1.0), (0.1307, 0.3081), (0.2860, 0.3530), (-3.0, 0.01)]


@pytest.mark.parametrize(("mean", "std"), PAIRS)
def test_bit_equal_to_torchvision(mean: float, std: float) -> None:
    theirs = Compose([ToTensor(), Normalize((mean,), (std,))])(Image.fromarray(ALL_BYTES[0].numpy()))
    ours = normalize(ALL_BYTES, mean, std)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("mean", "std"), PAIRS)
def test_there_and_back(mean: float, std: float) -> None:
    assert torch.equal(denormalize(normalize(ALL_BYTES, mean, std), mean, std), ALL_BYTES)


def test_default_range_is_minus_one_to_one() -> None:
    ours = normalize(ALL_BYTES, 0.5, 0.5)
    assert (ours.min().item(), ours.max().item()) == (-1.0, 1.0)


def test_inputs_are_left_alone() -> None:
    images = ALL_BYTES.clone()
    floats = normalize(images, 0.5, 0.5)
    before = floats.clone()
    denormalize(floats, 0.5, 0.5)
    assert torch.equal(images, ALL_BYTES)
    assert torch.equal(floats, before)


def test_denormalize_rounds_and_clamps() -> None:
    images = torch.tensor([-7.0, -1.0, 0.0, 1.0, 7.0])
    assert denormalize(images, 0.5, 0.5).tolist() == [0, 0, 128, 255, 255]
    assert denormalize(torch.tensor([99.6 / 255, 99.4 / 255]), 0.0, 1.0).tolist() == [100, 99]


def test_denormalize_takes_what_networks_give() -> None:
    images = torch.zeros(2, 1, 4, 4, dtype=torch.bfloat16, requires_grad=True)
    assert denormalize(images, 0.5, 0.5).shape == (2, 1, 4, 4)


def test_points_are_not_divided_by_255() -> None:
    points = torch.tensor([0.0, 0.25, 0.5, 1.0]).view(2, 2, 1, 1)
    floats = normalize(points, 0.5, 0.5)
    assert floats.dtype == torch.float32
    assert floats.flatten().tolist() == [-1.0, -0.5, 0.0, 1.0]
    assert normalize(points, 0.0, 1.0).flatten().tolist() == points.flatten().tolist()
    assert points.flatten().tolist() == [0.0, 0.25, 0.5, 1.0]  # left alone


def test_points_come_back_as_floats_neither_rounded_nor_clamped() -> None:
    floats = torch.tensor([-3.0, -1.0, 0.001, 1.0], dtype=torch.bfloat16)
    before = floats.clone()
    at_rest = denormalize(floats, 0.5, 0.5, torch.float32)
    assert at_rest.dtype == torch.float32
    assert at_rest.tolist() == pytest.approx([-1.0, 0.0, 0.5005, 1.0], abs=1e-5)
    assert torch.equal(floats, before)
    points = torch.rand(100, 2, 1, 1)
    assert torch.allclose(denormalize(normalize(points, 0.1, 0.3), 0.1, 0.3, torch.float32), points, atol=1e-6)


def test_only_points_are_floats_at_rest() -> None:
    assert dtype_at_rest((2, 1, 1)) == torch.float32
    assert {dtype_at_rest(shape) for shape in ((1, 28, 28), (3, 32, 32), [1, 16, 16])} == {torch.uint8}
