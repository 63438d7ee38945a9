"""Builds the objects of a run (data, networks, game, trainer) from a valid configuration."""

import functools
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as L
import torch
from hydra.utils import get_class, instantiate
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler

from gan.config.target_validation import RULE_SETTINGS, network_optimizer
from gan.data.module import ImageData
from gan.game.augmentation import AUGMENTATIONS, InstanceNoise, Pixels
from gan.game.ema import EMAS
from gan.game.gradients import UpdateRule
from gan.game.latents import Prior
from gan.game.learning_rates import LR_SCHEDULES
from gan.game.losses import AuxiliaryWeights, build_objective
from gan.game.networks import Discriminator, Generator, build_discriminator, build_generator
from gan.game.penalties import PENALTIES
from gan.game.schedules import SCHEDULES
from gan.runs.checkpoint_io import SealedCheckpoints
from gan.runs.resume import ResumeState
from gan.training import fast_loop
from gan.training.module import GAN
from gan.training.run_end import only_the_end
from gan.training.strategy import GameDDP, world_size

PROFILERS: dict[str, Callable[..., Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


def build_data(settings: Mapping[str, Any], kind: type[ImageData] = ImageData) -> ImageData:
    """The data module, of class ``kind``. It has not looked for its files yet."""
    own = {name: value for name, value in settings["data"].items() if name != "batch_size_of"}
    return kind(**{**own, "batch_size": batch_size(settings)}, seed=settings["seed"])


def batch_size(settings: Mapping[str, Any]) -> int:
    """Images per minibatch over all processes; ``data.batch_size`` may be given per process (``batch_size_of``)."""
    data = settings["data"]
    given: int = data["batch_size"]
    return given * world_size(settings["trainer"]) if data.get("batch_size_of") == "each" else given


def build_networks(settings: Mapping[str, Any], data: ImageData) -> tuple[Generator, Discriminator]:
    """Generator and discriminator, with weights from torch's global random generator; ``data`` must be set up."""
    model = settings["model"]
    prior = _prior(model)
    generator = build_generator(
        model["name"],
        latent_dim=prior.width,
        image_shape=data.image_shape,
        num_classes=data.num_classes,
        **model["generator"],
    )
    discriminator = build_discriminator(
        model["name"],
        image_shape=data.image_shape,
        num_classes=data.num_classes,
        categorical_codes=prior.categorical,
        continuous_codes=prior.continuous,
        **model["discriminator"],
    )
    return generator, discriminator


def _prior(model: Mapping[str, Any]) -> Prior:
    codes = model["codes"]
    return Prior(model["prior"], model["latent_dim"], tuple(codes["categorical"]), codes["continuous"])


def build_game(settings: Mapping[str, Any], data: ImageData) -> GAN:
    """The LightningModule with both networks, their weights drawn from the run's seed; ``data`` must be set up."""
    L.seed_everything(settings["seed"], verbose=False)
    model, objective = settings["model"], settings["objective"]
    generator, discriminator = build_networks(settings, data)
    game = GAN(
        generator,
        discriminator,
        prior=_prior(model),
        generator_rule=_update_rule(settings["optimizer"], "generator"),
        discriminator_rule=_update_rule(settings["optimizer"], "discriminator"),
        objective=build_objective(objective["name"], objective["real_target"], objective["concatenate"]),
        penalty=_chosen(PENALTIES, settings["penalty"]),
        schedule=_chosen(SCHEDULES, settings["schedule"]),
        lr_schedule=_chosen(LR_SCHEDULES, settings["lr_schedule"]),
        augmentation=_chosen(AUGMENTATIONS, settings["augmentation"], Pixels.normalized(data.mean, data.std)),
        ema=_chosen(EMAS, settings["ema"], generator),
        num_classes=data.num_classes,
        instance_noise=_instance_noise(objective),
        auxiliary=AuxiliaryWeights(objective["class_weight"], objective["information_weight"]),
        seed=settings["seed"],
        settings=dict(settings),
    )
    if model["compile"]:
        game.compile_networks()
    return game


def build_trainer(settings: Mapping[str, Any], past: ResumeState | None = None) -> L.Trainer:
    """Lightning's Trainer with the configured callbacks and loggers; ``past`` is the state of a run to resume."""
    arguments = dict(settings["trainer"])
    strategy = arguments["strategy"]
    if world_size(arguments) > 1:
        strategy = GameDDP()
    elif strategy == "ddp":
        strategy = "auto"
    callbacks = _callbacks(settings)
    trainer: L.Trainer = instantiate(
        {
            "enable_checkpointing": any(isinstance(callback, L.callbacks.Checkpoint) for callback in callbacks),
            "enable_progress_bar": any(isinstance(callback, L.callbacks.ProgressBar) for callback in callbacks),
            **arguments,
        },
        _convert_="all",
        strategy=strategy,  # an object; since Hydra 1.4 the settings may not contain objects
        callbacks=callbacks,
        logger=[instantiate(node, _convert_="all") for node in settings["logger"].values() if node],
        plugins=[SealedCheckpoints()],
        **_profiler(arguments),
    )
    fast_loop.use(trainer)
    if past is not None and past.is_all:
        only_the_end(trainer)
    return trainer


def _profiler(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A profiler given by name, set to write into the run folder, because `set_up_process` hides Lightning's log."""
    name = arguments.get("profiler")
    if not isinstance(name, str):
        return {}
    return {"profiler": PROFILERS[name](dirpath=arguments["default_root_dir"], filename="profile")}


def _chosen(registry: Mapping[str, Callable[..., Any]], node: Mapping[str, Any], *arguments: Any) -> Any:
    """The registry entry of a node's name, built with the node's other settings."""
    return registry[node["name"]](*arguments, **{name: value for name, value in node.items() if name != "name"})


def _instance_noise(objective: Mapping[str, Any]) -> InstanceNoise | None:
    std = objective["instance_noise"]
    return InstanceNoise(std, objective["instance_noise_images"]) if std > 0 else None


def _update_rule(node: Mapping[str, Any], network: str) -> UpdateRule:
    arguments = network_optimizer(node, network)
    rule = {name: arguments.pop(name) for name in RULE_SETTINGS if name in arguments}
    return UpdateRule(functools.partial(get_class(node["_target_"]), **arguments), **rule)


def _callbacks(settings: Mapping[str, Any]) -> list[L.Callback]:
    """The callbacks, without those that ``enable_checkpointing`` or ``enable_progress_bar`` of the trainer disables."""
    switches = {"enable_checkpointing": L.callbacks.Checkpoint, "enable_progress_bar": L.callbacks.ProgressBar}
    left_out = tuple(kind for name, kind in switches.items() if settings["trainer"].get(name) is False)
    made = [instantiate(node, _convert_="all") for node in settings["callbacks"].values() if node]
    kept = [callback for callback in made if not isinstance(callback, left_out)]
    for callback in kept:
        if isinstance(callback, L.callbacks.EarlyStopping):
            callback.strict = False  # an epoch without a new value is no error; patience counts epochs with one
    return kept


def set_up_process() -> None:
    """Configure torch to make each step faster without changing the results, and hide irrelevant log messages."""
    torch.set_flush_denormal(True)
    # Adam checks at each step whether a GPU exists. Lightning makes torch check with NVML, a driver library that it
    # searches each time. With this setting torch asks the CUDA runtime, once.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    for name in ("lightning.pytorch", "lightning.fabric"):  # the run's summary replaces their banners
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
    warnings.filterwarnings("ignore", r"Found .* module\(s\) in eval mode")  # the generator average stays in eval mode
    warnings.filterwarnings("ignore", "The number of training batches .* is smaller than the logging interval")
    for unlogged in (
        "Early stopping conditioned on metric",
        r"`ModelCheckpoint\(monitor=.* could not find the monitored",
    ):
        warnings.filterwarnings("ignore", unlogged)  # in an epoch without measurements
