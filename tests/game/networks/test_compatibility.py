"""Which settings of the networks fit each other: known without a network, and what is said to the user."""

from typing import Any

import pytest
from option_classes import FAMILIES

from gan.game.networks import GENERATORS, problems

UNCONDITIONAL = {"conditioning": "none"}
G = {"normalization": "batch", "conditioning": "none"}


def found(
    family: str = "dcgan",
    shape: tuple[int, int, int] | None = (1, 28, 28),
    generator: dict[str, Any] = G,
    discriminator: dict[str, Any] = UNCONDITIONAL,
    num_classes: int | None = 10,
) -> list[str]:
    return list(problems(family, GENERATORS[family].sizes, shape, generator, discriminator, num_classes))


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_wrong_with_the_defaults(family: str) -> None:
    assert found(family) == []
    assert found(family, num_classes=0) == []
    assert found(family, None, {}, {}, None) == []


@pytest.mark.parametrize("size", [9, 18, 30, 33])
def test_sizes_that_dcgan_cannot_halve(size: int) -> None:
    near = {9: 8, 18: 16, 30: 28, 33: 32}[size]
    message = f"data.image_size: {size} given, dcgan needs 4, 5, 6 or 7 times a power of two (16, 20, 24, 28, 32, …)"
    message += f"; the nearest: data.image_size={near}"
    assert found(shape=(3, size, size)) == [message]
    assert found("resnet", (3, size, size)) == []
    assert found("r3gan", (3, size, size)) == []


def test_what_is_too_small_for_convolutions_and_not_for_mlp() -> None:
    for family in ("resnet", "r3gan"):
        assert found(family, (2, 1, 1)) == [
            f"data.image_size: 1 given, {family} needs 8 or more; the nearest: data.image_size=8"
        ]
    assert found("mlp", (2, 1, 1)) == []


def test_convolutions_want_squares() -> None:
    message = "model: 'dcgan' given, which needs square images (height 28, width 32 given)"
    assert found(shape=(1, 28, 32)) == [message]
    assert found("mlp", (1, 28, 32)) == []


def test_conditional_batch_normalisation_needs_batch_normalisation() -> None:
    message = (
        "model.generator.conditioning: 'batch_norm' given, which needs model.generator.normalization=batch "
        "('none' given)"
    )
    wrong = {"normalization": "none", "conditioning": "batch_norm"}
    assert found(generator=wrong, discriminator={"conditioning": "projection"}) == [message]
    assert found(generator={**wrong, "normalization": "batch"}, discriminator={"conditioning": "projection"}) == []
    assert found("mlp", generator=wrong, discriminator={"conditioning": "concat"}) == [message]


@pytest.mark.parametrize("of_discriminator", ["concat", "projection", "auxiliary", "projection_twin"])
def test_both_networks_know_the_class_or_neither(of_discriminator: str) -> None:
    conditional = {"conditioning": of_discriminator}
    assert found(discriminator=conditional) == [
        f"model.generator.conditioning: 'none' given, and model.discriminator.conditioning={of_discriminator} needs a "
        "generator that uses the class"
    ]
    assert found(generator={**G, "conditioning": "concat"}) == [
        "model.discriminator.conditioning: 'none' given, and model.generator.conditioning=concat needs a discriminator "
        "that uses the class"
    ]
    assert found(generator={**G, "conditioning": "concat"}, discriminator=conditional) == []


def test_conditional_networks_need_classes() -> None:
    conditional: dict[str, Any] = {
        "generator": {**G, "conditioning": "concat"},
        "discriminator": {"conditioning": "auxiliary"},
    }
    assert found(**conditional, num_classes=0) == [
        "model.generator.conditioning: 'concat' given, which needs data with classes (these have none); "
        "model.clusters=20 finds clusters and uses them as classes",
        "model.discriminator.conditioning: 'auxiliary' given, which needs data with classes (these have none); "
        "model.clusters=20 finds clusters and uses them as classes",
    ]
    assert found(**conditional, num_classes=None) == []


def test_all_that_is_wrong_is_said() -> None:
    wrong = {"normalization": "none", "conditioning": "batch_norm"}
    assert len(found("dcgan", (1, 30, 30), wrong, UNCONDITIONAL, 10)) == 3
