"""The network architectures of the extractors: two classifiers, and an autoencoder that does not use labels.

Their input is float32 images (N, C, 28, 28) in [0, 1], for GANs of any value range. C is 1, or 3 for colour images.
"""

import torch
from torch import Tensor, nn

FEATURES = 64


class Classifier(nn.Module):
    """A classifier in two parts: ``convolutions`` and ``late`` compute features, ``last`` the logits from them.

    The number of features D is small on purpose: D(D + 1)/2 covariances are estimated from N images, and the bias of a
    Fréchet distance grows with D / N (Chong & Forsyth 2020, "Effectively Unbiased FID and Inception Score").
    """

    convolutions: nn.Module
    late: nn.Module
    dropout: nn.Module
    last: nn.Linear

    def features(self, images: Tensor) -> Tensor:
        """(N, C, 28, 28) -> (N, features)."""
        features: Tensor = self.late(self.convolutions(images))
        return features

    def logits(self, features: Tensor) -> Tensor:
        """(N, features) -> (N, num_classes)."""
        logits: Tensor = self.last(self.dropout(features))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, 28, 28) -> logits (N, num_classes)."""
        return self.logits(self.features(images))


class PlainClassifier(Classifier):
    """A small CNN with batch normalization. Its features are the 64 outputs of the ReLU before the logits."""

    def __init__(self, num_classes: int, features: int = FEATURES, channels: int = 1) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(channels, 16),
            nn.MaxPool2d(2),  # (N, 16, 14, 14)
            _convolution(16, 32),
            _convolution(32, 48),
            nn.MaxPool2d(2),  # (N, 48, 7, 7)
            _convolution(48, 64),
            _convolution(64, 96),
            nn.MaxPool2d(2),  # (N, 96, 3, 3)
        )
        # Flattened, not averaged, because the position of a stroke matters.
        self.late = nn.Sequential(
            nn.Flatten(), nn.Linear(96 * 9, features, bias=False), nn.BatchNorm1d(features), nn.ReLU()
        )
        self.dropout = nn.Dropout(0.2)
        self.last = nn.Linear(features, num_classes)


class ResidualClassifier(Classifier):
    """A small ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s"), unlike `PlainClassifier`.

    Only the last layer is of the same kind. Patches instead of pooling, residual blocks of depthwise convolutions,
    GELU, no batch statistics.
    """

    def __init__(self, num_classes: int, features: int = FEATURES, channels: int = 1) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, 32, 2, stride=2),  # (N, 32, 14, 14)
            nn.GroupNorm(1, 32),
            _ResidualBlock(32),
            _ResidualBlock(32),
            nn.Conv2d(32, 64, 2, stride=2),  # (N, 64, 7, 7)
            _ResidualBlock(64),
            _ResidualBlock(64),
            nn.Conv2d(64, 64, 3, stride=2, padding=1),  # (N, 64, 4, 4)
        )
        self.late = nn.Sequential(nn.Flatten(), nn.LayerNorm(64 * 16), nn.Linear(64 * 16, features), nn.GELU())
        self.dropout = nn.Dropout(0.1)
        self.last = nn.Linear(features, num_classes)


class _ResidualBlock(nn.Module):
    """A block of ConvNeXt: a depthwise 5 × 5 convolution, a normalization, and two 1 × 1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=2, groups=channels),
            nn.GroupNorm(1, channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.GELU(),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        added: Tensor = images + self.layers(images)
        return added


class Autoencoder(nn.Module):
    """A convolutional autoencoder. Its features are the 64 numbers from which it reconstructs an image."""

    def __init__(self, features: int = FEATURES, channels: int = 1) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            _convolution(channels, 16, stride=2),  # (N, 16, 14, 14)
            _convolution(16, 32, stride=2),  # (N, 32, 7, 7)
            _convolution(32, 32),
            nn.Flatten(),
            nn.Linear(32 * 49, features),
        )
        self.decoder = nn.Sequential(
            nn.Linear(features, 32 * 49, bias=False),
            nn.BatchNorm1d(32 * 49),
            nn.ReLU(),
            nn.Unflatten(1, (32, 7, 7)),
            nn.Upsample(scale_factor=2),
            _convolution(32, 16),  # (N, 16, 14, 14)
            nn.Upsample(scale_factor=2),
            _convolution(16, 8),  # (N, 8, 28, 28)
            nn.Conv2d(8, channels, 3, padding=1),
        )

    def features(self, images: Tensor) -> Tensor:
        """(N, 1, 28, 28) -> (N, features)."""
        features: Tensor = self.encoder(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 28, 28) -> the reconstructed images as logits; their sigmoid is in [0, 1]."""
        logits: Tensor = self.decoder(self.features(images))
        return logits


def _convolution(channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def build(kind: str, num_classes: int, channels: int = 1) -> Classifier | Autoencoder:
    """A new network for an extractor of this kind; "autoencoder" ignores ``num_classes``."""
    if kind == "autoencoder":
        return Autoencoder(channels=channels)
    return (ResidualClassifier if kind == "control" else PlainClassifier)(num_classes, channels=channels)


def as_input(images: Tensor) -> Tensor:
    """uint8 images (N, C, H, W) -> float32 (N, C, 28, 28) in [0, 1]; other sizes are resized."""
    floats = images.float() / 255
    if floats.shape[-2:] != (28, 28):
        floats = torch.nn.functional.interpolate(floats, size=(28, 28), mode="bilinear", antialias=True)
    return floats


def as_pixels(images: Tensor) -> Tensor:
    """uint8 images (N, C, H, W) -> float32 (N, C·784) in [0, 1]."""
    channels = [as_input(images[:, [channel]]).flatten(1) for channel in range(images.shape[1])]
    return torch.cat(channels, dim=1)
