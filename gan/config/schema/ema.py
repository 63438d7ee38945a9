"""Settings of `ema`: the average of the generator."""

from dataclasses import dataclass

from gan.config.schema.fields import positive, setting


@dataclass(kw_only=True)
class NoEMAConfig:
    name: str = setting("no average: the generator itself makes the pictures", "none")


@dataclass(kw_only=True)
class StandardEMAConfig:
    name: str = setting("an exponential moving average of the generator makes the pictures", "standard")
    halflife_images: float = positive("real images after which half of the average is newer", 10_000)
    rampup: float | None = setting(
        "no longer a half-life than this share of the images seen so far; None: the same from the start",
        0.05,
        check=lambda x: x > 0,
        allowed="greater than 0, or null,",
    )


EMAS: dict[str, type] = {"none": NoEMAConfig, "standard": StandardEMAConfig}
