"""Constraints between settings of different nodes, each with its reason."""

from collections.abc import Iterator, Mapping
from typing import Any

from gan.data.registry import TOY_DISTRIBUTIONS, known_shape
from gan.game import networks
from gan.game.losses import OBJECTIVES
from gan.system.errors import DataError

Settings = Mapping[str, Any]

NEEDS_LIPSCHITZ = ("wasserstein",)
GRADIENT_PENALTIES = ("gradient_penalty", "dragan", "r1", "r2", "r1_r2")


def violated_constraints(settings: Settings) -> Iterator[str]:
    """One message for each violated constraint, for settings whose nodes are valid."""
    try:
        known_shape(settings["data"])
    except DataError as error:  # a setting of another data set: `data.of` for MNIST
        yield str(error)
        return
    for rule in (_architecture, _objective, _penalty, _augmentation, _updates):
        yield from rule(settings)


def _architecture(settings: Settings) -> Iterator[str]:
    """Compatibility of image size, classes and networks."""
    model, data = settings["model"], settings["data"]
    if data["name"] in TOY_DISTRIBUTIONS and model["name"] != "mlp":
        yield f"model.name: '{model['name']}' given, and data={data['name']} are points, not pictures; mlp expected"
        return
    shape, classes = known_shape(data)
    yield from networks.problems(model["name"], shape, model["generator"], model["discriminator"], classes)


def _objective(settings: Settings) -> Iterator[str]:
    node = settings["objective"]
    name, objective = node["name"], OBJECTIVES[node["name"]]
    if node["real_target"] != 1 and not objective.smooths:
        smoothing = ", ".join(sorted(other for other, known in OBJECTIVES.items() if known.smooths))
        yield (
            f"objective.real_target: {node['real_target']} given, and '{name}' has no target to smooth; "
            f"1.0 expected, or an objective that has one: {smoothing}"
        )
    regularized = settings["penalty"]["name"] != "none" or settings["model"]["discriminator"].get("spectral_norm")
    if name in NEEDS_LIPSCHITZ and not regularized:
        yield (
            f"objective.name: '{name}' given, whose discriminator must not be arbitrarily steep; add "
            "penalty=gradient_penalty, penalty=clipping or model.discriminator.spectral_norm=true"
        )


def _penalty(settings: Settings) -> Iterator[str]:
    name, discriminator = settings["penalty"]["name"], settings["model"]["discriminator"]
    if name in GRADIENT_PENALTIES and discriminator.get("normalization") == "batch":
        yield (
            f"penalty.name: '{name}' given, which looks at the gradient for one image, and with "
            "model.discriminator.normalization=batch every image's logit depends on all of them; "
            "model.discriminator.normalization=none or instance expected"
        )
    if name == "clipping" and discriminator.get("spectral_norm"):
        yield (
            "penalty.name: 'clipping' given, and model.discriminator.spectral_norm=true rescales what is clipped; "
            "one of the two expected"
        )


def _augmentation(settings: Settings) -> Iterator[str]:
    name, data, objective = (settings[group]["name"] for group in ("augmentation", "data", "objective"))
    if name != "none" and data in TOY_DISTRIBUTIONS:
        yield f"augmentation.name: '{name}' given, and data={data} are points, not pictures; augmentation=none expected"
    if name == "adaptive" and OBJECTIVES[objective].boundary is None:
        bounded = ", ".join(other for other, known in OBJECTIVES.items() if known.boundary is not None)
        yield (
            f"augmentation.name: 'adaptive' given, which asks how often D takes real images for real, and by objective="
            f"{objective} logits have no zero; augmentation=diffaugment expected, or one of the objectives {bounded}"
        )


def _updates(settings: Settings) -> Iterator[str]:
    optimizer, batch_size = settings["optimizer"], settings["data"]["batch_size"]
    for network in ("discriminator", "generator"):
        local = optimizer.get(network) or {}
        path = f"optimizer.{network}.accumulate" if "accumulate" in local else "optimizer.accumulate"
        parts = local.get("accumulate", optimizer.get("accumulate", 1))
        if parts > batch_size:
            yield f"{path}: {parts} given, and data.batch_size={batch_size} cannot be cut into more than {batch_size}"
        elif parts > 1 and OBJECTIVES[settings["objective"]["name"]].batch_coupled:
            yield (
                f"{path}: {parts} given, and '{settings['objective']['name']}' compares every image with the whole "
                "minibatch, which cannot be cut; 1 expected"
            )
        elif parts > 1 and settings["schedule"].get("reuse_fakes"):
            reason = "schedule.reuse_fakes=true keeps the fakes of a whole minibatch"
            yield f"{path}: {parts} given, and {reason}; 1 expected"
