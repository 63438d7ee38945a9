"""Residual networks: shapes for every size, sizes worked by hand, the paper's first weights, what a block computes."""

import math

import pytest
import torch
from option_classes import build_discriminator, build_generator
from torch import nn
from torch.nn import functional as F

from gan.game.networks.resnet import DownBlock, UpBlock


@pytest.mark.parametrize("size", [8, 16, 28, 30, 32, 33, 64, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_latents_become_images_and_images_become_logits(size: int, channels: int) -> None:
    shape = (channels, size, size)
    g = build_generator("resnet", latent_dim=5, image_shape=shape, base_channels=2)
    d = build_discriminator("resnet", image_shape=shape, base_channels=2)
    images = g(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1
    assert d(images).shape == (2,)


def test_parameters_worked_by_hand() -> None:
    g = build_generator("resnet", latent_dim=10, image_shape=(1, 28, 28), base_channels=4)
    # 10 -> 8 maps of 7 x 7; blocks 8 -> 4 and 4 -> 2 of two 3 x 3 convolutions, one 1 x 1 and two batch norms; 2 -> 1
    first, last = 10 * 8 * 49 + 8 * 49, 2 * 2 + 2 * 9 + 1
    blocks = [2 * i + (i * o * 9 + o) + 2 * o + (o * o * 9 + o) + (i * o + o) for i, o in ((8, 4), (4, 2))]
    assert sum(p.numel() for p in g.parameters()) == first + sum(blocks) + last

    d = build_discriminator("resnet", image_shape=(1, 28, 28), base_channels=4)
    # 1 -> 4 (by way of 2) and 4 -> 8 halve the size, 8 -> 8 keeps it and has nothing on the way around it; a logit
    blocks = [(i * h * 9 + h) + (h * o * 9 + o) for i, h, o in ((1, 2, 4), (4, 4, 8), (8, 8, 8))]
    assert sum(p.numel() for p in d.parameters()) == sum(blocks) + (1 * 4 + 4) + (4 * 8 + 8) + 8 + 1


@pytest.mark.parametrize(("first_block", "hidden"), [("half", 4), ("full", 8)])
def test_the_first_block_of_d_is_that_of_the_authors_at_its_own_width(first_block: str, hidden: int) -> None:
    torch.manual_seed(0)
    d = build_discriminator("resnet", image_shape=(3, 32, 32), base_channels=8, first_block=first_block)
    block = d.trunk.layers[0]
    assert isinstance(block, DownBlock)
    first, _, second = block.branch
    assert (first.weight.shape, second.weight.shape) == ((hidden, 3, 3, 3), (8, hidden, 3, 3))
    x = torch.randn(2, 3, 32, 32)
    # pfnet-research/sngan_projection, OptimizedBlock
    residual = F.avg_pool2d(second(F.relu(first(x))), 2)
    torch.testing.assert_close(block(x), residual + block.shortcut(F.avg_pool2d(x, 2)))


def test_weights_begin_as_the_papers_code_has_them() -> None:
    torch.manual_seed(0)
    g = build_generator("resnet", latent_dim=100, image_shape=(1, 28, 28))
    d = build_discriminator("resnet", image_shape=(1, 28, 28))
    for network in (g, d):
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                places = module.weight[0, 0].numel()
                fans = (module.weight.shape[0] + module.weight.shape[1]) * places
                gain = math.sqrt(2) if ".branch." in name else 1.0
                bound = gain * math.sqrt(6 / fans)
                assert module.weight.abs().max() <= bound, name
                if module.weight.numel() > 500:
                    assert module.weight.abs().max() > 0.98 * bound, name
                    assert abs(module.weight.std().item() * math.sqrt(3) / bound - 1) < 0.06, name
                assert module.bias is None or (module.bias == 0).all(), name


def test_a_block_upwards_is_the_sum_of_its_branch_and_the_enlarged_input() -> None:
    block = UpBlock(3, 2, 7, "none", 0)
    x = torch.randn(4, 3, 4, 4)
    kept = x.clone()
    first, second = (m for m in block.branch if isinstance(m, nn.Conv2d))
    enlarged = F.interpolate(x, size=7)
    expected = second(F.relu(first(F.interpolate(F.relu(x), size=7)))) + block.shortcut(enlarged)
    torch.testing.assert_close(block(x, None), expected)
    assert torch.equal(x, kept)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_a_block_downwards_is_the_sum_of_its_branch_and_the_input_both_averaged(size: int, normalization: str) -> None:
    block = DownBlock(3, 5, size, normalization=normalization, dropout=0.0)
    x = torch.randn(4, 3, size, size)
    kept = x.clone()
    window = 2 if size == 8 else 3
    expected = F.avg_pool2d(block.branch(x) + block.shortcut(x), window, stride=2)
    assert expected.shape == (4, 5, 4, 4)
    torch.testing.assert_close(block(x), expected)
    assert torch.equal(x, kept)


def test_every_pixel_of_an_odd_size_counts() -> None:
    torch.manual_seed(0)
    d = build_discriminator("resnet", image_shape=(1, 33, 33), base_channels=4)
    images = torch.randn(2, 1, 33, 33, requires_grad=True)
    d(images).sum().backward()
    assert images.grad is not None
    assert (images.grad != 0).all()


def test_features_are_sums_over_all_places() -> None:
    d = build_discriminator("resnet", image_shape=(1, 16, 16), base_channels=4)
    images = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(d.trunk(images), d.trunk.layers(images).sum(dim=(2, 3)))
    assert d.trunk(images).shape == (2, d.trunk.num_features) == (2, 8)


def test_a_size_that_is_too_small_or_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^image_size must be 8 or more, not 6$"):
        build_generator("resnet", latent_dim=5, image_shape=(1, 6, 6))
    with pytest.raises(ValueError, match="H = W"):
        build_discriminator("resnet", image_shape=(1, 16, 32))
