"""Compatibility of the networks' settings with each other and with the images, checked before networks are built."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan.game.sizes import ImageSizes

Settings = Mapping[str, Any]
Shape = tuple[int, int, int]


def problems(
    name: str,
    sizes: ImageSizes | None,
    image_shape: Shape | None,
    generator: Settings,
    discriminator: Settings,
    num_classes: int | None,
) -> Iterator[str]:
    """One message for each contradiction. Every setting is valid by itself.

    Args:
        name: name of the networks, for messages.
        sizes: the image sizes of the generator's class; None for any image.
        image_shape: (C, H, W), or None if unknown.
        generator, discriminator: settings of the two networks, as under ``model``, with all defaults.
        num_classes: classes of the data; 0 for none, None if unknown.
    """
    if image_shape is not None and sizes is not None:
        yield from _size_problems(name, sizes, image_shape)
    if "conditioning" in generator and "conditioning" in discriminator:
        yield from _class_problems(generator, discriminator, num_classes)
    if generator.get("conditioning") == "batch_norm" and generator.get("normalization") != "batch":
        yield (
            "model.generator.conditioning: 'batch_norm' given, which needs model.generator.normalization=batch "
            f"('{generator.get('normalization')}' given)"
        )


def _size_problems(name: str, sizes: ImageSizes, image_shape: Shape) -> Iterator[str]:
    _, height, width = image_shape
    if height != width:
        yield f"model: '{name}' given, which needs square images (height {height}, width {width} given)"
        return
    try:
        sizes.check(height)
    except ValueError:
        yield f"data.image_size: {height} given, {name} {sizes.rule}"


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
