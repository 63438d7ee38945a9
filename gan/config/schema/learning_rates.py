"""Settings of `lr_schedule`: the learning rates over a run."""

from dataclasses import dataclass
from typing import Any

from gan.config.schema.fields import setting

NETWORKS = ("generator", "discriminator")


def _final() -> Any:
    return setting(
        "share of the rate that is left at the end of the run", 0.0, check=lambda x: 0 <= x <= 1, allowed="in [0, 1]"
    )


def _warmup() -> Any:
    return setting(
        "first generator updates, in which the rate rises linearly; 0: none",
        0,
        check=lambda x: x >= 0,
        allowed="0 or more",
    )


def _networks() -> Any:
    return setting(
        "whose rates follow it",
        list(NETWORKS),
        check=lambda x: len(x) > 0 and set(x) <= set(NETWORKS) and len(set(x)) == len(x),
        allowed=f"one or both of {', '.join(NETWORKS)}",
    )


@dataclass(kw_only=True)
class ConstantConfig:
    name: str = setting("the optimizer's own rates, but for a warm-up", "none")
    warmup: int = _warmup()
    networks: list[str] = _networks()


@dataclass(kw_only=True)
class LinearConfig:
    name: str = setting("constant, then down in a straight line", "linear")
    start: float = setting(
        "share of the run before the rate falls", 0.5, check=lambda x: 0 <= x < 1, allowed="in [0, 1)"
    )
    final: float = _final()
    warmup: int = _warmup()
    networks: list[str] = _networks()


@dataclass(kw_only=True)
class CosineConfig:
    name: str = setting("down along half a cosine wave", "cosine")
    final: float = _final()
    warmup: int = _warmup()
    networks: list[str] = _networks()


LR_SCHEDULES: dict[str, type] = {"none": ConstantConfig, "linear": LinearConfig, "cosine": CosineConfig}
