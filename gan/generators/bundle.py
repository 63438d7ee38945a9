"""Bundles: saving and loading a trained generator as one safe file.

A bundle is a safetensors file with the generator's weights. Its metadata, JSON under the key "gan", has the
architecture, prior, classes, image shape, normalisation, dataset and metrics. Loading runs no code from the file: the
family of networks is looked up by name in a closed registry, and must fit the weights. A network of the user's own is
named by its class, which is imported only if the user trusts its package. `bundle_file` reads and writes
the file, `bundle_metadata` checks formats and ranges, and loading returns a `TrainedGenerator`.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from gan.config.kinds import GIVEN, NotFound, find, is_a
from gan.data.registry import POINT_SHAPE
from gan.game.latents import Prior
from gan.game.networks import GENERATORS, build
from gan.game.networks.adapting import needs_labels, takes_labels
from gan.generators import bundle_file, bundle_metadata, bundle_path
from gan.generators.bundle_file import MAX_VALUES
from gan.generators.bundle_metadata import FORMAT, shown
from gan.generators.bundle_path import FILE_NAME
from gan.generators.trained_generator import TrainedGenerator
from gan.system.errors import BundleError
from gan.system.trust import OWN_PACKAGES, is_below, trusted
from gan.system.value_types import hints_of, parameters_of, problem

__all__ = ["FILE_NAME", "FORMAT", "TrainedGenerator", "add_quality", "describe", "load_generator", "save_bundle"]


def describe(
    family: str,
    settings: Mapping[str, Any],
    *,
    prior: Prior,
    image_shape: tuple[int, int, int],
    mean: float,
    std: float,
    num_classes: int = 0,
    quality: Mapping[str, Any] | None = None,
    **provenance: Any,
) -> dict[str, Any]:
    """The metadata of a bundle: what is needed to rebuild and use a generator, and its origin (``provenance``).

    Args:
        settings: settings of the family's generator in plain values, the arguments of its class.
        image_shape: (C, H, W); (2, 1, 1) for 2-D points, which are floats and not pixels.
        num_classes: classes of the generator's labels; 0 for an unconditional generator, whatever its data have.
        quality: metrics of its images, if known: see `add_quality`.
        provenance: ``data`` with ``class_names``, ``trained``, …
    """
    return {
        "format": FORMAT,
        "family": family,
        "settings": dict(settings),
        "prior": prior.name,
        "latent_dim": prior.latent_dim,
        "codes": {"categorical": list(prior.categorical), "continuous": prior.continuous},
        **({"clusters": list(prior.shares)} if prior.clusters else {}),
        "image_shape": list(image_shape),
        "mean": mean,
        "std": std,
        "num_classes": num_classes,
        "points": tuple(image_shape) == POINT_SHAPE,
        "quality": quality,
        **provenance,
    }


def family_of(target: str) -> str:
    """The ``family`` of a bundle: the name of one of our families, or the dotted name of the user's class."""
    cls = find(target)
    return next((family for family, known in GENERATORS.items() if known is cls), target)


def save_bundle(path: Path, generator: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write a bundle atomically.

    Raises:
        BundleError: a value is out of its range, so that `load_generator` would refuse the bundle.
    """
    with _named(path):
        bundle_metadata.check(metadata)
        _check_classes(generator, metadata)
        _check_finite(generator.state_dict())
    bundle_file.write(path, generator.state_dict(), metadata)


def load_generator(path: str | Path, trust: Sequence[str] = ()) -> TrainedGenerator:
    """Load the generator of a bundle or a run folder, ready for sampling, on the CPU.

    The file may come from anywhere: no code in it is run, and sizes are checked before anything is allocated.

    Args:
        trust: packages from which the class of the network may be imported, as ["mypkg"], in addition to gan, lightning
            and torch, and to the packages in the environment variable GAN_TRUST.

    Raises:
        BundleError: the file does not exist, is not a complete bundle in a format of this version, or needs a class of
            a package that is not trusted.
    """
    path = bundle_path.find(Path(path))
    with _named(path):
        tensors, metadata = _read(path)
        return TrainedGenerator(_network(metadata, tensors, trusted(trust)), metadata)


def add_quality(path: str | Path, quality: Mapping[str, Any]) -> None:
    """Replace the metrics in a bundle; the weights do not change.

    Args:
        quality: by name, in plain values: the metrics, the number of images, the extractor.

    Raises:
        BundleError: see `load_generator`.
    """
    path = bundle_path.find(Path(path))
    with _named(path):
        tensors, metadata = _read(path)
    bundle_file.write(path, tensors, {**metadata, "quality": dict(quality)})


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the path before the message of a BundleError."""
    try:
        yield
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the checked metadata of a bundle's file, in the current format."""
    tensors, saved = bundle_file.read(path)
    metadata = bundle_metadata.migrate(saved)
    bundle_metadata.check(metadata)
    _check_finite(tensors)
    return tensors, metadata


def _check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise BundleError if a weight is NaN or infinite: otherwise all images would be black, without a message."""
    bad = {name: int((~tensor.isfinite()).sum()) for name, tensor in tensors.items() if tensor.is_floating_point()}
    bad = {name: count for name, count in bad.items() if count}
    if bad:
        raise BundleError(
            f"{sum(bad.values()):,} of its weights are not finite, the first in {shown(next(iter(bad)))}: its training "
            "diverged, so it cannot generate images"
        )


def _network(metadata: Mapping[str, Any], tensors: Mapping[str, Tensor], packages: Sequence[str]) -> nn.Module:
    """The generator of the metadata with the file's weights.

    It is built on torch's meta device, without memory, compared with the weights, and then gets them. So the state_dict
    of a family must be complete: a buffer outside of it would have no values.
    """
    constructor = _constructor(metadata["family"], packages)
    _check_settings(constructor, metadata["settings"])
    prior = bundle_metadata.prior_of(metadata)
    try:
        with torch.device("meta"), _Unfilled():
            generator = build(
                functools.partial(constructor, **metadata["settings"]),
                latent_dim=prior.width,
                clusters=prior.clusters,
                image_shape=tuple(metadata["image_shape"]),
                num_classes=metadata["num_classes"],
            )
        expected = generator.state_dict()
    except Exception as error:  # any error of a network for settings that were not validated
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise BundleError(f"the architecture in its metadata cannot be built: {reason}") from error
    _check_classes(generator, metadata)
    _compare(expected, tensors)
    generator.load_state_dict({name: tensors[name].to(meta.dtype) for name, meta in expected.items()}, assign=True)
    return generator


def _check_settings(constructor: Callable[..., nn.Module], settings: Mapping[str, Any]) -> None:
    """Check the settings against the constructor's type hints, as for a run."""
    if twice := next((name for name in GIVEN["model.generator"] if name in settings), None):
        raise BundleError(
            f"the architecture in its metadata cannot be built: settings.{twice} given, which is no setting"
        )
    hints, known = hints_of(constructor), parameters_of(constructor)
    for name, value in settings.items():
        if name in known and name in hints and (found := problem(f"settings.{name}", value, hints[name])):
            raise BundleError(found.replace(repr(value), shown(value)))


def _constructor(family: str, packages: Sequence[str]) -> Callable[..., nn.Module]:
    """The class of a bundle's network; one that is not ours is imported only from a trusted package."""
    if family in GENERATORS:
        return GENERATORS[family]
    if "." not in family:
        raise BundleError(f"network family {family!r}; known: {', '.join(GENERATORS)}")
    if not is_below(family, (*OWN_PACKAGES, *packages)):
        package = family.split(".", maxsplit=1)[0]
        raise BundleError(
            f"its network is the class {family}, and a bundle imports only gan, lightning and torch, because it may "
            f"come from anyone; if you trust the code of {package}, add --trust {package}"
            f' (in Python: trust=["{package}"])'
        )
    try:
        found = find(family)
    except NotFound as error:
        raise BundleError(f"its network: {error}") from error
    if not is_a(found, [nn.Module]):
        raise BundleError(f"its network is {family}, which is not a torch.nn.Module")
    return found


def _check_classes(generator: nn.Module, metadata: Mapping[str, Any]) -> None:
    has_classes = metadata["num_classes"] > 0
    if not takes_labels(generator) if has_classes else needs_labels(generator):
        takes = "takes labels" if metadata["num_classes"] == 0 else "takes no labels"
        raise BundleError(f"num_classes: {metadata['num_classes']} given, but the network {takes}")


class _Unfilled(TorchFunctionMode):
    """Skips the initialisation of weights on the meta device, which would take a second.

    (To fill a meta tensor with normal numbers, torch first imports its decompositions.)
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.randn:
            func = torch.empty
        if func in (torch.Tensor.normal_, nn.init.normal_):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _compare(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Compare the network's tensors, which are on the meta device, with the file's tensors."""
    fault = "the architecture in its metadata does not fit its weights: "
    if sum(tensor.numel() for tensor in expected.values()) > MAX_VALUES:
        raise BundleError(f"{fault}it has more than {MAX_VALUES} values")
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise BundleError(f"{fault}the file has no {name}")
        if name not in expected:
            raise BundleError(f"{fault}the network has no {name[:100]!r}")
        here, there = expected[name], found[name]
        if here.shape != there.shape or here.is_floating_point() != there.is_floating_point():
            raise BundleError(f"{fault}{name} is {_shape(there)} in the file, {_shape(here)} in the network")


def _shape(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
