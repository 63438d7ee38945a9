"""Strided convolutional networks: shapes for every size, sizes worked by hand, the paper's initialisation."""

import pytest
import torch
from option_classes import build_discriminator, build_generator
from torch import nn

from gan.game.networks.dcgan import initialise
from gan.game.networks.layers import ConditionalBatchNorm
from gan.game.sizes import stages


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


def test_images_are_square() -> None:
    with pytest.raises(ValueError, match=r"^image_shape must be \(C, H, W\) with H = W, not \(1, 28, 32\)$"):
        build_generator("dcgan", latent_dim=5, image_shape=(1, 28, 32))
    with pytest.raises(ValueError, match="H = W"):
        build_discriminator("dcgan", image_shape=(1, 28, 32))


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
    d = build_discriminator("dcgan", image_shape=(1, 64, 64), base_channels=32)
    assert 0.0195 < torch.cat([m.weight.flatten() for m in d.modules() if isinstance(m, nn.Conv2d)]).std() < 0.0205
    assert 0.019 < d.logit_head.weight.std() < 0.021
    assert (d.logit_head.bias == 0).all()


def test_scales_of_classes_begin_as_other_scales_do() -> None:
    torch.manual_seed(0)
    g = build_generator("dcgan", latent_dim=5, image_shape=(1, 28, 28), num_classes=10, conditioning="batch_norm")
    scales = torch.cat([m.scale.weight.flatten() for m in g.modules() if isinstance(m, ConditionalBatchNorm)])
    shifts = torch.cat([m.shift.weight.flatten() for m in g.modules() if isinstance(m, ConditionalBatchNorm)])
    assert 0.018 < scales.std() < 0.022
    assert (scales.mean() - 1).abs() < 0.01
    assert (shifts == 0).all()


def test_it_computes_what_its_layers_as_the_paper_has_them_compute() -> None:
    torch.manual_seed(0)
    d = build_discriminator("dcgan", image_shape=(1, 28, 28), base_channels=4)
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(1, 4, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4, 8, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2),
        nn.Conv2d(8, 1, 7),
    ).apply(initialise)
    for ours, theirs in zip(d.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours.flatten(), theirs.flatten())
    images = torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(d(images), plain(images).flatten())


def test_where_normalisation_and_dropout_stand() -> None:
    d = build_discriminator("dcgan", image_shape=(1, 28, 28), base_channels=4, normalization="instance", dropout=0.3)
    names = [type(layer).__name__ for layer in d.trunk.layers]
    assert names == ["Conv2d", "LeakyReLU", "Dropout", "Conv2d", "InstanceNorm2d", "LeakyReLU", "Dropout"]
    g = build_generator("dcgan", latent_dim=5, image_shape=(1, 28, 28), base_channels=4, normalization="none")
    names = [type(layer).__name__ for layer in g.layers]
    assert names == ["ConvTranspose2d", "ReLU", "ConvTranspose2d", "ReLU", "ConvTranspose2d", "Tanh"]
    assert all(layer.bias is not None for layer in g.layers if isinstance(layer, nn.ConvTranspose2d))
