"""Constraints between settings of different nodes, each with its reason."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gan.config.data_node import image_settings
from gan.config.defaults import with_defaults
from gan.config.kinds import NONE, locate
from gan.config.option_names import option_name, options_by_target
from gan.data.registry import TOY_DISTRIBUTIONS, known_shape
from gan.game import networks
from gan.system.errors import DataError

Settings = Mapping[str, Any]


def violated_constraints(settings: Settings) -> Iterator[str]:
    """One message for each violated constraint, for settings whose nodes are valid."""
    settings = {**settings, "data": image_settings(settings["data"])}
    try:
        known_shape(settings["data"])
    except DataError as error:  # a setting of another data set: `data.of` for MNIST
        yield str(error)
        return
    for rule in (_architecture, _objective, _penalty, _augmentation, _updates, _length, _compiled):
        yield from rule(settings)


def _class(node: Mapping[str, Any]) -> Callable[..., Any]:
    found = locate(node["_target_"])
    assert found is not None
    return found


def _architecture(settings: Settings) -> Iterator[str]:
    """Compatibility of image size, classes and networks."""
    model, data = settings["model"], settings["data"]
    name = option_name("model", model)
    sizes = getattr(_class(model["generator"]), "sizes", None)
    if data.get("name") in TOY_DISTRIBUTIONS and sizes is not None:
        yield f"model: '{name}' given, and data={data['name']} has 2-D points, not images; model=mlp expected"
        return
    yield from network_problems(model, *known_shape(data))
    clusters = model.get("clusters", 0)
    codes = model.get("codes", {})
    if clusters and (codes.get("categorical") or codes.get("continuous")):
        yield f"model.clusters: {clusters} given, and model.codes are given too; one of the two expected"
    if model.get("freeze_d") and model.get("init_from") is None:
        yield (
            f"model.freeze_d: {model['freeze_d']} given, and the discriminator starts from random weights; "
            "model.init_from=RUN expected too"
        )
    if clusters == 1:
        yield "model.clusters: 1 given; 2 or more expected, or 0 for none"


def network_problems(model: Settings, shape: tuple[int, int, int] | None, classes: int | None) -> Iterator[str]:
    """One message for each contradiction of the networks and the images, as far as these are known."""
    generator, discriminator = with_defaults(model["generator"]), with_defaults(model["discriminator"])
    sizes, clusters = getattr(_class(model["generator"]), "sizes", None), model.get("clusters", 0)
    name = option_name("model", model)
    yield from networks.problems(name, sizes, shape, generator, discriminator, classes, clusters)


def _objective(settings: Settings) -> Iterator[str]:
    node, penalty = settings["objective"], _class(settings["penalty"])
    held = getattr(penalty, "bounds_slope", False) or settings["model"]["discriminator"].get("spectral_norm")
    if getattr(_class(node), "needs_lipschitz", False) and not held:
        yield (
            f"objective: '{option_name('objective', node)}' given, which needs a discriminator with a bounded "
            "gradient; add penalty=gradient_penalty, penalty=clipping or model.discriminator.spectral_norm=true"
        )


def _penalty(settings: Settings) -> Iterator[str]:
    node, discriminator = settings["penalty"], settings["model"]["discriminator"]
    name = option_name("penalty", node)
    if getattr(_class(node), "per_image", False) and discriminator.get("normalization") == "batch":
        yield (
            f"penalty: '{name}' given, which needs the gradient for each image separately, but with "
            "model.discriminator.normalization=batch each logit depends on the full minibatch; "
            "model.discriminator.normalization=none or instance expected"
        )
    if name == "clipping" and discriminator.get("spectral_norm"):
        yield (
            "penalty: 'clipping' given, and model.discriminator.spectral_norm=true rescales the clipped weights; "
            "one of the two expected"
        )


def _augmentation(settings: Settings) -> Iterator[str]:
    node, data, objective = settings["augmentation"], settings["data"].get("name"), settings["objective"]
    name = option_name("augmentation", node)
    if node["_target_"] != NONE and data in TOY_DISTRIBUTIONS:
        yield f"augmentation: '{name}' given, and data={data} has 2-D points, not images; augmentation=none expected"
    if getattr(_class(node), "needs_boundary", False) and getattr(_class(objective), "boundary", 0.0) is None:
        classes = {option: locate(target) for target, option in options_by_target("objective").items()}
        bounded = ", ".join(option for option, known in classes.items() if getattr(known, "boundary", None) is not None)
        yield (
            f"augmentation: '{name}' given, which counts how often D classifies real images as real, but with "
            f"objective={option_name('objective', objective)} a logit has no class boundary; augmentation=diffaugment "
            f"expected, or one of the objectives {bounded}"
        )


def _updates(settings: Settings) -> Iterator[str]:
    optimizer, batch_size = settings["optimizer"], settings["data"]["batch_size"]
    objective = settings["objective"]
    for network in ("discriminator", "generator"):
        local = optimizer.get(network) or {}
        path = f"optimizer.{network}.accumulate" if "accumulate" in local else "optimizer.accumulate"
        parts = local.get("accumulate", optimizer.get("accumulate", 1))
        if parts > batch_size:
            yield f"{path}: {parts} given, and data.batch_size={batch_size} cannot be split into more than {batch_size}"
        elif parts > 1 and getattr(_class(objective), "batch_coupled", False):
            yield (
                f"{path}: {parts} given, and '{option_name('objective', objective)}' compares every image with the "
                "full minibatch, which cannot be split; 1 expected"
            )
        elif parts > 1 and settings["schedule"].get("reuse_fakes"):
            reason = "schedule.reuse_fakes=true keeps the fakes of the full minibatch"
            yield f"{path}: {parts} given, and {reason}; 1 expected"


def _length(settings: Settings) -> Iterator[str]:
    node, trainer = settings["lr_schedule"], settings["trainer"]
    is_endless = trainer.get("max_epochs") in (None, -1) and trainer.get("max_steps") in (None, -1)
    if is_endless and getattr(_class(node), "needs_length", False):
        yield (
            f"lr_schedule: '{option_name('lr_schedule', node)}' given, which depends on the length of the run; "
            "trainer.max_epochs or trainer.max_steps expected"
        )
    for unit in ("epochs", "steps"):
        least, most = trainer.get(f"min_{unit}"), trainer.get(f"max_{unit}")
        if least is not None and most not in (None, -1) and least > most:
            yield f"trainer.min_{unit}: {least} given, at most trainer.max_{unit}, {most}, expected"


def _compiled(settings: Settings) -> Iterator[str]:
    """What changes from update to update outside the compiled graphs, which then would be wrong."""
    compiled = settings["model"].get("compile")
    if not compiled:
        return
    trainer = settings["trainer"]
    for path, given, reason in (
        ("schedule.reuse_fakes", settings["schedule"].get("reuse_fakes"), "G would need the graph of D's update"),
        (
            "game.instance_noise.std",
            (settings["game"].get("instance_noise") or {}).get("std"),
            "the noise decreases with every update",
        ),
        ("trainer.profiler", trainer.get("profiler"), "a profiler needs hooks of the backward passes"),
        ("trainer.precision", trainer.get("precision") == "16-mixed", "float16 scales the loss before its gradients"),
    ):
        if given:
            yield f"model.compile: {compiled!r} given with {path}, and {reason}; model.compile=false expected"
