"""Layout of the convolutions' weights in memory: channels last for the project's networks, unchanged for others."""

import pytest
import torch
from torch import Tensor, nn

from gan.game.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Networks,
    R3GANDiscriminator,
    R3GANGenerator,
    ResNetDiscriminator,
    ResNetGenerator,
)

SHAPE = (3, 32, 32)
FAMILIES = [
    (DCGANGenerator, DCGANDiscriminator),
    (ResNetGenerator, ResNetDiscriminator),
    (R3GANGenerator, R3GANDiscriminator),
]


def pair(
    generator: type[nn.Module], discriminator: type[nn.Module], channels_last: bool
) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return Networks(generator, discriminator, channels_last=channels_last, latent_dim=8).build(SHAPE, 0)


def is_channels_last(network: nn.Module) -> bool:
    kernels = [p for p in network.parameters() if p.ndim == 4 and p.shape[1] > 1 and p.shape[2] > 1]
    found = {p.is_contiguous(memory_format=torch.channels_last) for p in kernels}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family[0].__name__)
def test_losses_and_gradients_are_equal_but_for_rounding(family: tuple[type[nn.Module], type[nn.Module]]) -> None:
    results = []
    for channels_last in (False, True):
        generator, discriminator = pair(*family, channels_last=channels_last)
        assert is_channels_last(generator) == is_channels_last(discriminator) == channels_last
        z = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
        loss = discriminator(generator(z)).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        results.append([loss.detach(), *(p.grad for p in [*generator.parameters(), *discriminator.parameters()])])
    for contiguous, last in zip(*results, strict=True):
        torch.testing.assert_close(contiguous, last, rtol=1e-3, atol=1e-5)


class OwnDiscriminator(nn.Module):
    """Calls ``view``, which fails after a channels-last convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 4, stride=2, padding=1)
        self.linear = nn.Linear(4 * 16 * 16, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.convolution(images).view(len(images), -1))
        return logits


def test_networks_of_the_user_keep_their_layout() -> None:
    _, discriminator = pair(DCGANGenerator, OwnDiscriminator, channels_last=True)
    assert not is_channels_last(discriminator)
    assert discriminator(torch.zeros(2, *SHAPE)).shape == (2, 1)
