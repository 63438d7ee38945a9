"""The mathematics of GANs: networks, losses, penalties, augmentation, EMA, schedules, latents, and the two updates."""

from typing import Any


def none(*given: Any) -> None:
    """Make nothing: the ``_target_`` of the option `none` of a group, as in `penalty=none`."""
