"""Arguments of the Trainer, and callbacks, that do not work with two networks, each with an alternative."""

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gan.system.errors import unknown_name

NO_VALIDATION = "a game has no validation, test or prediction loop; leave it out (quality/fcd … measure the images)"


class Instead(NamedTuple):
    """Values of an argument without an effect, and the alternative to all other values."""

    harmless: tuple[Any, ...]
    alternative: str


# Arguments of the Trainer. Lightning refuses or ignores the first three under manual optimization, which a game needs.
NOT_FOR_A_GAME = {
    "gradient_clip_val": Instead(
        (None,),
        "use optimizer.clip_norm (or optimizer.generator.clip_norm, optimizer.discriminator.clip_norm)",
    ),
    "gradient_clip_algorithm": Instead((None,), "use optimizer.clip_norm, which clips by norm"),
    "accumulate_grad_batches": Instead(
        (1,),
        "use optimizer.accumulate, the number of parts of a minibatch",
    ),
    "callbacks": Instead((None,), "use the group callbacks: +callbacks.NAME._target_=…"),
    "logger": Instead((None,), "use the group logger, for example logger=none"),
    "plugins": Instead((None,), "leave it out: checkpoints need the plugin that this program uses"),
    "model_registry": Instead((None,), "the Trainer uploads nothing; `gan export` writes a model to upload"),
    "fast_dev_run": Instead((False,), "use trainer.max_steps=1 for a short run, or dry_run=true"),
    "barebones": Instead((False,), "use callbacks=none logger=none"),
    "use_distributed_sampler": Instead((False,), "false expected: the loader distributes its batches itself"),
    "val_check_interval": Instead((None, 1.0), NO_VALIDATION),
    "check_val_every_n_epoch": Instead((1,), NO_VALIDATION),
    "limit_val_batches": Instead((None, 0, 1.0), NO_VALIDATION),
    "limit_test_batches": Instead((None, 0, 1.0), NO_VALIDATION),
    "limit_predict_batches": Instead((None, 0, 1.0), NO_VALIDATION),
    "inference_mode": Instead((True,), NO_VALIDATION),
}

# Lightning's callbacks, by their names in lightning.pytorch.callbacks; subclasses are refused too.
CALLBACKS_NOT_FOR_A_GAME = {
    "StochasticWeightAveraging": "use ema=standard: the average of the generator",
    "WeightAveraging": "use ema=standard: the average of the generator",
    "GradientAccumulationScheduler": "use optimizer.accumulate=2, the number of parts of a minibatch",
    "LearningRateFinder": "use sweep=learning_rates",
    "BatchSizeFinder": "set data.batch_size",
    "BaseFinetuning": "leave it out: there is no backbone to freeze",
    "BasePredictionWriter": "leave it out: there is no prediction loop (`gan sample` writes images)",
    "SpikeDetection": "use callbacks.alarms, which is on by default",
    "ThroughputMonitor": "use callbacks.monitor, which logs train/images_per_second",
    "ModelPruning": "leave it out: a pruned generator's weights have other names, and its bundle cannot be loaded",
}
PROFILERS = ("simple", "advanced", "pytorch")  # by name
NEED_A_LOGGER = ("LearningRateMonitor", "DeviceStatsMonitor")

# Arguments of any callback, and the values that have no effect.
ARGUMENTS_NOT_FOR_A_GAME = {
    "check_on_train_epoch_end": Instead((None, True), f"true expected: {NO_VALIDATION}"),
    "save_on_train_epoch_end": Instead((None, True), f"true expected: {NO_VALIDATION}"),
    "train_time_interval": Instead((None,), "Lightning ignores it here; callbacks.checkpoint saves after every epoch"),
}


def unsupported_arguments(node: Mapping[str, Any]) -> Iterator[str]:
    """One message for each unsupported argument of the Trainer."""
    for name, (harmless, alternative) in NOT_FOR_A_GAME.items():
        if name in node and node[name] not in harmless:
            yield f"trainer.{name}: {node[name]!r} given; {alternative}"
    if isinstance(node.get("profiler"), str) and node["profiler"] not in PROFILERS:
        yield unknown_name("trainer.profiler", node["profiler"], PROFILERS)


def unsupported_callback_arguments(path: str, node: Any) -> Iterator[str]:
    """One message for each unsupported argument of a callback, whether or not its class has it."""
    for name, (harmless, alternative) in ARGUMENTS_NOT_FOR_A_GAME.items():
        if isinstance(node, Mapping) and node.get(name) not in (None, *harmless):
            yield f"{path}.{name}: {node[name]!r} given; {alternative}"


def unsupported_callback(path: str, called: type, node: Mapping[str, Any]) -> Iterator[str]:
    """One message for a callback of an unsupported class."""
    from lightning.pytorch import callbacks

    for name, alternative in CALLBACKS_NOT_FOR_A_GAME.items():
        if issubclass(called, getattr(callbacks, name)):
            yield f"{path}._target_: '{node['_target_']}' given, which cannot work for two networks; {alternative}"
            return
    if issubclass(called, callbacks.DeviceStatsMonitor) and node.get("cpu_stats") is not False and not _has_psutil():
        yield f"{path}.cpu_stats: {node.get('cpu_stats')!r} given, which needs psutil: pip install psutil, or false"


def callbacks_together(callbacks: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[str]:
    """Problems of combinations of callbacks that are valid by themselves.

    Args:
        callbacks: the callbacks by the paths of their nodes.
        settings: the whole configuration.
    """
    from lightning.pytorch import callbacks as known
    from lightning.pytorch.callbacks import ProgressBar
    from lightning.pytorch.utilities.model_helpers import is_overridden

    trainer = settings.get("trainer")
    trainer = trainer if isinstance(trainer, Mapping) else {}
    bars = [path for path, callback in callbacks.items() if isinstance(callback, ProgressBar)]
    if len(bars) > 1 and trainer.get("enable_progress_bar") is not False:
        yield f"{bars[1]}: a second progress bar, beside {bars[0]}; leave one out: {bars[0]}=null"
    loggers = settings.get("logger")
    if not (isinstance(loggers, Mapping) and any(loggers.values())):
        for path, callback in callbacks.items():
            if isinstance(callback, tuple(getattr(known, name) for name in NEED_A_LOGGER)):
                yield f"{path}: it logs to loggers, and there are none; logger=default or logger=csv expected"
    keys = {"Timer": "trainer.max_time"} if trainer.get("max_time") is not None else {}
    for path, callback in callbacks.items():
        if is_overridden("state_dict", callback, parent=known.Callback):
            if callback.state_key in keys:
                other = keys[callback.state_key]
                yield f"{path}: it does the same as {other}, and a checkpoint can keep one of them; leave one out"
            keys.setdefault(callback.state_key, path)


def _has_psutil() -> bool:
    return importlib.util.find_spec("psutil") is not None
