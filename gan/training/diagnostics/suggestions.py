"""Suggested settings for problems of training, as typed on the command line, that fit the settings of the run."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from gan.config.option_names import option_name
from gan.data.registry import TOY_DISTRIBUTIONS

Settings = Mapping[str, Any]
MOST = 3  # suggestions at a time
R1R2 = ("r1", "r2", "r1_r2")
HIGH_MOMENTUM = 0.9
MUCH = 10  # ratio of the two learning rates
HIGH_RATE, HIGH_PLAIN_RATE = 0.01, 1.0  # learning rates above which Adam, or SGD, overshoots


def suggestions(problem: str, settings: Settings) -> list[str]:
    """Up to three changes, the most promising first; none if the settings are not a complete configuration.

    Args:
        problem: a key of ``SUGGESTIONS``.
        settings: the run's configuration.
    """
    return list(islice(SUGGESTIONS[problem](settings), MOST)) if "objective" in settings else []


def _discriminator_wins(settings: Settings) -> Iterator[str]:
    if _name("objective", settings) == "minimax":
        yield "objective=non_saturating"
    d_lr, g_lr = (_rate(settings, network) for network in ("discriminator", "generator"))
    if d_lr > MUCH * g_lr:
        yield f"optimizer.generator.lr={d_lr:g}"
    elif d_lr > g_lr:
        yield f"optimizer.discriminator.lr={g_lr:g}"
    yield from _regularize_discriminator(settings)
    if settings["schedule"].get("n_critic", 1) > 1:
        yield "schedule.n_critic=1"
    if _name("augmentation", settings) == "none" and settings["data"].get("name") not in TOY_DISTRIBUTIONS:
        yield "augmentation=diffaugment"
    yield f"optimizer.discriminator.lr={d_lr / 4:g}"


def _collapsed(settings: Settings) -> Iterator[str]:
    optimizer, penalty = settings["optimizer"], _name("penalty", settings)
    if _name("objective", settings) != "relativistic_paired":
        held = "" if penalty == "r1_r2" else f" penalty=r1_r2{_unnormalized(settings)}"
        yield f"objective=relativistic_paired{held}"
    else:
        yield from _regularize_discriminator(settings, "r1_r2")
    if optimizer["_target_"].endswith(".SGD"):
        yield "optimizer=adam"
    elif (optimizer.get("betas") or [0.0])[0] >= HIGH_MOMENTUM:
        yield "optimizer.betas=[0.5,0.999]"
    yield from _slower(settings, 4)


def _generator_is_dead(settings: Settings) -> Iterator[str]:
    """For a generator whose images are all equal or flat."""
    if _name("objective", settings) == "minimax":
        yield "objective=non_saturating"
    yield f"optimizer.generator.lr={_rate(settings, 'generator') / 10:g}"
    generator = settings["model"]["generator"]
    if generator.get("activation") == "relu":
        yield "model.generator.activation=leaky_relu model.generator.negative_slope=0.2"
    if generator.get("normalization") == "none":
        yield "model.generator.normalization=batch"
    yield from _clip(settings)
    yield from _regularize_discriminator(settings)


def _generator_stands_still(settings: Settings) -> Iterator[str]:
    """For a generator that does not change: it gets no gradient, or its steps are too small."""
    if _name("objective", settings) == "minimax":
        yield "objective=non_saturating"
    plain = settings["optimizer"]["_target_"].endswith(".SGD")
    d_lr, rate = (_rate(settings, network) for network in ("discriminator", "generator"))
    too_high = rate > (HIGH_PLAIN_RATE if plain else HIGH_RATE)  # its outputs are saturated
    unlike = not d_lr / MUCH <= rate <= d_lr * MUCH
    yield f"optimizer.generator.lr={d_lr if unlike else rate / 100 if too_high else rate * 10:g}"
    if plain:
        yield "optimizer=adam"
    yield from _regularize_discriminator(settings)


def _diverged(settings: Settings) -> Iterator[str]:
    if "16" in str(settings["trainer"].get("precision", "")):
        yield "trainer.precision=32-true"
    yield from _slower(settings, 10)
    yield from _clip(settings)
    yield from _regularize_discriminator(settings)


SUGGESTIONS: dict[str, Callable[[Settings], Iterator[str]]] = {
    "discriminator wins": _discriminator_wins,
    "mode collapse": _collapsed,
    "missing classes": _collapsed,
    "dead generator": _generator_is_dead,
    "generator stands still": _generator_stands_still,
    "divergence": _diverged,
}


def _name(group: str, settings: Settings) -> str:
    return option_name(group, settings[group])


def _regularize_discriminator(settings: Settings, penalty: str = "r1") -> Iterator[str]:
    """Regularisation of D: a penalty if there is none, else a stronger one."""
    chosen, name = settings["penalty"], _name("penalty", settings)
    if name in R1R2:
        yield f"penalty.gamma={chosen['gamma'] * 10:g}"
    elif _name("objective", settings) == "wasserstein" and name != "gradient_penalty":
        yield f"penalty=gradient_penalty{_unnormalized(settings)}"
    elif name in ("none", "clipping"):
        yield f"penalty={penalty}{_unnormalized(settings)}"


def _unnormalized(settings: Settings) -> str:
    """The change that a gradient penalty needs: it is defined for single images, without batch normalisation."""
    batch = settings["model"]["discriminator"].get("normalization") == "batch"
    return " model.discriminator.normalization=none" if batch else ""


def _slower(settings: Settings, times: float) -> Iterator[str]:
    rates = {network: _rate(settings, network) / times for network in ("discriminator", "generator")}
    if all(_rate(settings, network) == settings["optimizer"].get("lr") for network in rates):
        yield f"optimizer.lr={rates['generator']:g}"
    else:
        yield " ".join(f"optimizer.{network}.lr={rate:g}" for network, rate in rates.items())


def _clip(settings: Settings) -> Iterator[str]:
    optimizer = settings["optimizer"]
    nodes = (optimizer, *(optimizer.get(network) or {} for network in ("discriminator", "generator")))
    if all(node.get("clip_norm") is None for node in nodes):
        yield "optimizer.clip_norm=1"


def _rate(settings: Settings, network: str) -> float:
    optimizer = settings["optimizer"]
    return float((optimizer.get(network) or {}).get("lr", optimizer["lr"]))
