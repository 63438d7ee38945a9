"""What a bundle says of its generator: the format, its former versions, and the bounds of every value.

A bundle may come from anywhere, so nothing is believed: each value has a type and a range here, and these are checked
before anything of that size is made.
"""

import json
import math
import reprlib
from collections.abc import Mapping
from typing import Any

from gan.data.registry import POINT_SHAPE
from gan.game.latents import PRIORS, Prior
from gan.game.sizes import MAX_LENGTH, MAX_SETTING, MAX_WIDTH
from gan.system.errors import BundleError

FORMAT = 2
MAX_SIDE = 1024  # pixels; channels too
MAX_PIXELS = 4 * MAX_SIDE * MAX_SIDE  # values of one image

# The name of each value, with the rule that it keeps in words. What else is in the metadata is provenance, and free.
ALLOWED = {
    "family": "the name of a family of networks",
    "settings": f"names with plain values; numbers up to {MAX_SETTING}, in lists up to {MAX_WIDTH}",
    "prior": " or ".join(PRIORS),
    "latent_dim": f"1 … {MAX_WIDTH}",
    "codes": f"categorical (a list of 2 … {MAX_WIDTH}) and continuous (0 … {MAX_WIDTH})",
    "image_shape": f"channels, height and width, each 1 … {MAX_SIDE}, {MAX_PIXELS} values at most",
    "mean": "a finite number",
    "std": "a finite number above 0",
    "num_classes": f"0 … {MAX_WIDTH}",
    "points": "true if image_shape is [2, 1, 1], and false if not",
    "data": "a mapping; class_names is a list of printable words, as many as there are classes",
    "quality": "a mapping, or null",
}


def parse(text: str) -> dict[str, Any]:
    """The metadata in a bundle's JSON, as it was saved: any format that this version reads, values not yet checked.

    Raises:
        BundleError: it is not JSON, or of a format that this version does not read.
    """
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of more than 4300 digits
        raise BundleError(f"its metadata is not JSON: {error}") from error
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if type(found) is not int or not 1 <= found <= FORMAT:
        newer = "was made by a newer version: it is" if type(found) is int and found > FORMAT else "is"
        raise BundleError(f"this bundle {newer} of format {shown(found)}; this version reads 1 and {FORMAT}")
    assert isinstance(metadata, dict)
    return metadata


def migrate(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The same in today's format. Format 1 knew no classes, codes, points and measures."""
    if metadata["format"] == FORMAT:
        return dict(metadata)
    points = metadata.get("image_shape") == list(POINT_SHAPE)
    new_in_2 = {"num_classes": 0, "codes": {"categorical": [], "continuous": 0}, "points": points, "quality": None}
    return {**new_in_2, **metadata, "format": FORMAT}


def check(metadata: Mapping[str, Any]) -> None:
    """Hold every value that a generator is built and used with against its type and range.

    Raises:
        BundleError: the first value that does not fit: its name, what is there, what is allowed.
    """
    for name, rule in ALLOWED.items():
        value = metadata.get(name)
        if not _fits(name, value, metadata):
            raise BundleError(f"its metadata has {name} {shown(value)}; expected: {rule}")
    width = prior_of(metadata).width
    if width > MAX_WIDTH:
        raise BundleError(
            f"its metadata has latents of {width} components, codes included; at most {MAX_WIDTH} are read"
        )


def prior_of(metadata: Mapping[str, Any]) -> Prior:
    """What the generator's latents are drawn from; the metadata has passed ``check``."""
    codes = metadata["codes"]
    return Prior(metadata["prior"], metadata["latent_dim"], tuple(codes["categorical"]), codes["continuous"])


def class_names_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the data's classes, by label; none where they are not known."""
    return tuple((metadata.get("data") or {}).get("class_names") or ())


def _fits(name: str, value: Any, metadata: Mapping[str, Any]) -> bool:
    match name:
        case "family":
            return _is_word(value)
        case "settings":
            return isinstance(value, dict) and len(value) <= MAX_LENGTH and all(map(_is_setting, value.items()))
        case "prior":
            return value in PRIORS
        case "latent_dim":
            return _is_int(value, 1, MAX_WIDTH)
        case "codes":
            return _are_codes(value)
        case "image_shape":
            sides = isinstance(value, list) and len(value) == 3 and all(_is_int(side, 1, MAX_SIDE) for side in value)
            return sides and math.prod(value) <= MAX_PIXELS
        case "mean":
            return _is_finite(value)
        case "std":
            return _is_finite(value) and value > 0
        case "num_classes":
            return _is_int(value, 0, MAX_WIDTH)
        case "points":
            return value is (metadata["image_shape"] == list(POINT_SHAPE))
        case "data":
            return value is None or (isinstance(value, dict) and _are_class_names(value, metadata["num_classes"]))
    return value is None or isinstance(value, dict)


def _are_codes(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"categorical", "continuous"}:
        return False
    categorical = value["categorical"]
    return (
        isinstance(categorical, list)
        and len(categorical) <= MAX_LENGTH
        and all(_is_int(classes, 2, MAX_WIDTH) for classes in categorical)
        and _is_int(value["continuous"], 0, MAX_WIDTH)
    )


def _are_class_names(data: Mapping[str, Any], num_classes: int) -> bool:
    names = data.get("class_names") or []
    if not isinstance(names, list) or not all(map(_is_word, names)):
        return False
    return not names or num_classes in (0, len(names))


def _is_setting(item: tuple[str, Any]) -> bool:
    """A setting of a network: a plain value, or a list of such."""
    name, value = item
    if not name.isidentifier() or len(name) > MAX_LENGTH:
        return False
    if isinstance(value, list):
        return len(value) <= MAX_LENGTH and all(_is_plain(part, MAX_WIDTH) for part in value)
    return _is_plain(value, MAX_SETTING)


def _is_plain(value: Any, largest: int) -> bool:
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, str):
        return len(value) <= MAX_LENGTH and value.isprintable()
    return _is_finite(value) and abs(value) <= largest


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_LENGTH and value.isprintable()  # it will stand in messages


def _is_int(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_finite(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < 10**15  # so that it becomes a float without error
    return type(value) is float and math.isfinite(value)


def shown(value: Any) -> str:
    """The value for a message: on one line, printable, and not longer than a line should be."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxlong = 2, 60, 40
    return short.repr(value)
