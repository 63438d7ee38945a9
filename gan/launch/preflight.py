"""What only the machine, and the number of images, can tell of a configuration: asked before a run takes its folder."""

import math
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from lightning.fabric.plugins.environments import TorchElasticEnvironment

from gan.data.loader import check_batch_size
from gan.system.cpu_threads import cores
from gan.system.errors import ConfigError
from gan.training.strategy import inside_a_launch, process_count, world_size


def check_devices(trainer: Mapping[str, Any], batch_size: int) -> None:
    """Does this machine have what the trainer's settings ask for, and can its processes share a minibatch?

    Raises:
        ConfigError: an accelerator, devices or a precision that are not here, processes that nobody has started or will
            start, or a batch that cannot be dealt out.
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


def check_compiler(wanted: bool) -> None:
    """Is there what torch.compile turns its C++ into machine code with?

    Raises:
        ConfigError: ``model.compile`` is true, and there is no compiler.
    """
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++", "cl"]
    if wanted and not any(name and shutil.which(name) for name in names):
        raise ConfigError(
            "model.compile: True given, and this machine has no C++ compiler (g++, clang++ or what CXX names); "
            "False expected"
        )


def minibatches(batches: int, limit: float | int) -> int:
    """Minibatches of an epoch, of ``batches``, under ``trainer.limit_train_batches``: a number of them or a share."""
    return min(batches, limit) if isinstance(limit, int) else int(batches * limit)


def check_minibatches(trainer: Mapping[str, Any], batches: int) -> None:
    """Is at least one minibatch left of an epoch's ``batches``?

    Raises:
        ConfigError: ``limit_train_batches``, or ``overfit_batches`` in its place, is less than one of them.
    """
    name = "overfit_batches" if trainer.get("overfit_batches") else "limit_train_batches"
    limit = trainer[name]
    if minibatches(batches, limit) < 1:
        least = math.ceil(1e4 / batches) / 1e4
        raise ConfigError(
            f"trainer.{name}: {limit} given, and an epoch has {batches:,} minibatches; "
            f"{least} or more, or the number of minibatches, expected"
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
        elif not inside_a_launch():  # where they run already
            yield from _at_most(cores({}), "usable core", devices, kind)  # {}: all of them, not a job's share
        return
    there = torch.cuda.device_count() if kind == "cuda" else 1
    has = f"this machine has {_counted(there, 'GPU')}"
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
            f"trainer.devices: {devices!r} given, and this machine has {_counted(there, what)}; {allowed}, or auto, "
            "expected"
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _precision(precision: Any, kind: str) -> Iterator[str]:
    if precision == "16-mixed" and kind == "cpu":
        yield "trainer.precision: '16-mixed' given, and it takes a GPU; bf16-mixed or 32-true expected on the CPU"


def _batch_norm(trainer: Mapping[str, Any], kind: str) -> Iterator[str]:
    if trainer.get("sync_batchnorm") and kind != "cuda" and world_size(trainer) > 1:
        yield (
            "trainer.sync_batchnorm: true given, and torch computes statistics over all processes on CUDA GPUs alone; "
            "false expected on this machine: each process has its own"
        )


def _processes(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Are as many processes there, or to be started by us, as will wait for one another?"""
    local, nodes = process_count(trainer["devices"], trainer["accelerator"]), trainer["num_nodes"]
    if not inside_a_launch():
        if nodes > 1:
            yield (
                f"trainer.num_nodes: {nodes} given, and this process was started alone; start train.py on every "
                f"machine, by torchrun --nnodes={nodes} --nproc-per-node={local} --rdzv-backend=c10d "
                "--rdzv-endpoint=HOST:29500 train.py … on each of them, or under SLURM by "
                f"srun --kill-on-bad-exit=1 --nodes={nodes} --ntasks-per-node={local} python train.py …"
            )
        return
    by_slurm = not TorchElasticEnvironment.detect()
    started = os.environ.get("SLURM_NTASKS" if by_slurm else "WORLD_SIZE")
    if by_slurm and "SLURM_NTASKS_PER_NODE" not in os.environ:
        yield (
            f"srun --ntasks={started} given, by which nobody knows how many processes are on a machine; "
            f"--ntasks-per-node={local} expected"
        )
        return
    if started is not None and int(started) != local * nodes:
        yield (
            f"trainer.devices: {trainer['devices']!r} given, which with trainer.num_nodes={nodes} makes "
            f"{local * nodes} process{'' if local * nodes == 1 else 'es'}, and {started} were started; "
            "equal numbers expected"
        )
