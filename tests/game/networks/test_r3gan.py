"""Networks without normalisation: shapes, sizes worked by hand, first weights, blocks that begin as the identity."""

import math
from pathlib import Path

import pytest
import torch
from option_classes import build_discriminator, build_generator
from torch import nn
from torch.nn import functional as F

from gan.game.latents import Prior
from gan.game.networks import Discriminator
from gan.game.networks.r3gan import ACTIVATION_GAIN, Convolution, Downsample, R3GANTrunk, ResidualBlock, Upsample
from gan.generators.bundle import FILE_NAME, describe, load_generator, save_bundle


@pytest.mark.parametrize("size", [8, 16, 28, 30, 32, 33, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_latents_become_images_and_images_become_logits(size: int, channels: int) -> None:
    shape = (channels, size, size)
    g = build_generator("r3gan", latent_dim=5, image_shape=shape, base_channels=2)
    d = build_discriminator("r3gan", image_shape=shape, base_channels=2)
    images = g(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1
    assert d(images).shape == (2,)


def block(channels: int) -> int:
    """Parameters of a residual block: two 1 x 1 convolutions, one 3 x 3 in groups of 16 or fewer, two biases."""
    inside = 2 * channels
    return channels * inside + inside * min(16, inside) * 9 + inside * channels + 2 * inside


@pytest.mark.parametrize("blocks", [1, 2])
def test_parameters_worked_by_hand(blocks: int) -> None:
    settings = {"image_shape": (1, 28, 28), "base_channels": 16, "blocks": blocks}
    g = build_generator("r3gan", latent_dim=10, **settings)
    d = build_discriminator("r3gan", **settings)
    of_blocks = blocks * (block(32) + block(16) + block(8))
    # maps of 7 x 7 and what weighs them; 32 -> 16 -> 8 channels; to and from one channel of the image
    assert sum(p.numel() for p in g.parameters()) == 32 * 49 + 10 * 32 + of_blocks + 32 * 16 + 16 * 8 + 8
    assert sum(p.numel() for p in d.parameters()) == 8 + of_blocks + 8 * 16 + 16 * 32 + 32 * 49 + 32 + 1


def test_there_is_no_normalisation_and_no_setting_for_it() -> None:
    d = build_discriminator("r3gan", image_shape=(1, 28, 28))
    assert not any("Norm" in type(m).__name__ for m in d.modules())
    with pytest.raises(TypeError, match="normalization"):
        build_discriminator("r3gan", image_shape=(1, 28, 28), normalization="batch")
    with pytest.raises(TypeError, match="spectral_norm"):
        build_discriminator("r3gan", image_shape=(1, 28, 28), spectral_norm=True)
    with pytest.raises(ValueError, match=r"^spectral_norm=True does not work for R3GANTrunk: some of its weights"):
        Discriminator(R3GANTrunk(image_shape=(1, 28, 28)), image_shape=(1, 28, 28), spectral_norm=True)


def test_a_block_begins_as_the_identity_and_can_leave_it() -> None:
    torch.manual_seed(0)
    residual = ResidualBlock(8, depth=4)
    x = torch.randn(2, 8, 5, 5)
    assert torch.equal(residual(x), x)
    residual(x).square().sum().backward()
    assert residual.branch[-1].weight.grad.abs().max() > 0


@pytest.mark.parametrize("blocks", [1, 2])
def test_weights_begin_as_the_paper_says(blocks: int) -> None:
    torch.manual_seed(0)
    settings = {"image_shape": (1, 32, 32), "base_channels": 32, "blocks": blocks}
    depth = 4 * blocks
    for network in (build_generator("r3gan", latent_dim=100, **settings), build_discriminator("r3gan", **settings)):
        for residual in (m for m in network.modules() if isinstance(m, ResidualBlock)):
            first, middle, last = (m for m in residual.branch if isinstance(m, Convolution))
            for convolution in (first, middle):
                fan_in = convolution.weight[0].numel()
                std = ACTIVATION_GAIN * depth**-0.25 / math.sqrt(fan_in)
                assert abs(convolution.weight.std().item() / std - 1) < 0.15
                assert (convolution.bias == 0).all()
            assert middle.in_channels // middle.groups == 16
            assert (last.weight == 0).all()
            assert last.bias is None


def test_signals_keep_their_size_at_first() -> None:
    torch.manual_seed(0)
    g = build_generator("r3gan", latent_dim=100, image_shape=(1, 28, 28), base_channels=64)
    d = build_discriminator("r3gan", image_shape=(1, 28, 28), base_channels=64)
    assert 0.2 < g(torch.randn(50, 100)).atanh().std() < 2
    assert 0.1 < d(torch.randn(50, 1, 28, 28)).std() < 2


def test_going_down_weighs_by_1_3_3_1() -> None:
    down = Downsample(2, 2)
    with torch.no_grad():
        down.mix.weight.copy_(torch.eye(2)[:, :, None, None])
    x = torch.randn(3, 2, 12, 12)
    # away from the border, where there is padding, it is torch's own bilinear resizing with antialiasing
    expected = F.interpolate(x, size=6, mode="bilinear", antialias=True, align_corners=False)
    torch.testing.assert_close(down(x)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def authors_upsampling(x: torch.Tensor) -> torch.Tensor:
    """What brownvc/R3GAN's InterpolativeUpsampler computes with its filter [1, 2, 1]."""
    weights = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    kernel = torch.outer(weights, weights).expand(x.shape[1], 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def test_going_up_differs_from_the_authors_at_the_border_alone_or_not_at_all() -> None:
    x = torch.rand(3, 2, 4, 4) + 1
    torch.manual_seed(0)
    ours = Upsample(2, 2, 8)
    torch.manual_seed(0)
    theirs = Upsample(2, 2, 8, border="zeros")
    expected = authors_upsampling(theirs.mix(x))
    torch.testing.assert_close(theirs(x), expected)
    torch.testing.assert_close(ours(x)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
    ring = torch.ones(8, 8, dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    assert (ours(x) / expected)[..., ring].mean().item() == pytest.approx(1.397, abs=1e-3)  # 39 %, as docs say
    assert "border" not in ours.state_dict()


def test_zeros_around_a_map_that_is_not_doubled() -> None:
    x = torch.rand(1, 1, 7, 7)
    up = Upsample(1, 1, 15, border="zeros")
    # the same from a map with a ring of zeros: each new place is a weighted mean of the old ones beside it
    places = (torch.arange(15) + 0.5) * 7 / 15 - 0.5
    weights = (1 - (places[:, None] - torch.arange(7)).abs()).clamp(min=0)
    torch.testing.assert_close(up(x), weights @ up.mix(x) @ weights.T)


def test_a_bundle_that_does_not_say_what_is_at_the_border_has_edges(tmp_path: Path) -> None:
    settings = {"base_channels": 4, "blocks": 1, "conditioning": "none"}
    images = []
    for more in ({}, {"upsampling_border": "edge"}, {"upsampling_border": "zeros"}):
        torch.manual_seed(0)
        generator = build_generator("r3gan", latent_dim=5, image_shape=(1, 16, 16), **settings, **more)
        with torch.no_grad():
            for parameter in generator.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        described = describe(
            "r3gan", {**settings, **more}, prior=Prior("normal", 5), image_shape=(1, 16, 16), mean=0.5, std=0.5
        )
        save_bundle(tmp_path / FILE_NAME, generator, described)
        loaded = load_generator(tmp_path)
        images.append(loaded.sample(4))
        assert torch.equal(loaded.generator(torch.ones(1, 5)), generator(torch.ones(1, 5)))
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()


@pytest.mark.parametrize(("small", "large"), [(7, 14), (7, 15)])
def test_going_down_leaves_the_size_from_which_going_up_came(small: int, large: int) -> None:
    x = torch.randn(1, 2, small, small)
    up = Upsample(2, 4, large)(x)
    assert up.shape == (1, 4, large, large)
    assert Downsample(4, 2)(up).shape == x.shape


@pytest.mark.parametrize("channels", [3, 5, 12, 24])
def test_any_width_can_be_grouped(channels: int) -> None:
    residual = ResidualBlock(channels, depth=1)
    middle = residual.branch[2]
    assert isinstance(middle, nn.Conv2d)
    assert middle.in_channels // middle.groups <= 16
    assert residual(torch.randn(1, channels, 4, 4)).shape == (1, channels, 4, 4)
