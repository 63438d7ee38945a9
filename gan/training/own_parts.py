"""A trial of the user's own objective, penalty and augmentation on two images, before the run starts."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gan.config.kinds import NONE
from gan.game.networks.evaluation_mode import evaluating
from gan.game.updates import Game
from gan.system.errors import ConfigError, in_one_line
from gan.system.trust import is_below


def try_own_parts(settings: Mapping[str, Any], game: Game, image_shape: tuple[int, int, int]) -> None:
    """Call the parts that are classes of the user's own as a training step calls them.

    Raises:
        ConfigError: one raises an error, or returns something else than a step needs.
    """
    trials = {"objective": _try_objective, "penalty": _try_penalty, "augmentation": _try_augmentation}
    for group, trial in trials.items():
        target = settings[group]["_target_"]
        if target == NONE or is_below(target, ["gan"]):
            continue
        with torch.random.fork_rng(devices=[]), evaluating(game), torch.enable_grad():
            try:
                trial(game, torch.randn(2, *image_shape))
            except ConfigError as error:
                raise ConfigError(f"{group}: {target}: {error}") from error
            except Exception as error:
                what = in_one_line(error)
                raise ConfigError(f"{group}: {target}: {what}") from error


def _try_objective(game: Game, images: Tensor) -> None:
    real, fake = (torch.randn(len(images), requires_grad=True) for _ in range(2))
    _check_loss("d_loss", lambda: game.objective.d_loss(real, fake))
    _check_loss("g_loss", lambda: game.objective.g_loss(fake, real if game.objective.g_needs_real else None))


def _try_penalty(game: Game, images: Tensor) -> None:
    penalty, labels = game.penalty, torch.zeros(len(images), dtype=torch.int64)
    if penalty is not None and penalty.due(0):
        fake = torch.randn_like(images)
        _check_loss("", lambda: penalty(lambda shown: game.discriminate(shown, labels).logits, images, fake))


def _try_augmentation(game: Game, images: Tensor) -> None:
    if game.augmentation is not None:
        seen = game.augmentation(images.requires_grad_())
        if not isinstance(seen, Tensor) or seen.shape != images.shape or not seen.requires_grad:
            raise ConfigError(
                f"{_described(seen)} given for images of shape {tuple(images.shape)}; a tensor of the same shape, "
                "with gradients, expected"
            )


def _check_loss(method: str, call: Callable[[], object]) -> None:
    loss = call()
    if not isinstance(loss, Tensor) or loss.dim() != 0 or not loss.requires_grad:
        where = f"{method}: " if method else ""
        raise ConfigError(f"{where}{_described(loss)} given; a tensor with one number and with gradients expected")


def _described(value: object) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    return f"a tensor of shape {tuple(value.shape)}{'' if value.requires_grad else ' without gradients'}"
