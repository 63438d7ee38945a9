"""Which settings to try when a game goes wrong, fitting those of the run; each as it is typed on the command line."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from gan.data.registry import TOY_DISTRIBUTIONS

Settings = Mapping[str, Any]
MOST = 3  # settings told at a time
R1R2 = ("r1", "r2", "r1_r2")
HIGH_MOMENTUM = 0.9
MUCH = 10  # times the other network's learning rate
HIGH_RATE, HIGH_PLAIN_RATE = 0.01, 1.0  # learning rates above which Adam and its like, or plain descent, overshoot


def suggestions(problem: str, settings: Settings) -> list[str]:
    """Up to three changes, the likeliest to help first; none for settings that are not a whole configuration.

    Args:
        problem: a key of ``SUGGESTIONS``.
        settings: the run's configuration.
    """
    return list(islice(SUGGESTIONS[problem](settings), MOST)) if "objective" in settings else []


def _discriminator_wins(settings: Settings) -> Iterator[str]:
    if settings["objective"]["name"] == "minimax":
        yield "objective=non_saturating"
    d_lr, g_lr = (_rate(settings, network) for network in ("discriminator", "generator"))
    if d_lr > MUCH * g_lr:
        yield f"optimizer.generator.lr={d_lr:g}"
    elif d_lr > g_lr:
        yield f"optimizer.discriminator.lr={g_lr:g}"
    yield from _hold_discriminator(settings)
    if settings["schedule"].get("n_critic", 1) > 1:
        yield "schedule.n_critic=1"
    if settings["augmentation"]["name"] == "none" and settings["data"]["name"] not in TOY_DISTRIBUTIONS:
        yield "augmentation=diffaugment"
    yield f"optimizer.discriminator.lr={d_lr / 4:g}"


def _collapsed(settings: Settings) -> Iterator[str]:
    optimizer, penalty = settings["optimizer"], settings["penalty"]["name"]
    if settings["objective"]["name"] != "relativistic_paired":
        plain = "" if settings["objective"]["real_target"] == 1 else " objective.real_target=1"
        held = "" if penalty == "r1_r2" else f" penalty=r1_r2{_unnormalized(settings)}"
        yield f"objective=relativistic_paired{plain}{held}"
    else:
        yield from _hold_discriminator(settings, "r1_r2")
    if optimizer["_target_"].endswith(".SGD"):
        yield "optimizer=adam"
    elif (optimizer.get("betas") or [0.0])[0] >= HIGH_MOMENTUM:
        yield "optimizer.betas=[0.5,0.999]"
    yield from _slower(settings, 4)


def _generator_is_dead(settings: Settings) -> Iterator[str]:
    """Of a generator that makes one grey, or one picture."""
    if settings["objective"]["name"] == "minimax":
        yield "objective=non_saturating"
    yield f"optimizer.generator.lr={_rate(settings, 'generator') / 10:g}"
    generator = settings["model"]["generator"]
    if generator.get("activation") == "relu":
        yield "model.generator.activation=leaky_relu model.generator.negative_slope=0.2"
    if generator.get("normalization") == "none":
        yield "model.generator.normalization=batch"
    yield from _clip(settings)
    yield from _hold_discriminator(settings)


def _generator_stands_still(settings: Settings) -> Iterator[str]:
    """Of a generator that is updated and does not change: no gradient reaches it, or its steps are too small."""
    if settings["objective"]["name"] == "minimax":
        yield "objective=non_saturating"
    plain = settings["optimizer"]["_target_"].endswith(".SGD")
    d_lr, rate = (_rate(settings, network) for network in ("discriminator", "generator"))
    too_high = rate > (HIGH_PLAIN_RATE if plain else HIGH_RATE)  # its outputs are at their bounds, and stay there
    unlike = not d_lr / MUCH <= rate <= d_lr * MUCH
    yield f"optimizer.generator.lr={d_lr if unlike else rate / 100 if too_high else rate * 10:g}"
    if plain:
        yield "optimizer=adam"
    yield from _hold_discriminator(settings)


def _diverged(settings: Settings) -> Iterator[str]:
    if "16" in str(settings["trainer"].get("precision", "")):
        yield "trainer.precision=32-true"
    yield from _slower(settings, 10)
    yield from _clip(settings)
    yield from _hold_discriminator(settings)


SUGGESTIONS: dict[str, Callable[[Settings], Iterator[str]]] = {
    "discriminator wins": _discriminator_wins,
    "mode collapse": _collapsed,
    "missing classes": _collapsed,
    "dead generator": _generator_is_dead,
    "generator stands still": _generator_stands_still,
    "divergence": _diverged,
}


def _hold_discriminator(settings: Settings, penalty: str = "r1") -> Iterator[str]:
    """What keeps D from becoming ever steeper: a penalty where there is none, else a stronger one."""
    chosen = settings["penalty"]
    if chosen["name"] in R1R2:
        yield f"penalty.gamma={chosen['gamma'] * 10:g}"
    elif settings["objective"]["name"] == "wasserstein" and chosen["name"] != "gradient_penalty":
        yield f"penalty=gradient_penalty{_unnormalized(settings)}"
    elif chosen["name"] in ("none", "clipping"):
        yield f"penalty={penalty}{_unnormalized(settings)}"


def _unnormalized(settings: Settings) -> str:
    """What goes with a gradient penalty, which looks at one image at a time."""
    batch = settings["model"]["discriminator"].get("normalization") == "batch"
    return " model.discriminator.normalization=none" if batch else ""


def _slower(settings: Settings, times: float) -> Iterator[str]:
    rates = {network: _rate(settings, network) / times for network in ("discriminator", "generator")}
    if len(set(rates.values())) == 1:
        yield f"optimizer.lr={rates['generator']:g}"
    else:
        yield " ".join(f"optimizer.{network}.lr={rate:g}" for network, rate in rates.items())


def _clip(settings: Settings) -> Iterator[str]:
    if settings["optimizer"].get("clip_norm") is None:
        yield "optimizer.clip_norm=1"


def _rate(settings: Settings, network: str) -> float:
    optimizer = settings["optimizer"]
    return float((optimizer.get(network) or {}).get("lr", optimizer["lr"]))
