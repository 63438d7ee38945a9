"""What happened in the game since the last look: kept on the device, so that no step waits for the host."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from gan.game.losses import Objective, value


class GameRecord:
    """Losses and logits of the updates since the last ``take``.

    A step appends references to tensors that it has anyway; the arithmetic is done for all of them together, once every
    log interval. An update that is made in parts is recorded part by part, each with its share of the minibatch.

    Args:
        objective: says what the logits mean.

    Attributes:
        taken: what the last ``take`` made means of: for each network that was updated, the name of its loss, the losses
            on the device, and how many updates they are of.
    """

    def __init__(self, objective: Objective) -> None:
        self.taken: dict[str, tuple[Tensor, int]] = {}
        self._objective = objective
        self._losses: dict[str, list[Tensor]] = {"d_loss": [], "g_loss": []}
        self._shares: dict[str, float] = {"d_loss": 0.0, "g_loss": 0.0}
        self._real_logits: list[Tensor] = []
        self._fake_logits: list[Tensor] = []
        self._notes: dict[str, list[Tensor]] = {}

    def discriminator(self, d_loss: Tensor, real_logits: Tensor, fake_logits: Tensor, share: float = 1.0) -> None:
        self._add("d_loss", d_loss, share)
        self._real_logits.append(real_logits.detach())
        self._fake_logits.append(fake_logits.detach())

    def generator(self, g_loss: Tensor, share: float = 1.0) -> None:
        self._add("g_loss", g_loss, share)

    def note(self, name: str, scalar: Tensor, share: float = 1.0) -> None:
        """Something else of an update, under its own name; ``take`` gives the mean, weighted by the shares."""
        self._notes.setdefault(name, []).append(scalar.detach() if share == 1 else scalar.detach() * share)
        self._shares[name] = self._shares.get(name, 0.0) + share

    @property
    def updates(self) -> dict[str, int]:
        """Recorded updates of each network, by the name of its loss."""
        return {name: round(self._shares[name]) for name in self._losses}

    @property
    def latest(self) -> list[Tensor]:
        """The last loss of each network that is known, taken already or not; scalars on the device."""
        latest = {name: losses[-1] for name, (losses, _) in self.taken.items()}
        latest |= {name: losses[-1] for name, losses in self._losses.items() if losses}
        return list(latest.values())

    def take(self) -> dict[str, Tensor]:
        """Everything recorded since the last call, as scalars on the device, and forget it.

        Returns:
            For each network that was updated, its mean loss (``d_loss``, ``g_loss``) and its last (``d_loss_last``,
            ``g_loss_last``). With ``d_loss`` also what D's logits say: see `standing`. And what was noted.
        """
        taken: dict[str, Tensor] = {}
        updates = self.updates
        self.taken = {name: (torch.stack(losses), updates[name]) for name, losses in self._losses.items() if losses}
        for name, (losses, _) in self.taken.items():
            taken |= {name: losses.sum() / self._shares[name], f"{name}_last": losses[-1]}
        if self._real_logits:
            taken |= standing(self._objective, torch.cat(self._real_logits), torch.cat(self._fake_logits))
        taken |= {name: torch.stack(noted).sum() / self._shares[name] for name, noted in self._notes.items()}
        self.clear()
        return taken

    def clear(self) -> None:
        """Forget what is recorded."""
        for recorded in (*self._losses.values(), self._real_logits, self._fake_logits):
            recorded.clear()
        self._notes.clear()
        self._shares = dict.fromkeys(self._losses, 0.0)

    def state_dict(self) -> dict[str, Any]:
        """What is recorded, in plain containers, for a checkpoint in the middle of an epoch."""
        return {
            "losses": {name: list(losses) for name, losses in self._losses.items()},
            "shares": dict(self._shares),
            "logits": [list(self._real_logits), list(self._fake_logits)],
            "notes": {name: list(noted) for name, noted in self._notes.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what was recorded."""
        self._losses, self._notes = state["losses"], state["notes"]
        whole = {name: float(len(noted)) for name, noted in self._notes.items()}  # earlier versions had no shares here
        self._shares = whole | state["shares"]
        self._real_logits, self._fake_logits = state["logits"]

    def to(self, device: torch.device) -> None:
        """Move what is recorded to where the game is."""
        moved = tree_map(lambda value: value.to(device) if isinstance(value, Tensor) else value, self.state_dict())
        self.load_state_dict(moved)

    def _add(self, name: str, loss: Tensor, share: float) -> None:
        self._losses[name].append(loss.detach() if share == 1 else loss.detach() * share)
        self._shares[name] += share


def standing(objective: Objective, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
    """How the discriminator does on these logits, both (N,) and in pairs, as scalars.

    Returns:
        ``d_accuracy_real`` and ``d_accuracy_fake``, the share of images that D tells right; where the objective knows
        no boundary, ``d_accuracy_pairs``, the share of pairs whose real image has the higher logit. ``d_real`` and
        ``d_fake``, D's mean probability of being real, and ``value``, V(D, G) without label smoothing; where logits are
        no log odds, ``d_logit_real`` and ``d_logit_fake``, their means.
    """
    if objective.boundary is None:
        told = {"d_accuracy_pairs": (real_logits > fake_logits).float().mean()}
    else:
        told = {
            "d_accuracy_real": (real_logits > objective.boundary).float().mean(),
            "d_accuracy_fake": (fake_logits <= objective.boundary).float().mean(),
        }
    if objective.logistic:
        return told | {
            "d_real": real_logits.sigmoid().mean(),
            "d_fake": fake_logits.sigmoid().mean(),
            "value": value(real_logits, fake_logits),
        }
    return told | {"d_logit_real": real_logits.mean(), "d_logit_fake": fake_logits.mean()}
