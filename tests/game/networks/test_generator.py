"""What generators of all families do with the class."""

from typing import Any

import pytest
import torch
from option_classes import build_generator
from torch import nn

from gan.game.networks import Generator
from gan.game.networks.layers import ConditionalBatchNorm

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [8]},
    "dcgan": {"base_channels": 4},
    "resnet": {"base_channels": 4},
    "r3gan": {"base_channels": 4},
}
KINDS = [(family, "concat") for family in SMALL] + [
    ("mlp", "batch_norm"),
    ("dcgan", "batch_norm"),
    ("resnet", "batch_norm"),
]
CONDITIONAL = pytest.mark.parametrize(("family", "conditioning"), KINDS)


def generator(family: str, conditioning: str = "none", **settings: Any) -> Generator:
    torch.manual_seed(0)
    if conditioning == "batch_norm":
        settings = {"normalization": "batch", **settings}
    return build_generator(
        family,
        latent_dim=5,
        image_shape=(1, 16, 16),
        num_classes=3,
        conditioning=conditioning,
        **SMALL[family],
        **settings,
    )


def embeddings(network: nn.Module) -> list[nn.Embedding]:
    return [m for m in network.modules() if isinstance(m, nn.Embedding)]


@CONDITIONAL
def test_the_class_changes_the_image(family: str, conditioning: str) -> None:
    g = generator(family, conditioning).eval()
    for embedding in embeddings(g):  # scales and shifts of all classes begin alike
        nn.init.normal_(embedding.weight, 1.0, 0.3)
    z = torch.randn(1, 5).expand(3, 5)
    images = g(z, torch.arange(3)).flatten(1)
    assert torch.cdist(images, images)[~torch.eye(3, dtype=torch.bool)].min() > 1e-5


@CONDITIONAL
def test_only_the_embeddings_of_classes_that_occur_get_a_gradient(family: str, conditioning: str) -> None:
    g = generator(family, conditioning)
    g(torch.randn(4, 5), torch.tensor([0, 2, 2, 0])).square().sum().backward()
    assert embeddings(g)
    for embedding in embeddings(g):
        assert embedding.weight.grad is not None
        assert (embedding.weight.grad[[0, 2]] != 0).any(dim=1).all()
        assert (embedding.weight.grad[1] == 0).all()


@CONDITIONAL
def test_a_conditional_generator_needs_labels_and_says_so(family: str, conditioning: str) -> None:
    g = generator(family, conditioning)
    assert g.conditional is True
    with pytest.raises(ValueError, match=r"^this generator is conditional: it needs labels, and None were given$"):
        g(torch.randn(4, 5))


@pytest.mark.parametrize("family", SMALL)
def test_an_unconditional_generator_takes_no_notice_of_labels_and_classes(family: str) -> None:
    g = generator(family).eval()
    assert g.conditional is False
    assert not embeddings(g)
    z = torch.randn(4, 5)
    assert torch.equal(g(z, torch.arange(4)), g(z))
    torch.manual_seed(0)
    plain = build_generator(family, latent_dim=5, image_shape=(1, 16, 16), **SMALL[family])
    assert plain.state_dict().keys() == g.state_dict().keys()
    assert torch.equal(plain.eval()(z), g(z))


@CONDITIONAL
def test_conditioning_needs_classes(family: str, conditioning: str) -> None:
    settings = {"normalization": "batch"} if conditioning == "batch_norm" else {}
    message = f"^conditioning='{conditioning}' needs num_classes of 1 or more, not 0$"
    with pytest.raises(ValueError, match=message):
        build_generator(
            family, latent_dim=5, image_shape=(1, 16, 16), conditioning=conditioning, **SMALL[family], **settings
        )


@pytest.mark.parametrize("family", ["mlp", "dcgan", "resnet"])
def test_conditional_batch_normalisation_needs_batch_normalisation(family: str) -> None:
    with pytest.raises(ValueError, match=r"^conditioning='batch_norm' needs normalization='batch', not 'none'$"):
        generator(family, "batch_norm", normalization="none")


def test_r3gan_has_no_normalisation_for_the_class_to_come_in_by() -> None:
    with pytest.raises(ValueError, match=r"^conditioning='batch_norm' needs normalization='batch', not 'none'$"):
        build_generator("r3gan", latent_dim=5, image_shape=(1, 16, 16), num_classes=3, conditioning="batch_norm")


def test_a_conditioning_that_does_not_exist_is_named() -> None:
    message = r"^conditioning must be one of \('none', 'concat', 'batch_norm'\), not 'projection'$"
    with pytest.raises(ValueError, match=message):
        generator("dcgan", "projection")


def test_conditional_batch_normalisation_of_one_class_is_batch_normalisation() -> None:
    torch.manual_seed(0)
    conditional = ConditionalBatchNorm(nn.BatchNorm2d(4, affine=False), 4, num_classes=2)
    plain = nn.BatchNorm2d(4)
    with torch.no_grad():
        conditional.scale.weight[1] = plain.weight.normal_()
        conditional.shift.weight[1] = plain.bias.normal_()
    x = torch.randn(6, 4, 3, 3)
    torch.testing.assert_close(conditional(x, torch.ones(6, dtype=torch.long)), plain(x))
    mixed = conditional(x, torch.tensor([0, 1, 0, 1, 0, 1]))
    torch.testing.assert_close(mixed[0::2], nn.functional.batch_norm(x, None, None, training=True)[0::2])
    torch.testing.assert_close(mixed[1::2], plain(x)[1::2])
