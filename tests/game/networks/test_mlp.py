"""Fully connected networks: shapes, sizes worked by hand, dropout, and the closed registry."""

from typing import Any

import pytest
import torch
from option_classes import build_discriminator, build_generator, option_class, options
from torch import nn

from gan.game.networks import GENERATORS, Discriminator, Generator, MLPGenerator
from gan.training.build import build_networks

PLAIN = {"hidden": [6, 4], "activation": "leaky_relu", "negative_slope": 0.2, "dropout": 0.0}
DROPPING = {**PLAIN, "hidden": [200], "dropout": 0.5}


def generator(image_shape: tuple[int, int, int] = (1, 5, 7), **settings: Any) -> Generator:
    return build_generator("mlp", latent_dim=3, image_shape=image_shape, **{**PLAIN, **settings})


def discriminator(image_shape: tuple[int, int, int] = (1, 5, 7), **settings: Any) -> Discriminator:
    return build_discriminator("mlp", image_shape=image_shape, **{**PLAIN, **settings})


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 5, 7), (1, 1, 1), (2, 1, 1)])
@pytest.mark.parametrize("count", [1, 4])
def test_latents_become_images_and_images_become_logits(image_shape: tuple[int, int, int], count: int) -> None:
    images = generator(image_shape)(torch.randn(count, 3))
    assert images.shape == (count, *image_shape)
    logits = discriminator(image_shape)(images)
    assert logits.shape == (count,)


def test_labels_may_be_given_and_make_no_difference() -> None:
    z, labels = torch.randn(4, 3), torch.arange(4)
    g, d = generator(), discriminator()
    assert torch.equal(g(z, labels), g(z))
    assert torch.equal(d(g(z), labels), d(g(z)))


def test_images_lie_in_minus_1_to_1_and_logits_need_not() -> None:
    g, d = generator(), discriminator()
    images = g(1e4 * torch.randn(50, 3))
    assert 0.99 < images.abs().max() <= 1
    assert d(1e4 * images).abs().max() > 1


def test_every_image_is_judged_alone_and_row_by_row() -> None:
    z = torch.randn(6, 3)
    g, d = generator(), discriminator()
    for i in range(6):
        torch.testing.assert_close(g(z)[i : i + 1], g(z[i : i + 1]))
        torch.testing.assert_close(d(g(z))[i : i + 1], d(g(z[i : i + 1])))


def test_an_image_is_laid_out_as_its_pixels_in_order() -> None:
    d = discriminator((1, 2, 3), hidden=[1])
    first = next(m for m in d.modules() if isinstance(m, nn.Linear))
    for position in range(6):
        with torch.no_grad():
            first.weight.copy_(torch.eye(6)[position])
            first.bias.zero_()
        pixel = torch.zeros(1, 1, 2, 3, requires_grad=True)
        d(pixel).sum().backward()
        assert pixel.grad is not None
        assert pixel.grad.flatten().nonzero().flatten().tolist() == [position]


def test_forward_leaves_its_input_alone() -> None:
    z, images = torch.randn(4, 3), torch.randn(4, 1, 5, 7)
    kept_z, kept_images = z.clone(), images.clone()
    generator()(z)
    discriminator()(images)
    assert torch.equal(z, kept_z)
    assert torch.equal(images, kept_images)


# inputs * outputs + outputs of each layer, of the networks that the tutorials' table describes
@pytest.mark.parametrize(
    ("experiment", "of_generator", "of_discriminator"),
    [
        ("udacity_mnist", 3_232 + 2_112 + 8_320 + 101_136, 100_480 + 8_256 + 2_080 + 33),
        ("kaggle_mnist", 12_928 + 33_024 + 201_488, 200_960 + 32_896 + 129),
        ("slides_mnist", 25_856 + 131_584 + 525_312 + 803_600, 803_840 + 524_800 + 131_328 + 257),
    ],
)
def test_networks_of_the_tutorials_have_as_many_parameters_as_their_table_says(
    compose_settings: Any, experiment: str, of_generator: int, of_discriminator: int
) -> None:
    g, d = build_networks(compose_settings(f"experiment={experiment}")).build((1, 28, 28), 10)
    assert parameters(g) == of_generator
    assert parameters(d) == of_discriminator


def test_widths_follow_the_setting_from_input_to_output() -> None:
    widths = [(m.in_features, m.out_features) for m in generator(hidden=[8, 16, 4]).modules() if type(m) is nn.Linear]
    assert widths == [(3, 8), (8, 16), (16, 4), (4, 35)]
    widths = [(m.in_features, m.out_features) for m in discriminator(hidden=[16, 8]).modules() if type(m) is nn.Linear]
    assert widths == [(35, 16), (16, 8), (8, 1)]


@pytest.mark.parametrize(("activation", "slope", "expected"), [("relu", 0.3, 0.0), ("leaky_relu", 0.3, 0.3)])
def test_activation_and_its_slope(activation: str, slope: float, expected: float) -> None:
    d = discriminator((1, 1, 1), hidden=[1], activation=activation, negative_slope=slope)
    with torch.no_grad():
        for p in d.parameters():
            p.fill_(1.0 if p.dim() == 2 else 0.0)
        logits = d(torch.tensor([2.0, -2.0]).view(2, 1, 1, 1))
    torch.testing.assert_close(logits, torch.tensor([2.0, -2.0 * expected]))


def test_unknown_activation_is_named() -> None:
    with pytest.raises(ValueError, match=r"^activation must be one of \('relu', 'leaky_relu'\), not 'gelu'$"):
        generator(activation="gelu")


@pytest.mark.parametrize(
    ("network", "inputs"),
    [(generator(**DROPPING), torch.ones(5, 3)), (discriminator(**DROPPING), torch.ones(5, 1, 5, 7))],
    ids=["generator", "discriminator"],
)
def test_dropout_works_in_training_mode_only(network: nn.Module, inputs: torch.Tensor) -> None:
    network.train()
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))


def test_dropout_stands_after_each_hidden_layer_with_its_probability() -> None:
    g, d = generator(hidden=[8, 4], dropout=0.3), discriminator(hidden=[8, 4], dropout=0.3)
    for network, layers in ((g, g.layers), (d, d.trunk.layers)):
        kinds = [type(layer).__name__ for layer in layers][:6]
        assert kinds == ["Linear", "LeakyReLU", "Dropout"] * 2
        assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.3, 0.3]


def test_without_dropout_there_is_no_layer_for_it_and_no_random_number_is_drawn() -> None:
    g, d = generator().train(), discriminator().train()
    assert not any(isinstance(layer, nn.Dropout) for layer in [*g.modules(), *d.modules()])
    before = torch.get_rng_state()
    d(g(torch.zeros(2, 3)))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_registry_is_closed() -> None:
    assert list(GENERATORS) == ["mlp", "dcgan", "resnet", "r3gan"]
    assert {family: option_class("model", family, "generator") for family in options("model")} == GENERATORS
    assert GENERATORS["mlp"] is MLPGenerator
    for name in ("os", "gan.game.networks.mlp.MLPGenerator", "MLP", ""):
        with pytest.raises(KeyError):
            build_generator(name, latent_dim=3, image_shape=(1, 5, 7), **PLAIN)


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="dropuot"):
        generator(dropuot=0.1)
    with pytest.raises(TypeError, match="dropuot"):
        discriminator(dropuot=0.1)


def test_normalisation_stands_before_each_activation_and_takes_the_place_of_the_bias() -> None:
    g = generator(hidden=[8, 4], normalization="batch")
    assert [type(layer).__name__ for layer in g.layers][:6] == ["Linear", "BatchNorm1d", "LeakyReLU"] * 2
    d = discriminator(hidden=[8, 4], normalization="layer")
    assert [type(layer).__name__ for layer in d.trunk.layers][:6] == ["Linear", "GroupNorm", "LeakyReLU"] * 2
    # 3 -> 8 -> 4 -> 35: weights, a scale and a shift for each hidden unit, one bias for each pixel
    assert parameters(g) == 3 * 8 + 2 * 8 + 8 * 4 + 2 * 4 + 4 * 35 + 35


def test_layer_normalisation_is_over_the_units_of_one_image() -> None:
    layer = next(m for m in discriminator(hidden=[6], normalization="layer").modules() if isinstance(m, nn.GroupNorm))
    x = torch.randn(4, 6)
    torch.testing.assert_close(layer(x), nn.functional.layer_norm(x, (6,)))


@pytest.mark.parametrize("network", [generator, discriminator])
def test_vectors_have_no_instance_normalisation(network: Any) -> None:
    with pytest.raises(ValueError, match=r"^normalization must be one of \('batch', .*'none'\), not 'instance'$"):
        network(normalization="instance")


def test_points_of_a_plane_are_images_of_two_channels_and_one_pixel() -> None:
    shape = (2, 1, 1)
    settings = {**PLAIN, "conditioning": "concat"}
    g = build_generator("mlp", latent_dim=3, image_shape=shape, num_classes=4, **settings)
    d = build_discriminator("mlp", image_shape=shape, num_classes=4, **settings)
    points = g(torch.randn(5, 3), torch.tensor([0, 1, 2, 3, 0]))
    assert points.shape == (5, 2, 1, 1)
    assert d(points, torch.tensor([0, 1, 2, 3, 0])).shape == (5,)


def test_the_seed_gives_the_weights_that_it_gave_before_there_were_heads() -> None:
    torch.manual_seed(3)
    d = discriminator(hidden=[6, 4])
    torch.manual_seed(3)
    plain = nn.Sequential(nn.Linear(35, 6), nn.Linear(6, 4), nn.Linear(4, 1))
    for ours, theirs in zip(d.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
