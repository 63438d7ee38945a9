"""What holds for every family, with whatever settings it has."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from option_classes import FAMILIES, build_discriminator, build_generator, option_class, option_file
from torch import Tensor, nn

from gan.config.kinds import GIVEN, given_arguments
from gan.game.networks import GENERATORS, Discriminator, problems
from gan.game.networks.generator import CONDITIONINGS
from gan.game.networks.layers import NORMALIZATIONS
from gan.system.value_types import choices_of, hints_of, parameters_of

SMALL: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": [8]},
    "dcgan": {"base_channels": 4},
    "resnet": {"base_channels": 4},
    "r3gan": {"base_channels": 4},
}
FAMILY = pytest.mark.parametrize("family", FAMILIES)
SHAPE = (1, 16, 16)
CLASSES = 3
LABELS = torch.tensor([0, 1, 2, 0, 1])


def choices(family: str, network: str) -> dict[str, tuple[str, ...]]:
    """The settings of a network with the words that their type hints allow, () for other values."""
    of = option_class("model", family, network)
    hints = hints_of(of)
    return {name: choices_of(hints[name]) for name in parameters_of(of) if name not in GIVEN[f"model.{network}"]}


def combinations(family: str, network: str) -> Iterator[dict[str, Any]]:
    """All settings that the type hints allow, with spectral normalisation and without."""
    known = choices(family, network)
    ranges: dict[str, tuple[Any, ...]] = {
        name: values for name, values in known.items() if values and name != "activation"
    }
    assert "conditioning" in ranges
    if "spectral_norm" in known:
        ranges["spectral_norm"] = (False, True)
    for values in itertools.product(*ranges.values()):
        yield {**SMALL[family], **dict(zip(ranges, values, strict=True))}


def discriminator(family: str, **settings: Any) -> Discriminator:
    torch.manual_seed(0)
    return build_discriminator(family, image_shape=SHAPE, num_classes=CLASSES, **{**SMALL[family], **settings})


def check_gradients(network: nn.Module) -> None:
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@FAMILY
def test_every_generator_that_is_allowed_learns_and_the_others_are_refused(family: str) -> None:
    for settings in combinations(family, "generator"):
        conditioning = settings["conditioning"]
        of_discriminator = {"conditioning": "none" if conditioning == "none" else "projection"}
        arguments = {"latent_dim": 4, "image_shape": SHAPE, "num_classes": CLASSES, **settings}
        if list(problems(family, GENERATORS[family].sizes, SHAPE, settings, of_discriminator, CLASSES)):
            with pytest.raises(ValueError, match="batch_norm"):
                build_generator(family, **arguments)
            continue
        g = build_generator(family, **arguments)
        images = g(torch.randn(5, 4), LABELS)
        assert images.shape == (5, *SHAPE)
        images.square().sum().backward()
        check_gradients(g)


@FAMILY
def test_every_discriminator_that_the_choices_allow_learns(family: str) -> None:
    for settings in combinations(family, "discriminator"):
        d = discriminator(family, **settings, categorical_codes=(2,), continuous_codes=1)
        output = d.discriminate(torch.randn(5, *SHAPE), LABELS)
        said = [output.logits, *output.code_logits, output.code_means, output.class_logits, output.twin_class_logits]
        sum(part.sum() for part in said if part is not None).backward()  # type: ignore[union-attr]
        check_gradients(d)


def slope(d: Discriminator, images: Tensor) -> Tensor:
    """What R1 looks at: the squared gradients of the logits with respect to the images."""
    images = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(d(images, LABELS).sum(), images, create_graph=True)
    return gradient.square().sum()


def moved(d: Discriminator, step: list[Tensor], by: float) -> Discriminator:
    copied = copy.deepcopy(d)
    with torch.no_grad():
        for parameter, change in zip(copied.parameters(), step, strict=True):
            parameter.add_(by * change)
    return copied


@FAMILY
def test_penalties_on_gradients_have_the_right_gradient_themselves(family: str) -> None:
    images = torch.randn(5, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for settings in combinations(family, "discriminator"):
        if settings.get("normalization") == "batch":
            continue
        d = discriminator(family, **settings).double().eval()  # spectral norm's estimate stays as it is
        with torch.no_grad():
            for parameter in d.parameters():  # away from weights that are 0 at first
                parameter.add_(0.05 * torch.randn_like(parameter))
        slope(d, images).backward()
        step = [torch.randn_like(parameter) for parameter in d.parameters()]
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in d.parameters()]
        along = torch.stack([(s * g).sum() for s, g in zip(step, gradients, strict=True)]).sum()
        ahead, behind = (slope(moved(d, step, by), images).detach() for by in (1e-8, -1e-8))  # no kink lies so near
        torch.testing.assert_close((ahead - behind) / 2e-8, along, rtol=1e-3, atol=1e-5)


@FAMILY
def test_in_evaluation_nothing_is_random_and_nothing_changes(family: str) -> None:
    g = build_generator(family, latent_dim=4, image_shape=SHAPE, **SMALL[family])
    settings = {} if family == "r3gan" else {"spectral_norm": True}
    d = discriminator(family, dropout=0.5, **settings)
    for network, inputs in ((g, torch.randn(5, 4)), (d, torch.randn(5, *SHAPE))):
        network.eval()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        assert torch.equal(network(inputs), network(inputs))
        assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


@FAMILY
def test_dropout_of_a_discriminator_works_in_training(family: str) -> None:
    d = discriminator(family, dropout=0.5)
    for parameter in d.parameters():
        if not parameter.any():
            nn.init.normal_(parameter)
    images = torch.randn(5, *SHAPE)
    assert not torch.equal(d(images), d(images))
    assert sum(isinstance(m, nn.Dropout) for m in d.modules()) > 0
    assert not any(isinstance(m, nn.Dropout) for m in discriminator(family).modules())


@FAMILY
def test_every_image_is_judged_by_itself_but_for_batch_normalisation(family: str) -> None:
    for settings in combinations(family, "discriminator"):
        if settings.get("normalization") == "batch":
            continue
        d = discriminator(family, **settings).eval()
        images = torch.randn(5, *SHAPE)
        torch.testing.assert_close(d(images[:2], LABELS[:2]), d(images, LABELS)[:2], rtol=1e-4, atol=1e-5)


@FAMILY
def test_networks_can_be_copied_and_restored(family: str) -> None:
    conditioning = "concat" if family == "r3gan" else "batch_norm"
    of_generator = {"conditioning": conditioning, **({} if family == "r3gan" else {"normalization": "batch"})}
    of_discriminator = {"conditioning": "projection", **({} if family == "r3gan" else {"spectral_norm": True})}

    def built() -> tuple[nn.Module, nn.Module]:
        arguments = {"latent_dim": 4, "image_shape": SHAPE, "num_classes": CLASSES, **SMALL[family]}
        g = build_generator(family, **{**arguments, **of_generator})
        return g, build_discriminator(
            family, image_shape=SHAPE, num_classes=CLASSES, **SMALL[family], **of_discriminator
        )

    for original, other, inputs in zip(built(), built(), (torch.randn(5, 4), torch.randn(5, *SHAPE)), strict=True):
        original(inputs, LABELS)
        copied = copy.deepcopy(original)
        other.load_state_dict(original.state_dict())
        for network in (original, copied, other):
            network.eval()
        expected = original(inputs, LABELS)
        assert torch.equal(copied(inputs, LABELS), expected)
        assert torch.equal(other(inputs, LABELS), expected)
        assert not {id(p) for p in copied.parameters()} & {id(p) for p in original.parameters()}


@FAMILY
def test_a_generator_can_be_built_without_memory_and_given_its_weights(family: str) -> None:
    arguments = {"latent_dim": 4, "image_shape": SHAPE, **SMALL[family]}
    trained = build_generator(family, **arguments).eval()
    with torch.device("meta"):
        empty = build_generator(family, **arguments).eval()
    empty.load_state_dict(trained.state_dict(), assign=True)
    z = torch.randn(3, 4)
    assert torch.equal(empty(z), trained(z))


@FAMILY
def test_inputs_are_left_alone(family: str) -> None:
    g = build_generator(family, latent_dim=4, image_shape=SHAPE, **SMALL[family])
    for network, inputs in ((g, torch.randn(5, 4)), (discriminator(family), torch.randn(5, *SHAPE))):
        kept = inputs.clone()
        network(inputs)
        assert torch.equal(inputs, kept)


@FAMILY
def test_a_misspelt_setting_is_refused(family: str) -> None:
    with pytest.raises(TypeError, match="conditionning"):
        build_generator(family, latent_dim=4, image_shape=SHAPE, **SMALL[family], conditionning="none")
    with pytest.raises(TypeError, match="spectral_nrom"):
        discriminator(family, spectral_nrom=True)


@FAMILY
def test_what_is_not_among_the_choices_is_refused(family: str) -> None:
    for network in ("generator", "discriminator"):
        allowed = choices(family, network)
        for name, known in (("normalization", NORMALIZATIONS), ("conditioning", (*CONDITIONINGS, "projection"))):
            if name not in allowed:
                continue
            for wrong in {*known, "no such thing"} - set(allowed[name]):
                with pytest.raises(ValueError, match=f"not '{wrong}'$|not 'none'$"):
                    if network == "generator":
                        arguments = {"latent_dim": 4, "image_shape": SHAPE, "num_classes": CLASSES, name: wrong}
                        build_generator(family, **SMALL[family], **arguments)
                    else:
                        discriminator(family, **{name: wrong})


@FAMILY
def test_the_option_file_gives_networks_that_fit_each_other(family: str) -> None:
    node = option_file("model", family)
    g = build_generator(family, latent_dim=node["latent_dim"], image_shape=SHAPE, **given_arguments(node["generator"]))
    d = build_discriminator(family, image_shape=SHAPE, **given_arguments(node["discriminator"]))
    assert d(g(torch.randn(2, node["latent_dim"]))).shape == (2,)
