"""Metrics of the user's own: any `torchmetrics.Metric` that takes images."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from gan.config.kinds import NotFound, find, is_a
from gan.system.errors import ConfigError, GanError, in_one_line

PART = 500  # images in one call of a metric


def own_metrics(targets: Sequence[str]) -> dict[str, Metric]:
    """The metrics of these classes, such as "mypkg.MyMetric", by the name of the class.

    Raises:
        GanError: there is no such class, it is not a metric, it needs arguments, or two have the same name.
    """
    found: dict[str, Metric] = {}
    for target in targets:
        name = target.rpartition(".")[2]
        if name in found:
            raise GanError(f"--metric: two metrics are named {name}; evaluate them in two calls")
        try:
            metric = find(target)
        except NotFound as error:
            raise GanError(f"--metric: {error}") from error
        if not is_a(metric, [Metric]):
            raise GanError(f"--metric: '{target}' given, a torchmetrics.Metric expected")
        try:
            found[name] = metric()
        except Exception as error:
            raise GanError(f"--metric: {target}: {type(error).__name__}: {error}") from error
    return found


def own_values(
    metrics: Mapping[str, Metric], fake: Tensor, real: Tensor | None, device: torch.device | str = "cpu"
) -> dict[str, float]:
    """The values of metrics, by name. A metric with several values has one for each: ``mine_recall``.

    A metric whose ``update`` has an argument ``real`` gets the real images too, with ``real=True``, as torchmetrics'
    FrechetInceptionDistance does; any other metric gets only the generated images, as its InceptionScore does.

    Args:
        fake, real: images as stored, uint8 (N, C, H, W); points are float32 (N, 2, 1, 1). real: None if there are none.
        device: where the metrics compute.

    Raises:
        ConfigError: a metric raises an error, its value is not a number, or it needs real images.
    """
    found: dict[str, float] = {}
    for name, metric in metrics.items():
        try:
            found |= {
                key: float(value) for key, value in _named(name, _computed(metric.to(device), fake, real, device))
            }
        except Exception as error:
            reason = in_one_line(error)
            raise ConfigError(f"metric {name} ({type(metric).__name__}): {reason}") from error
    return found


def _computed(metric: Metric, fake: Tensor, real: Tensor | None, device: torch.device | str) -> Any:
    metric.distributed_available_fn = lambda: False  # one process measures, and the others wait
    metric.reset()
    takes_real = "real" in inspect.signature(type(metric).update).parameters
    if takes_real and real is None:
        raise ValueError("it needs real images, but the training images cannot be read here")
    for part in fake.split(PART):
        metric.update(part.to(device), **({"real": False} if takes_real else {}))
    for part in real.split(PART) if takes_real and real is not None else ():
        metric.update(part.to(device), real=True)
    return metric.compute()


def _named(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every number of a metric's result with its name."""
    if isinstance(value, Mapping):
        items = [(str(key), each) for key, each in value.items()]
    elif hasattr(value, "_asdict"):
        items = list(value._asdict().items())
    elif isinstance(value, tuple | list):
        items = [(str(index), each) for index, each in enumerate(value)]
    else:
        yield name, value
        return
    for key, each in items:
        yield from _named(f"{name}_{key}", each)
