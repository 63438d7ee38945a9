"""Strided convolutional networks: Radford et al. 2016, "Unsupervised Representation Learning with DCGANs"."""

from torch import Tensor, nn


def stages(image_size: int) -> tuple[int, int]:
    """How often a square image is halved, and the size that is left: halve while it is even and above 7.

    28 gives (2, 7), 32 gives (3, 4), 64 gives (4, 4).

    Raises:
        ValueError: the size cannot be halved down to 4, 5, 6 or 7.
    """
    halvings, size = 0, image_size
    while size % 2 == 0 and size > 7:
        halvings, size = halvings + 1, size // 2
    if not 4 <= size <= 7 or halvings == 0:
        raise ValueError(f"image_size must be 4, 5, 6 or 7 times a power of two (16, 28, 32, 64, …), not {image_size}")
    return halvings, size


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02), batch-norm scales from N(1, 0.02), biases 0: section 4 of the paper, and its code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    if getattr(module, "bias", None) is not None:
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


class DCGANGenerator(nn.Module):
    """latent_dim -> a small map of many channels, doubled in size and halved in channels stage by stage -> image, tanh.

    Args:
        latent_dim: components of z.
        image_shape: (C, H, W), H = W as `stages` allows.
        base_channels: channels before the last layer, at half the image's size.

    Shapes: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1].
    """

    def __init__(self, *, latent_dim: int, image_shape: tuple[int, int, int], base_channels: int) -> None:
        super().__init__()
        halvings, size = stages(image_shape[1])
        channels = base_channels * 2 ** (halvings - 1)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(
                latent_dim, channels, size, bias=False
            ),  # (N, latent_dim, 1, 1) -> (N, channels, size, size)
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        for _ in range(halvings - 1):
            layers += [
                nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        layers += [nn.ConvTranspose2d(channels, image_shape[0], 4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers).apply(initialise)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(z[:, :, None, None])  # (N, latent_dim) -> (N, C, H, W)


class DCGANDiscriminator(nn.Module):
    """Image -> halved in size and doubled in channels stage by stage -> one logit.

    Args:
        image_shape: (C, H, W), H = W as `stages` allows.
        base_channels: channels after the first layer.

    Shapes: images (N, C, H, W) -> logits (N,).
    """

    def __init__(self, *, image_shape: tuple[int, int, int], base_channels: int) -> None:
        super().__init__()
        halvings, size = stages(image_shape[1])
        channels = base_channels
        layers: list[nn.Module] = [
            nn.Conv2d(image_shape[0], channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for _ in range(halvings - 1):
            layers += [
                nn.Conv2d(channels, channels * 2, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels * 2),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            channels *= 2
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 1, size)).apply(initialise)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(images).flatten()  # (N, C, H, W) -> (N, 1, 1, 1) -> (N,)
