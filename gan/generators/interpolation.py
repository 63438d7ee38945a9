"""Linear and spherical interpolation of latents.

Functions of tensors, without networks. A walk visits its anchors (key frames) in order; `frame_positions` returns the
position of each frame between two anchors.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gan.game.latents import Prior
from gan.system.errors import GanError, unknown_name

METHODS = ("spherical", "linear")
MOST_FRAMES = 100_000


class FramePositions(NamedTuple):
    """The positions of the frames of a walk.

    Attributes:
        start: int64 (frames,), the anchor before each frame.
        end: int64 (frames,), the anchor after it.
        fraction: float32 (frames,), the position between the two, in [0, 1].
    """

    start: Tensor
    end: Tensor
    fraction: Tensor


def frame_positions(anchors: int, steps: int, *, loop: bool = False) -> FramePositions:
    """``steps`` frames from each anchor to the next: steps * (anchors - 1) + 1 frames, the last one on the last anchor.

    Args:
        anchors: number of anchors, 2 or more.
        steps: 1 or more.
        loop: continue to the first anchor: steps * anchors frames, where the last is one step before the first, so that
            a repeated animation has no jump.

    Raises:
        GanError: a number is out of its range.
    """
    if anchors < 2:
        raise GanError(f"an interpolation needs 2 or more images; {anchors} given")
    if steps < 1:
        raise GanError(f"steps: {steps} given; 1 or more expected")
    frames = steps * anchors if loop else steps * (anchors - 1) + 1
    if frames > MOST_FRAMES:
        raise GanError(f"steps: {steps} given, which makes {frames} frames; at most {MOST_FRAMES} expected")
    index = torch.arange(frames)
    start = index.div(steps, rounding_mode="floor")
    return FramePositions(start, (start + 1) % anchors, (index % steps) / steps)


def interpolate(anchors: Tensor, where: FramePositions, prior: Prior, method: str | None = None) -> Tensor:
    """Latents (frames, prior.width) of a walk between anchors (N, prior.width).

    Args:
        method: interpolation of the noise. "spherical": White 2016, "Sampling Generative Networks". Normal latents lie
            near a sphere of radius √latent_dim; a straight line leaves it, towards latents that are rare in training.
            "linear": for a uniform prior the line stays within its cube. None: "spherical" for a normal prior, else
            "linear". Codes are always interpolated linearly.

    Raises:
        GanError: the method does not exist.
    """
    method = method or ("spherical" if prior.name == "normal" else "linear")
    if method not in METHODS:
        raise GanError(unknown_name("method", method, METHODS))
    start, end, fraction = anchors[where.start], anchors[where.end], where.fraction[:, None]
    z = torch.lerp(start, end, fraction)
    if method == "spherical":
        noise = slice(0, prior.latent_dim)
        z[:, noise] = spherical(start[:, noise], end[:, noise], fraction)
    return z


def spherical(start: Tensor, end: Tensor, fraction: Tensor) -> Tensor:
    """(N, D) along the great circle between the directions of start and end, both (N, D); fraction is (N, 1).

    sin((1 − s)Ω)/sin Ω · start + sin(sΩ)/sin Ω · end, with Ω the angle between them. For equal or opposite directions,
    where the circle is not unique, it is the straight line.
    """
    cosine = torch.cosine_similarity(start, end, dim=1)[:, None].clamp(-1, 1)
    angle = cosine.arccos()
    sine = angle.sin()
    straight = sine < 1e-4
    sine = sine.where(~straight, torch.ones_like(sine))
    along = ((1 - fraction) * angle).sin() / sine * start + (fraction * angle).sin() / sine * end
    return torch.lerp(start, end, fraction).where(straight, along)
