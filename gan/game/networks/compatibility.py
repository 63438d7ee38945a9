"""Compatibility of the networks' settings with each other and with the images, checked before networks are built."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan.game.sizes import MAX_SETTING, ImageSizes

Settings = Mapping[str, Any]
Shape = tuple[int, int, int]


def problems(
    name: str,
    sizes: ImageSizes | None,
    image_shape: Shape | None,
    generator: Settings,
    discriminator: Settings,
    num_classes: int | None,
    clusters: int = 0,
) -> Iterator[str]:
    """One message for each contradiction. Every setting is valid by itself.

    Args:
        name: name of the networks, for messages.
        sizes: the image sizes of the generator's class; None for any image.
        image_shape: (C, H, W), or None if unknown.
        generator, discriminator: settings of the two networks, as under ``model``, with all defaults.
        num_classes: classes of the data; 0 for none, None if unknown.
        clusters: clusters of the training images, which take the place of classes; 0 for none.
    """
    if image_shape is not None and sizes is not None:
        yield from _size_problems(name, sizes, image_shape)
    if "conditioning" in generator and "conditioning" in discriminator:
        yield from _class_problems(generator, discriminator, num_classes, clusters)
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
        near = f"; the nearest: data.image_size={_nearest(sizes, height)}"
        yield f"data.image_size: {height} given, {name} {sizes.rule}{near}"


def _nearest(sizes: ImageSizes, wanted: int) -> int:
    """The nearest size for which a network can be built, the smaller one of two."""
    for distance in range(1, wanted + MAX_SETTING):
        for size in (wanted - distance, wanted + distance):
            try:
                sizes.check(size)
            except ValueError:
                continue
            return size
    raise ValueError(f"no size near {wanted}")


def _class_problems(
    generator: Settings, discriminator: Settings, num_classes: int | None, clusters: int
) -> Iterator[str]:
    of_generator, of_discriminator = generator.get("conditioning", "none"), discriminator.get("conditioning", "none")
    if clusters:  # the generator has them in z
        if of_discriminator == "none":
            yield (
                f"model.clusters: {clusters} given, which needs a discriminator that knows the cluster: "
                "model.discriminator.conditioning=projection (or concat, auxiliary, projection_twin)"
            )
    elif num_classes == 0:
        for network, given in (("generator", of_generator), ("discriminator", of_discriminator)):
            if given != "none":
                yield (
                    f"model.{network}.conditioning: '{given}' given, which needs data with classes (these have none); "
                    "model.clusters=20 finds clusters and uses them as classes"
                )
    elif of_generator == "none" != of_discriminator:
        yield (
            "model.generator.conditioning: 'none' given, and model.discriminator.conditioning="
            f"{of_discriminator} needs a generator that uses the class"
        )
    elif of_discriminator == "none" != of_generator:
        yield (
            "model.discriminator.conditioning: 'none' given, and model.generator.conditioning="
            f"{of_generator} needs a discriminator that uses the class"
        )
