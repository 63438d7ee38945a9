"""Builds the objects of a run (data, networks, game, trainer) from a valid configuration."""

import functools
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import lightning.pytorch as L
import torch
from hydra.utils import instantiate
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from torch import nn

from gan.config.data_node import custom_source
from gan.config.kinds import NONE, find, given_arguments, kind
from gan.config.target_validation import NETWORKS, RULE_SETTINGS, network_optimizer
from gan.data.module import ImageData
from gan.data.registry import divided
from gan.game.augmentation import Pixels
from gan.game.gradients import UpdateRule
from gan.game.latents import CodeSizes
from gan.game.networks import Networks
from gan.game.networks.adapting import discriminate, generate
from gan.game.networks.evaluation_mode import evaluating
from gan.runs.checkpoint_io import SealedCheckpoints
from gan.runs.resume import ResumeState
from gan.system.errors import ConfigError, GanError, in_one_line
from gan.system.process import hide_deprecations
from gan.system.trust import is_below
from gan.system.value_types import parameters_of
from gan.training import fast_loop, trackers
from gan.training.game_module import GameModule
from gan.training.heartbeat import Heartbeat
from gan.training.initial_weights import freeze, start_from
from gan.training.own_parts import try_own_parts
from gan.training.run_end import only_the_end
from gan.training.strategy import GameDDP, world_size

PROFILERS: dict[str, Callable[..., Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


def build_data(settings: Mapping[str, Any], kind: type[ImageData] = ImageData) -> ImageData:
    """The data module, of class ``kind``. It has not looked for its files yet."""
    node = settings["data"]
    known = {"batch_size": batch_size(settings), "batch_size_of": "all", "seed": settings["seed"]}
    if source := custom_source(node):
        shared, own = divided(given_arguments(node))
        made = functools.partial(source, **instantiated(own))
        return kind(name=node["_target_"], source=made, **{**shared, **known})
    own_class = find(node["_target_"])
    data: ImageData = (kind if own_class is ImageData else own_class)(**{**given_arguments(node), **known})
    return data


def batch_size(settings: Mapping[str, Any]) -> int:
    """Images per minibatch over all processes; ``data.batch_size`` may be given per process (``batch_size_of``)."""
    data = settings["data"]
    given: int = data["batch_size"]
    return given * world_size(settings["trainer"]) if data.get("batch_size_of") == "each" else given


def build_networks(settings: Mapping[str, Any]) -> Networks:
    """The constructors of the networks, and the prior of their latents."""
    model = settings["model"]
    codes: CodeSizes = instantiate(model["codes"], _convert_="all")
    shared = {name: value for name, value in given_arguments(model).items() if name not in NETWORKS}
    generator, discriminator = (
        functools.partial(find(model[name]["_target_"]), **instantiated(given_arguments(model[name])))
        for name in NETWORKS
    )
    networks: Networks = find(model["_target_"])(generator, discriminator, **{**shared, "codes": codes})
    return networks


def build_pair(networks: Networks, settings: Mapping[str, Any], data: ImageData) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator, with weights from torch's global random generator; ``data`` must be set up.

    Raises:
        ConfigError: the constructor of a network of the user's own raises an error.
    """
    try:
        return networks.build(data.image_shape, data.num_classes)
    except Exception as error:
        targets = [settings["model"][name]["_target_"] for name in NETWORKS]
        if all(is_below(target, ["gan"]) for target in targets):
            raise
        what = f"{' and '.join(targets)} cannot be built for images of shape {data.image_shape}"
        raise ConfigError(f"model: {what}: {in_one_line(error)}") from error


def instantiated(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments in plain containers, with an object for each node in them."""
    made: dict[str, Any] = instantiate(dict(arguments), _convert_="all")
    return made


def build_game(settings: Mapping[str, Any], data: ImageData, *, with_weights: bool = False) -> GameModule:
    """The LightningModule with both networks, their weights drawn from the run's seed; ``data`` must be set up.

    Args:
        with_weights: whether the networks get the weights that ``model.init_from`` names. A resumed run gets those of
            its checkpoint.

    Raises:
        ConfigError: a part raises an error for these settings.
    """
    L.seed_everything(settings["seed"], verbose=False)
    networks = build_networks(settings)
    num_classes, prior = data.num_classes, networks.prior
    if networks.clusters:
        shares = data.find_clusters(networks.clusters) if isinstance(data, ImageData) else data.cluster_shares
        num_classes, prior = networks.clusters, prior.with_clusters(shares)
    generator, discriminator = build_pair(networks, settings, data)
    game: GameModule = find(settings["game"]["_target_"])(
        generator,
        discriminator,
        prior=prior,
        generator_rule=update_rule(settings["optimizer"], "generator"),
        discriminator_rule=update_rule(settings["optimizer"], "discriminator"),
        objective=_made("objective", settings),
        penalty=_made("penalty", settings),
        schedule=_made("schedule", settings),
        lr_schedule=_made("lr_schedule", settings),
        augmentation=_made("augmentation", settings, pixels=Pixels.normalized(data.mean, data.std)),
        ema=_made("ema", settings, network=generator),
        num_classes=num_classes,
        seed=settings["seed"],
        settings=dict(settings),
        **instantiated(given_arguments(settings["game"])),
    )
    if networks.init_from is not None and with_weights:
        start_from(game, networks.init_from, needs_discriminator=networks.freeze_d > 0)
    if networks.freeze_d:
        freeze(game.discriminator, networks.freeze_d)
    _try_networks(settings, game, data)
    try_own_parts(settings, game, data.image_shape)
    if networks.compile:
        rows = batch_size(settings) // world_size(settings["trainer"])
        game.compile_updates(rows, cuda_graphs=networks.compile == "cuda_graphs")
    return game


@torch.no_grad()
def _try_networks(settings: Mapping[str, Any], game: GameModule, data: ImageData) -> None:
    """Check the outputs of networks of the user's own on two images, before the run starts.

    Raises:
        ConfigError: a network raises an error, or its output has another shape.
    """
    targets = {name: settings["model"][name]["_target_"] for name in NETWORKS}
    if all(is_below(target, ["gan"]) for target in targets.values()):
        return
    labels = torch.zeros(2, dtype=torch.int64)
    name = "generator"
    with torch.random.fork_rng(devices=[]), evaluating(game):
        try:
            z = game.prior.draw(2)
            gets = {each: (game.num_classes or 0) > 0 and game.takes_labels(each) for each in NETWORKS}
            images = generate(game.generator, z, labels if gets[name] else None)
            if tuple(images.shape) != (2, *data.image_shape):
                expected = (2, *data.image_shape)
                raise ConfigError(f"output of shape {tuple(images.shape)} for 2 latents given, {expected} expected")
            name = "discriminator"
            discriminate(game.discriminator, images, labels if gets[name] else None)
        except Exception as error:
            what = str(error) if isinstance(error, GanError) else f"{type(error).__name__}: {error}"
            raise ConfigError(f"model.{name}: {targets[name]}: {' '.join(what.split())}") from error


def _made(group: str, settings: Mapping[str, Any], **known: Any) -> Any:
    """The object of a group's node. Its constructor gets the ``known`` arguments that it has."""
    node = settings[group]
    constructor = find(node["_target_"])
    given = {name: value for name, value in known.items() if name in parameters_of(constructor)}
    try:
        made = constructor(**given, **instantiated(given_arguments(node)))
    except Exception as error:
        if is_below(node["_target_"], ["gan"]):
            raise
        raise ConfigError(f"{group}: {in_one_line(error)}") from error
    if not isinstance(made, kind(group)) and node["_target_"] != NONE:
        raise ConfigError(f"{group}: '{node['_target_']}' made {made!r}, a {kind(group).__name__} expected")
    return made


def change_game(game: GameModule, settings: Mapping[str, Any]) -> None:
    """Give a game in training the objective, the penalty, the schedule, the optimizers' settings and the seed.

    Networks and the states of the optimizers stay. The seed is that of the latents from now on.
    """
    game.objective = game.record.objective = _made("objective", settings)
    game.penalty = _made("penalty", settings)
    game.schedule = _made("schedule", settings)
    game.seed = settings["seed"]
    game.discriminator_rule = update_rule(settings["optimizer"], "discriminator")
    game.generator_rule = update_rule(settings["optimizer"], "generator")
    game.set_optimizers()
    game.find_trained_parameters()  # compiled updates have the old objective and penalty in them


def build_trainer(
    settings: Mapping[str, Any], past: ResumeState | None = None, heartbeat: Heartbeat | None = None
) -> L.Trainer:
    """Lightning's Trainer with the configured callbacks and loggers.

    Args:
        past: the state of a run to resume.
        heartbeat: of this process, if it is one of several machines and its heartbeat has begun.
    """
    arguments = dict(settings["trainer"])
    strategy = arguments["strategy"]
    if world_size(arguments) > 1:
        strategy = GameDDP(heartbeat=heartbeat)
    elif strategy == "ddp":
        strategy = "auto"
    callbacks = _callbacks(settings)
    nodes = trackers.with_same_run(settings, resumed=past is not None)
    trainer: L.Trainer = instantiate(
        {
            "enable_checkpointing": any(isinstance(callback, L.callbacks.Checkpoint) for callback in callbacks),
            "enable_progress_bar": any(isinstance(callback, L.callbacks.ProgressBar) for callback in callbacks),
            **arguments,
        },
        _convert_="all",
        strategy=strategy,  # an object; since Hydra 1.4 the settings may not contain objects
        callbacks=callbacks,
        logger=[instantiate(node, _convert_="all") for node in nodes.values()],
        plugins=[SealedCheckpoints()],
        **_profiler(arguments),
    )
    fast_loop.use(trainer)
    if "limit_val_batches" not in arguments:  # set afterwards: fast_dev_run and overfit_batches change it
        trainer.limit_val_batches = 0  # `QualityMonitor` measures, without a loop over batches
    if past is not None and past.is_all:
        only_the_end(trainer)
    return trainer


def _profiler(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A profiler given by name, set to write into the run folder, because `set_up_process` hides Lightning's log."""
    name = arguments.get("profiler")
    if not isinstance(name, str):
        return {}
    return {"profiler": PROFILERS[name](dirpath=arguments["default_root_dir"], filename="profile")}


def update_rule(node: Mapping[str, Any], network: str) -> UpdateRule:
    """How a network is updated, by the shared settings of an optimizer's node and those of the network."""
    arguments = network_optimizer(node, network)
    rule = {name: arguments.pop(name) for name in RULE_SETTINGS if name in arguments}
    return UpdateRule(functools.partial(find(node["_target_"]), **arguments), **rule)


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
    hide_deprecations()
    warnings.filterwarnings("ignore", r"Found .* module\(s\) in eval mode")  # the generator average stays in eval mode
    warnings.filterwarnings("ignore", "The number of training batches .* is smaller than the logging interval")
    for unlogged in (
        "Early stopping conditioned on metric",
        r"`ModelCheckpoint\(monitor=.* could not find the monitored",
    ):
        warnings.filterwarnings("ignore", unlogged)  # in an epoch without measurements
