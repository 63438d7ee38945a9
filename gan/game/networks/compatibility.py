"""Which settings of the networks fit each other, and the images: known before a network is built."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gan.game.sizes import SMALLEST, pyramid, stages

Settings = Mapping[str, Any]
Shape = tuple[int, int, int]

# What each family's image size must be: a function that raises ValueError otherwise, and in words.
SIZES: dict[str, tuple[Callable[[int], object], str]] = {
    "dcgan": (stages, "needs 4, 5, 6 or 7 times a power of two (16, 28, 32, …)"),
    "resnet": (pyramid, f"needs {SMALLEST} or more"),
    "r3gan": (pyramid, f"needs {SMALLEST} or more"),
}


def problems(
    family: str, image_shape: Shape | None, generator: Settings, discriminator: Settings, num_classes: int | None
) -> Iterator[str]:
    """One message for each contradiction; each setting is valid by itself, and what is missing has its default.

    Args:
        family: of `gan.game.networks.FAMILIES`.
        image_shape: (C, H, W), or None where it is not known yet.
        generator, discriminator: settings of the two networks, as under ``model``.
        num_classes: of the data; 0 where it has no classes, None where that is not known yet.
    """
    yield from _size_problems(family, image_shape)
    yield from _class_problems(generator, discriminator, num_classes)
    normalization = generator.get("normalization", "none" if family == "mlp" else "batch")
    if generator.get("conditioning") == "batch_norm" and normalization != "batch":
        yield (
            "model.generator.conditioning: 'batch_norm' given, which needs model.generator.normalization=batch "
            f"('{normalization}' given)"
        )


def _size_problems(family: str, image_shape: Shape | None) -> Iterator[str]:
    if image_shape is None or family not in SIZES:
        return
    _, height, width = image_shape
    check, needs = SIZES[family]
    if height != width:
        yield f"model.name: '{family}' given, which needs square images (height {height}, width {width} given)"
        return
    try:
        check(height)
    except ValueError:
        yield f"data.image_size: {height} given, {family} {needs}"


def _class_problems(generator: Settings, discriminator: Settings, num_classes: int | None) -> Iterator[str]:
    of_generator, of_discriminator = generator.get("conditioning", "none"), discriminator.get("conditioning", "none")
    if num_classes == 0:
        for network, given in (("generator", of_generator), ("discriminator", of_discriminator)):
            if given != "none":
                yield f"model.{network}.conditioning: '{given}' given, which needs data with classes (these have none)"
    elif of_generator == "none" != of_discriminator:
        yield (
            "model.generator.conditioning: 'none' given, and model.discriminator.conditioning="
            f"{of_discriminator} needs a generator that knows the class"
        )
    elif of_discriminator == "none" != of_generator:
        yield (
            "model.discriminator.conditioning: 'none' given, and model.generator.conditioning="
            f"{of_generator} needs a discriminator that tells classes apart"
        )
