"""Preflight checks: does a configuration fit this machine and this dataset? They run before a run claims its folder."""

import math
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments import TorchElasticEnvironment

from gan.config.constraints import network_problems
from gan.config.kinds import locate
from gan.config.target_validation import NETWORKS, network_optimizer
from gan.data.loader import check_batch_size
from gan.data.module import ImageData
from gan.game.networks import MLPDiscriminator, MLPGenerator
from gan.launch.monitored import check_monitors
from gan.system import shell
from gan.system.cpu_threads import cores
from gan.system.errors import ConfigError, counted
from gan.system.process import GAN_TRAIN, is_of_gan
from gan.training.build import build_networks, build_pair
from gan.training.strategy import inside_a_launch, process_count, world_size

FOLDERS = ("default_root_dir", "save_dir", "dirpath")  # arguments of Lightning's Trainer, loggers and callbacks


def check_devices(trainer: Mapping[str, Any], batch_size: int) -> None:
    """Check that this machine has what the trainer's settings need, and that its processes can divide a minibatch.

    Raises:
        ConfigError: the accelerator, the devices or the precision is not available, the number of processes does not
            match how they are started, or a batch cannot be divided among them.
    """
    problems = list(_accelerator(trainer["accelerator"]))
    if not problems:
        kind = _kind(trainer["accelerator"])
        problems = [*_devices(trainer["devices"], kind), *_precision(trainer.get("precision"), kind)]
    if not problems:
        problems = [*_batch_norm(trainer, kind), *_processes(trainer)]
    if problems:
        raise ConfigError("\n".join(problems))
    check_batch_size(batch_size, world_size(trainer))


def check_compiler(wanted: bool | str, accelerator: str = "auto") -> None:
    """Check that this machine has what ``model.compile`` needs: a C++ compiler and, for CUDA graphs, a CUDA GPU.

    Raises:
        ConfigError: it is missing.
    """
    if wanted == "cuda_graphs" and _kind(accelerator) != "cuda":
        raise ConfigError("model.compile: 'cuda_graphs' given, which needs a CUDA GPU; true expected on this device")
    name = os.environ.get("CXX") or {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")  # as torch chooses it
    if wanted and not shutil.which(name):
        raise ConfigError(
            f"model.compile: {wanted!r} given, and this machine has no C++ compiler {name} (CXX can name another); "
            "False expected"
        )


def check_data(settings: Mapping[str, Any], data: ImageData) -> None:
    """Check what depends on the images; ``data`` must have been set up.

    Raises:
        ConfigError: the networks cannot be built for these images or do not fit into memory, an epoch has no minibatch,
            a minibatch is too small, or a callback monitors a metric that is never logged.
    """
    if lines := list(network_problems(settings["model"], data.image_shape, data.num_classes)):
        raise ConfigError("\n".join(lines))
    check_minibatches(settings["trainer"], len(data.train_dataloader()))
    check_batch_norm(settings, data.train_images, data.batch_size)
    check_memory(settings, data)
    check_monitors(settings, data)


def minibatches(batches: int, limit: float | int) -> int:
    """Return how many of ``batches`` an epoch uses under ``trainer.limit_train_batches``: a number or a fraction."""
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def check_minibatches(trainer: Mapping[str, Any], batches: int) -> None:
    """Check that an epoch uses at least one of its ``batches``.

    Raises:
        ConfigError: ``limit_train_batches``, or ``overfit_batches`` if set, selects less than one minibatch.
    """
    name = "overfit_batches" if trainer.get("overfit_batches") else "limit_train_batches"
    limit = trainer[name]
    if minibatches(batches, limit) < 1:
        least = math.ceil(1e4 / batches) / 1e4
        raise ConfigError(
            f"trainer.{name}: {limit} given, and an epoch has {batches:,} minibatches; "
            f"{least} or more, or the number of minibatches, expected"
        )


def check_batch_norm(settings: Mapping[str, Any], images: int, batch_size: int) -> None:
    """Check that batch normalisation in an mlp always sees two images or more: it has one value per image and unit.

    Convolutional networks need no check: each image has many values per channel.

    Args:
        settings: validated settings of the run.
        images: number of training images.
        batch_size: images in one minibatch, over all processes together.

    Raises:
        ConfigError: a minibatch, or the part of it for one process or step of ``optimizer.accumulate``, is one image.
    """
    model = settings["model"]
    networks = [name for name in NETWORKS if model[name].get("normalization") == "batch"]
    is_mlp = {locate(model[name]["_target_"]) for name in networks} & {MLPGenerator, MLPDiscriminator}
    if not is_mlp:
        return
    processes = world_size(settings["trainer"])
    rules = [network_optimizer(settings["optimizer"], name) for name in NETWORKS]
    parts = max(rule.get("accumulate", 1) for rule in rules)
    drop_last, limit = settings["data"]["drop_last"], settings["trainer"]["limit_train_batches"]

    def smallest(size: int, *, drop_last: bool = drop_last, parts: int = parts) -> int:
        """Return the images in the smallest part, for minibatches of ``size`` images."""
        full, rest = divmod(images, size)
        has_last = rest >= processes and not drop_last
        given = minibatches(full + has_last, limit)
        rows = [size // processes] * min(full, given, 1) + [rest // processes] * (has_last and given > full)
        return min((row // min(parts, row) for row in rows), default=0)

    if smallest(batch_size) >= 2:
        return
    steps = range(processes, batch_size + images, processes)
    sizes = (size for step in steps for size in (batch_size + step, batch_size - step))
    size = next((size for size in sizes if size >= 2 * processes and smallest(size) >= 2), None)
    each = size // processes if size and settings["data"].get("batch_size_of") == "each" else size
    ways = ["data.drop_last=true"] * (smallest(batch_size, drop_last=True) >= 2)
    ways += [f"data.batch_size={each}"] * (each is not None)
    ways += ["optimizer.accumulate=1"] * (parts > 1 and smallest(batch_size, parts=1) >= 2)
    paths = [f"model.{name}.normalization" for name in networks]
    if all(model[name].get("conditioning") != "batch_norm" for name in networks):
        ways.append(" ".join(f"{path}=none" for path in paths))
    raise ConfigError(
        f"{' and '.join(paths)}: 'batch' given, which needs two or more images, but with {images:,} images in "
        f"minibatches of {batch_size}{_shared(processes, parts)} one image remains; {', or '.join(ways)} expected"
    )


def _shared(processes: int, parts: int) -> str:
    ways = [f"{processes} processes"] * (processes > 1) + [f"{parts} parts (optimizer.accumulate)"] * (parts > 1)
    return f", over {' and '.join(ways)}," if ways else ""


def check_folders(settings: Mapping[str, Any]) -> None:
    """Check that the output folders of Lightning's trainer, loggers and callbacks can be created and written.

    Creates nothing.

    Raises:
        ConfigError: a part of a path is not a folder, or is not writable.
    """
    nodes = {f"{group}.{name}": node for group in ("callbacks", "logger") for name, node in settings[group].items()}
    problems = []
    for path, node in {"trainer": settings["trainer"], **nodes}.items():
        for name in FOLDERS:
            folder = (node or {}).get(name)
            if not isinstance(folder, str) or "://" in folder or Path(folder).is_relative_to(settings["run_dir"]):
                continue  # the run folder itself is checked when it is claimed
            if problem := _folder_problem(Path(folder)):
                problems.append(f"{path}.{name}: {folder} given, and {problem}; a folder that can be written expected")
    if problems:
        raise ConfigError("\n".join(problems))


def _folder_problem(folder: Path) -> str | None:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        return f"{there} is not a folder"
    return None if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written"


def check_memory(settings: Mapping[str, Any], data: ImageData) -> None:
    """Check that the weights and gradients of both networks fit into memory. Allocates none of it.

    Raises:
        ConfigError: this machine has less memory.
    """
    with torch.device("meta"):
        networks = build_pair(build_networks(settings), settings, data)
    weights = sum(parameter.numel() for network in networks for parameter in network.parameters())
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf
    if 8 * weights > there:
        raise ConfigError(
            f"model: networks of {weights:,} weights given, which need with their gradients {8 * weights / 1e9:,.0f} "
            f"GB, and this machine has {there / 1e9:,.0f} GB; smaller networks expected"
        )


def _kind(accelerator: str) -> str:
    if torch.cuda.device_count() > 0 and accelerator in ("auto", "gpu", "cuda"):
        return "cuda"
    return "mps" if torch.backends.mps.is_available() and accelerator in ("auto", "gpu", "mps") else "cpu"


def _accelerator(accelerator: str) -> Iterator[str]:
    gpus, mps = torch.cuda.device_count() > 0, torch.backends.mps.is_available()
    here = {"auto": True, "cpu": True, "gpu": gpus or mps, "cuda": gpus, "mps": mps}
    if not here[accelerator]:
        allowed = ", ".join(name for name, available in here.items() if available)
        yield f"trainer.accelerator: {accelerator!r} given, and this machine has none; {allowed} expected"


def _devices(devices: Any, kind: str) -> Iterator[str]:
    numbered, given = isinstance(devices, list), f"trainer.devices: {devices!r} given"
    if kind == "cpu":
        if numbered or devices in (-1, "-1"):
            yield f"{given}, which is for GPUs, and this run is on the CPU; the number of processes, or auto, expected"
        elif not inside_a_launch():  # inside one, the processes run already
            yield from _at_most(cores({}), "usable core", devices, kind)  # {}: all cores, not only those of a job
        return
    there = torch.cuda.device_count() if kind == "cuda" else 1
    has = f"this machine has {counted(there, 'GPU')}"
    allowed = "0" if there == 1 else f"numbers from 0 to {there - 1}"
    if numbered and any(number >= there for number in devices):
        yield f"{given}, and {has}; {allowed} expected"
    elif numbered and len(set(devices)) < len(devices):
        yield f"{given}; each number once expected"
    elif not numbered:
        yield from _at_most(there, "GPU", devices, kind)


def _at_most(there: int, what: str, devices: Any, kind: str) -> Iterator[str]:
    if process_count(devices, kind) > there:
        allowed = "1" if there == 1 else f"1 to {there}"
        yield (
            f"trainer.devices: {devices!r} given, and this machine has {counted(there, what)}; {allowed}, or auto, "
            "expected"
        )


def _precision(precision: Any, kind: str) -> Iterator[str]:
    if precision == "16-mixed" and kind == "cpu":
        yield "trainer.precision: '16-mixed' given, which needs a GPU; bf16-mixed or 32-true expected on the CPU"


def _batch_norm(trainer: Mapping[str, Any], kind: str) -> Iterator[str]:
    if trainer.get("sync_batchnorm") and kind != "cuda" and world_size(trainer) > 1:
        yield (
            "trainer.sync_batchnorm: true given, and torch computes statistics over all processes only on CUDA GPUs; "
            "false expected on this machine: each process has its own"
        )


def _processes(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem if the number of started processes differs from the number the settings need."""
    local, nodes = process_count(trainer["devices"], trainer["accelerator"]), trainer["num_nodes"]
    if not inside_a_launch():
        if nodes > 1:
            program = " ".join(["-m", *GAN_TRAIN]) if is_of_gan() else "train.py"
            yield (
                f"trainer.num_nodes: {nodes} given, but there is only this process; start {program[-9:]} on every "
                f"machine with torchrun --nnodes={nodes} --nproc-per-node={local} --node-rank=RANK --master-addr=HOST "
                f"--master-port=29500 {program} … hydra.run.dir=FOLDER (RANK: 0 on HOST, 1 on the next), or under "
                f"SLURM with srun --kill-on-bad-exit=1 --nodes={nodes} --ntasks-per-node={local} {shell.train()} …"
            )
        return
    by_slurm = not TorchElasticEnvironment.detect()
    started = os.environ.get("SLURM_NTASKS" if by_slurm else "WORLD_SIZE")
    if by_slurm and "SLURM_NTASKS_PER_NODE" not in os.environ:
        yield (
            f"srun --ntasks={started} given, which does not say how many processes run on each machine; "
            f"--ntasks-per-node={local} expected"
        )
        return
    if started is not None and int(started) != local * nodes:
        yield (
            f"trainer.devices: {trainer['devices']!r} given, which with trainer.num_nodes={nodes} makes "
            f"{local * nodes} process{'' if local * nodes == 1 else 'es'}, and {started} were started; "
            "equal numbers expected"
        )
