"""What happened in the game since the last look: kept on the device, so that no step waits for the host."""

import torch
from torch import Tensor

from gan.losses import value


class GameRecord:
    """Losses and logits of the updates since the last ``take``.

    A step appends references to tensors that it has anyway; the arithmetic is done for all of them together, once every
    log interval.
    """

    def __init__(self) -> None:
        self._d_losses: list[Tensor] = []
        self._g_losses: list[Tensor] = []
        self._real_logits: list[Tensor] = []
        self._fake_logits: list[Tensor] = []

    def discriminator(self, d_loss: Tensor, real_logits: Tensor, fake_logits: Tensor) -> None:
        self._d_losses.append(d_loss.detach())
        self._real_logits.append(real_logits.detach())
        self._fake_logits.append(fake_logits.detach())

    def generator(self, g_loss: Tensor) -> None:
        self._g_losses.append(g_loss.detach())

    @property
    def updates(self) -> dict[str, int]:
        """Recorded updates of each network, by the name of its loss."""
        return {"d_loss": len(self._d_losses), "g_loss": len(self._g_losses)}

    def take(self) -> dict[str, Tensor]:
        """Everything recorded since the last call, as scalars on the device, and forget it.

        Returns:
            For each network that was updated, its mean loss (``d_loss``, ``g_loss``) and its last (``d_loss_last``,
            ``g_loss_last``). With ``d_loss`` also ``d_accuracy_real`` and ``d_accuracy_fake`` (the share of images that
            D tells right, at probability 1/2), ``d_real`` and ``d_fake`` (mean probability of being real, by D) and
            ``value`` (V(D, G), without label smoothing).
        """
        taken: dict[str, Tensor] = {}
        if self._d_losses:
            real_logits, fake_logits = torch.cat(self._real_logits), torch.cat(self._fake_logits)
            taken |= {
                "d_loss": torch.stack(self._d_losses).mean(),
                "d_loss_last": self._d_losses[-1],
                "d_accuracy_real": (real_logits > 0).float().mean(),
                "d_accuracy_fake": (fake_logits <= 0).float().mean(),
                "d_real": real_logits.sigmoid().mean(),
                "d_fake": fake_logits.sigmoid().mean(),
                "value": value(real_logits, fake_logits),
            }
        if self._g_losses:
            taken |= {"g_loss": torch.stack(self._g_losses).mean(), "g_loss_last": self._g_losses[-1]}
        self.clear()
        return taken

    def clear(self) -> None:
        """Forget what is recorded."""
        for recorded in (self._d_losses, self._g_losses, self._real_logits, self._fake_logits):
            recorded.clear()
