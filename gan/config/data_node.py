"""The `data` node: of `gan.ImageData`, or of a function or a dataset class of the user's own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gan.config.kinds import (
    GIVEN,
    HYDRA_KEYS,
    NotFound,
    argument_problems,
    find,
    given_arguments,
    is_a,
    is_node,
    kind,
    locate,
    missing_arguments,
    node_problems,
)
from gan.data.registry import SHARED, divided
from gan.system.errors import unknown_keys
from gan.system.trust import OWN_PACKAGES, is_below
from gan.system.value_types import hints_of, parameters_of


def custom_source(node: Any) -> Callable[..., Any] | None:
    """What a `data` node calls for its images, if that is not `gan.ImageData`, a class made from it or ours."""
    if not (is_node(node) and isinstance(node["_target_"], str)) or is_below(node["_target_"], OWN_PACKAGES):
        return None
    called = locate(node["_target_"])
    return None if called is None or is_a(called, [kind("data")]) else called


def image_settings(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of a `data` node that are those of `gan.ImageData`: without those of a source of the user's own."""
    return divided(node)[0] if custom_source(node) else node


def data_problems(node: Any) -> Iterator[str]:
    """Problems of the images: of a node of `gan.ImageData`, or of a function or a dataset class of the user's own."""
    target = node["_target_"] if is_node(node) else None
    if not isinstance(target, str) or is_below(target, OWN_PACKAGES):
        yield from _own_problems(node)
        return
    try:
        find(target)
    except NotFound as error:
        yield f"data._target_: {error}"
        return
    called = custom_source(node)
    if called is None:
        yield from _own_problems(node)
        return
    own_names = [name for name in parameters_of(called) if name not in SHARED]
    shared, own = divided(given_arguments(node))
    yield from unknown_keys("data", node, [*own_names, *SHARED, *HYDRA_KEYS, "_target_"])
    for settings, hints in ((shared, hints_of(kind("data"))), (own, hints_of(called))):
        for name, value in settings.items():
            if name in SHARED or name in own_names:
                yield from argument_problems(f"data.{name}", value, hints.get(name, Any))
    yield from missing_arguments("data", node, SHARED)


def _own_problems(node: Any) -> Iterator[str]:
    yield from node_problems("data", node, [kind("data")], given=GIVEN["data"])
    yield from missing_arguments("data", node, GIVEN["data"])
