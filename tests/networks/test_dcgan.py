"""Strided convolutional networks: shapes for every size, sizes worked by hand, the paper's initialisation."""

import pytest
import torch
from torch import nn

from gan.networks import build_discriminator, build_generator
from gan.networks.dcgan import stages


@pytest.mark.parametrize("size", [16, 20, 24, 28, 32, 48, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_latents_become_images_and_images_become_logits(size: int, channels: int) -> None:
    shape = (channels, size, size)
    g = build_generator("dcgan", latent_dim=5, image_shape=shape, base_channels=2)
    d = build_discriminator("dcgan", image_shape=shape, base_channels=2)
    images = g(torch.randn(3, 5))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1
    assert d(images).shape == (3,)
    assert d(images[:1]).shape == (1,)


@pytest.mark.parametrize(("size", "expected"), [(16, (2, 4)), (28, (2, 7)), (32, (3, 4)), (40, (3, 5)), (128, (5, 4))])
def test_how_often_a_size_is_halved(size: int, expected: tuple[int, int]) -> None:
    assert stages(size) == expected


@pytest.mark.parametrize("size", [7, 9, 18, 30, 33])
def test_a_size_that_cannot_be_halved_down_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"image_size must be .* not {size}"):
        stages(size)


def test_parameters_worked_by_hand() -> None:
    g = build_generator("dcgan", latent_dim=10, image_shape=(1, 28, 28), base_channels=4)
    d = build_discriminator("dcgan", image_shape=(1, 28, 28), base_channels=4)
    # 10 -> 8 maps of 7 x 7, 8 -> 4 and 4 -> 1 by 4 x 4 kernels, two batch norms, one bias
    assert sum(p.numel() for p in g.parameters()) == 10 * 8 * 49 + 2 * 8 + 8 * 4 * 16 + 2 * 4 + 4 * 16 + 1
    assert sum(p.numel() for p in d.parameters()) == 4 * 16 + 4 + 4 * 8 * 16 + 2 * 8 + 8 * 49 + 1


def test_weights_begin_as_the_paper_says() -> None:
    torch.manual_seed(0)
    g = build_generator("dcgan", latent_dim=100, image_shape=(1, 28, 28), base_channels=32)
    convolutions = torch.cat([m.weight.flatten() for m in g.modules() if isinstance(m, nn.ConvTranspose2d)])
    scales = torch.cat([m.weight for m in g.modules() if isinstance(m, nn.BatchNorm2d)])
    assert convolutions.mean().abs() < 1e-3
    assert 0.0195 < convolutions.std() < 0.0205
    assert (scales.mean() - 1).abs() < 0.02
    assert all((m.bias == 0).all() for m in g.modules() if getattr(m, "bias", None) is not None)
