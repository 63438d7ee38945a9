"""From a valid configuration to the objects of a run."""

import functools
import logging
import os
import warnings
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as L
import torch
from hydra.utils import get_class, instantiate

from gan.config import NETWORKS
from gan.data.module import ImageData
from gan.losses import build_objective
from gan.module import GAN, OptimizerFactory
from gan.networks import build_discriminator, build_generator
from gan.parallel import GameDDP, process_count
from gan.schedules import SCHEDULES


def build_data(settings: Mapping[str, Any]) -> ImageData:
    """The data module, before it has looked for its files."""
    return ImageData(**settings["data"], seed=settings["seed"])


def build_game(settings: Mapping[str, Any], image_shape: tuple[int, int, int]) -> GAN:
    """The networks, with weights drawn from the run's seed, in their game."""
    L.seed_everything(settings["seed"], verbose=False)
    model, objective, schedule = settings["model"], settings["objective"], dict(settings["schedule"])
    generator = build_generator(
        model["name"], latent_dim=model["latent_dim"], image_shape=image_shape, **model["generator"]
    )
    discriminator = build_discriminator(model["name"], image_shape=image_shape, **model["discriminator"])
    return GAN(
        generator,
        discriminator,
        latent_dim=model["latent_dim"],
        prior=model["prior"],
        objective=build_objective(objective["name"], objective["real_target"]),
        concatenate=objective["concatenate"],
        schedule=SCHEDULES[schedule.pop("name")](**schedule),
        generator_optimizer=_optimizer(settings["optimizer"], "generator"),
        discriminator_optimizer=_optimizer(settings["optimizer"], "discriminator"),
        seed=settings["seed"],
        settings=dict(settings),
    )


def build_trainer(settings: Mapping[str, Any]) -> L.Trainer:
    """Lightning's Trainer with the callbacks and loggers of the configuration."""
    arguments = dict(settings["trainer"])
    if process_count(arguments["devices"], arguments["accelerator"]) * arguments["num_nodes"] > 1:
        arguments["strategy"] = GameDDP()
    elif arguments["strategy"] == "ddp":
        arguments["strategy"] = "auto"
    callbacks = [instantiate(node) for node in settings["callbacks"].values() if node]
    trainer: L.Trainer = instantiate(
        {"enable_checkpointing": _has_checkpoints(callbacks), "enable_progress_bar": _has_bar(callbacks), **arguments},
        callbacks=callbacks,
        logger=[instantiate(node) for node in settings["logger"].values() if node],
    )
    return trainer


def _optimizer(node: Mapping[str, Any], network: str) -> OptimizerFactory:
    """The factory of one network's optimizer: the shared settings, then those of that network alone."""
    arguments = {name: value for name, value in node.items() if name not in ("_target_", *NETWORKS)}
    return functools.partial(get_class(node["_target_"]), **{**arguments, **(node.get(network) or {})})


def _has_checkpoints(callbacks: list[L.Callback]) -> bool:
    return any(isinstance(callback, L.callbacks.Checkpoint) for callback in callbacks)


def _has_bar(callbacks: list[L.Callback]) -> bool:
    return any(isinstance(callback, L.callbacks.ProgressBar) for callback in callbacks)


def set_up_process() -> None:
    """What makes every step faster at no cost in what it computes, and what keeps the output to the point."""
    torch.set_flush_denormal(True)
    # Every step of Adam asks whether there is a GPU. Lightning makes torch ask a driver library, which it looks for
    # each time; without this the CUDA runtime is asked, once.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    for name in ("lightning.pytorch", "lightning.fabric"):  # the run's own summary says what their banners say
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
    warnings.filterwarnings("ignore", "The number of training batches .* is smaller than the logging interval")
