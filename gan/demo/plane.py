"""A run on 2-D points as a page draws it: points, the discriminator's surface, the gradients of the generator."""

import math
from typing import Any

import torch
from torch import Tensor

from gan.data.module import ImageData
from gan.data.normalization import denormalize
from gan.data.points import modes_covered
from gan.data.registry import POINT_SHAPE, TOY_DISTRIBUTIONS
from gan.game.networks.adapting import generate
from gan.game.networks.evaluation_mode import evaluating
from gan.training.game_module import GameModule

REACH = 1.25  # half the width of what is drawn, in units of normalised points
CELLS = 40  # of the surface, along each side
DRAWN, ARROWS, MEASURED = 400, 100, 2500  # points; PacGAN and VEEGAN count modes of 2,500


def view(game: GameModule, data: ImageData) -> dict[str, Any]:
    """The picture of a game as lists of numbers. The random numbers and gradients of the training do not change.

    Coordinates are normalised. ``arrows`` are x, y and the direction in which G's loss falls, times the number of
    points: it is the gradient for one point. ``surface`` has D's logits row by row, y upwards.
    """
    z, labels = game.fixed_latents(MEASURED, "fixed samples")
    real = _plane_of(data)[:DRAWN]
    with evaluating(game):
        with torch.no_grad():
            fake = generate(game.generator, z, labels)
            surface = _logits(game, _cells())
        arrows = _gradients(game, fake[:ARROWS].detach(), real[:ARROWS])
    return {
        "real": _numbers(real.flatten(1)),
        "fake": _numbers(fake[:DRAWN].flatten(1)),
        "arrows": _numbers(torch.cat([fake[:ARROWS].flatten(1), arrows], dim=1), 5),
        "gradient": _numbers(arrows.norm(dim=1).mean(), 6),
        "surface": {
            "logits": _numbers(surface, _digits(surface)),
            "cells": CELLS,
            "reach": REACH,
            "logistic": game.objective.logistic,
            "boundary": game.objective.boundary,
        },
        "modes": _modes(fake, data),
    }


def _plane_of(data: ImageData) -> Tensor:
    """The first real points, normalised, (DRAWN, 2, 1, 1) or fewer; all modes are among them."""
    return (data.loaded.images[:DRAWN] - data.mean) / data.std


def _cells() -> Tensor:
    """The middles of the cells of the surface, (CELLS², 2, 1, 1), row by row."""
    side = (torch.arange(CELLS) + 0.5) / CELLS * 2 * REACH - REACH
    y, x = torch.meshgrid(side, side, indexing="ij")
    return torch.stack([x, y], dim=2).view(-1, *POINT_SHAPE)


def _logits(game: GameModule, points: Tensor) -> Tensor:
    return game.discriminate(points, torch.zeros(len(points), dtype=torch.int64)).logits


def _gradients(game: GameModule, fake: Tensor, real: Tensor) -> Tensor:
    """The direction in which G's loss falls, for each of these points, (N, 2)."""
    real = real[torch.arange(len(fake)) % len(real)]
    with torch.enable_grad():
        fake = fake.requires_grad_()
        real_logits = _logits(game, real).detach() if game.objective.g_needs_real else None
        loss = game.objective.g_loss(_logits(game, fake), real_logits)
        (gradient,) = torch.autograd.grad(loss * len(fake), fake)
    return -gradient.flatten(1)


def _modes(fake: Tensor, data: ImageData) -> dict[str, Any] | None:
    """Covered modes and the fraction of good points; None for drawn points, which have no modes."""
    toy = TOY_DISTRIBUTIONS.get(data.loaded.name)
    if toy is None:
        return None
    points = denormalize(fake, data.mean, data.std, torch.float32)
    covered = modes_covered(points, torch.tensor(toy.centres), toy.std)
    return {"covered": covered.modes, "of": len(toy.centres), "good": round(covered.high_quality, 4)}


def _digits(values: Tensor) -> int:
    """Decimals that show a thousandth of the range of these values."""
    spread = float(values.max() - values.min())
    return 3 - math.floor(math.log10(spread)) if 0 < spread < math.inf else 3


def _numbers(values: Tensor, digits: int = 3) -> Any:
    """Rounded and finite, for JSON."""
    finite = values.detach().cpu().double().nan_to_num(0.0, 1e6, -1e6).clamp(-1e6, 1e6)
    return finite.round(decimals=digits).tolist()
