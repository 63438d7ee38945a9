"""Metadata of a bundle: format, migration of earlier formats, and the type and range of every value.

A bundle may come from anywhere, so types and ranges are checked before anything of that size is allocated.
"""

import json
import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from gan.data.registry import POINT_SHAPE
from gan.game.latents import PRIORS, Prior
from gan.game.sizes import MAX_LENGTH, MAX_SETTING, MAX_WIDTH
from gan.system.errors import BundleError

FORMAT = 2
MAX_SIDE = 1024  # pixels; channels too
MAX_PIXELS = 4 * MAX_SIDE * MAX_SIDE  # values of one image

# By name of the value: its rule for the message, and its check, which also gets the whole metadata. Everything else in
# the metadata is provenance and not checked.
RULES: dict[str, tuple[str, Callable[[Any, Mapping[str, Any]], bool]]] = {
    "family": ("the name of a family of networks", lambda value, _: _is_word(value)),
    "settings": (
        f"names with plain values; numbers up to {MAX_SETTING}, in lists up to {MAX_WIDTH}",
        lambda value, _: isinstance(value, dict) and len(value) <= MAX_LENGTH and all(map(_is_setting, value.items())),
    ),
    "prior": (" or ".join(PRIORS), lambda value, _: value in PRIORS),
    "latent_dim": (f"1 … {MAX_WIDTH}", lambda value, _: _is_int(value, 1, MAX_WIDTH)),
    "codes": (
        f"categorical (a list of 2 … {MAX_WIDTH}) and continuous (0 … {MAX_WIDTH})",
        lambda value, _: _are_codes(value),
    ),
    "clusters": (
        "the fractions of the training images in each cluster, which sum to 1, with categorical=[their number]",
        lambda value, metadata: value is None or _are_shares(value, metadata["codes"]),
    ),
    "image_shape": (
        f"channels, height and width, each 1 … {MAX_SIDE}, {MAX_PIXELS} values at most",
        lambda value, _: _are_ints(value, 1, MAX_SIDE) and len(value) == 3 and math.prod(value) <= MAX_PIXELS,
    ),
    "mean": ("a finite number", lambda value, _: _is_finite(value)),
    "std": ("a finite number above 0", lambda value, _: _is_finite(value) and value > 0),
    "num_classes": (f"0 … {MAX_WIDTH}", lambda value, _: _is_int(value, 0, MAX_WIDTH)),
    "points": (
        "true if image_shape is [2, 1, 1], and false if not",
        lambda value, metadata: value is (metadata["image_shape"] == list(POINT_SHAPE)),
    ),
    "data": (
        "a mapping; class_names is a list of printable words, as many as there are classes",
        lambda value, metadata: value is None or _has_class_names(value, metadata["num_classes"]),
    ),
    "quality": ("a mapping, or null", lambda value, _: value is None or isinstance(value, dict)),
}


def parse(text: str) -> dict[str, Any]:
    """The metadata in a bundle's JSON, in any format that this version reads; its values are not checked.

    Raises:
        BundleError: it is not JSON, or has a format that this version does not read.
    """
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of more than 4300 digits
        raise BundleError(f"its metadata is not JSON: {error}") from error
    found = metadata.get("format") if isinstance(metadata, dict) else None
    if type(found) is not int or not 1 <= found <= FORMAT:
        newer = "was made by a newer version: it has" if type(found) is int and found > FORMAT else "has"
        raise BundleError(f"this bundle {newer} format {shown(found)}; this version reads formats 1 and {FORMAT}")
    assert isinstance(metadata, dict)
    return metadata


def migrate(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata in the current format. Format 1 had no classes, codes, points and metrics."""
    if metadata["format"] == FORMAT:
        return dict(metadata)
    points = metadata.get("image_shape") == list(POINT_SHAPE)
    new_in_2 = {"num_classes": 0, "codes": {"categorical": [], "continuous": 0}, "points": points, "quality": None}
    return {**new_in_2, **metadata, "format": FORMAT}


def check(metadata: Mapping[str, Any]) -> None:
    """Check the type and range of every value that is used to build and use a generator.

    Raises:
        BundleError: with the name of the first invalid value, its value, and what is allowed.
    """
    for name, (rule, is_valid) in RULES.items():
        value = metadata.get(name)
        if not is_valid(value, metadata):
            raise BundleError(f"its metadata has {name} {shown(value)}; expected: {rule}")
    width = prior_of(metadata).width
    if width > MAX_WIDTH:
        raise BundleError(
            f"its metadata has latents of {width} components, codes included; at most {MAX_WIDTH} are read"
        )


def prior_of(metadata: Mapping[str, Any]) -> Prior:
    """The prior of the generator's latents; the metadata must have passed ``check``."""
    codes = metadata["codes"]
    shares = tuple(metadata.get("clusters") or ())
    return Prior(metadata["prior"], metadata["latent_dim"], tuple(codes["categorical"]), codes["continuous"], shares)


def data_name_of(metadata: Mapping[str, Any]) -> str:
    """The dataset that a generator was trained on; "" if unknown."""
    return str((metadata.get("data") or {}).get("name") or "")


def class_names_of(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the data's classes, by label; empty if unknown."""
    return tuple((metadata.get("data") or {}).get("class_names") or ())


def _are_codes(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"categorical", "continuous"}
        and _are_ints(value["categorical"], 2, MAX_WIDTH)
        and _is_int(value["continuous"], 0, MAX_WIDTH)
    )


def _are_shares(value: Any, codes: Mapping[str, Any]) -> bool:
    return (
        isinstance(value, list)
        and codes == {"categorical": [len(value)], "continuous": 0}
        and all(_is_finite(share) and share >= 0 for share in value)
        and abs(sum(value) - 1) <= 1e-6
    )


def _has_class_names(data: Any, num_classes: int) -> bool:
    names = (data.get("class_names") or []) if isinstance(data, dict) else None
    return isinstance(names, list) and all(map(_is_word, names)) and (not names or num_classes in (0, len(names)))


def _is_setting(item: tuple[str, Any]) -> bool:
    """Whether an item is a setting of a network: a plain value, or a list of plain values."""
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
    return isinstance(value, str) and 0 < len(value) <= MAX_LENGTH and value.isprintable()  # it is printed in messages


def _are_ints(value: Any, least: int, most: int) -> bool:
    return isinstance(value, list) and len(value) <= MAX_LENGTH and all(_is_int(item, least, most) for item in value)


def _is_int(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _is_finite(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < 10**15  # so that it becomes a float without error
    return type(value) is float and math.isfinite(value)


def shown(value: Any) -> str:
    """The value for a message: one printable line of limited length."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxlong = 2, 60, 40
    return short.repr(value)
