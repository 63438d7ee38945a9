"""Statistics of a game since the last log row: kept on the device, so that no step waits for the host."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from gan.game.losses import Objective, value

LOSSES = ("d_loss", "g_loss")
ROUNDING = 1e-6  # of the weights of an update's parts, whose sum is 1


class GameStatistics:
    """Losses, logits and other scalars of the updates since the last ``take``.

    A step appends references to tensors that it has computed anyway. All arithmetic is done together, once per log
    interval. An update in several parts is added part by part, each weighted by its fraction of the minibatch.

    Args:
        objective: defines what the logits mean.

    Attributes:
        objective: as above; it may change in the course of a run.
        taken: the input of the last ``take``: for each network that was updated, the name of its loss, the losses on
            the device, one for each update, and the number of updates.
    """

    def __init__(self, objective: Objective) -> None:
        self.taken: dict[str, tuple[Tensor, int]] = {}
        self.objective = objective
        self._scalars: dict[str, list[Tensor]] = {}
        self._weights: dict[str, float] = {}
        self._real_logits: list[Tensor] = []
        self._fake_logits: list[Tensor] = []

    def add_discriminator(self, d_loss: Tensor, real_logits: Tensor, fake_logits: Tensor, weight: float = 1.0) -> None:
        self.add("d_loss", d_loss, weight)
        self._real_logits.append(real_logits.detach())
        self._fake_logits.append(fake_logits.detach())

    def add_generator(self, g_loss: Tensor, weight: float = 1.0) -> None:
        self.add("g_loss", g_loss, weight)

    def add(self, name: str, scalar: Tensor, weight: float = 1.0) -> None:
        """Add a scalar of an update; ``take`` returns the weighted mean under this name."""
        values, so_far = self._scalars.setdefault(name, []), self._weights.get(name, 0.0)
        part = scalar.detach() if weight == 1 else scalar.detach() * weight
        if abs(so_far - round(so_far)) < ROUNDING:
            values.append(part)
        else:  # the next part of an update
            values[-1] = values[-1] + part
        self._weights[name] = so_far + weight

    @property
    def updates(self) -> dict[str, int]:
        """Updates of each network since the last ``take``, by the name of its loss."""
        return {name: round(self._weights.get(name, 0.0)) for name in LOSSES}

    @property
    def latest(self) -> list[Tensor]:
        """The last known loss of each network, before or after ``take``; scalars on the device."""
        latest = {name: losses[-1] for name, (losses, _) in self.taken.items()}
        latest |= {name: self._scalars[name][-1] for name in LOSSES if name in self._scalars}
        return list(latest.values())

    def take(self) -> dict[str, Tensor]:
        """`compute` all statistics since the last call, and reset."""
        taken = self.compute()
        self.clear()
        return taken

    def compute(self) -> dict[str, Tensor]:
        """Compute all statistics since the last ``take``, as scalars on the device.

        Returns:
            For each network that was updated, its mean loss (``d_loss``, ``g_loss``) and its last loss
            (``d_loss_last``, ``g_loss_last``). With ``d_loss``, also `discriminator_statistics`. Then the mean of every
            other scalar.
        """
        updates, scalars = self.updates, {name: torch.stack(values) for name, values in self._scalars.items()}
        means = {name: values.sum() / self._weights[name] for name, values in scalars.items()}
        self.taken = {name: (scalars[name], updates[name]) for name in LOSSES if name in scalars}
        taken: dict[str, Tensor] = {}
        for name, (losses, _) in self.taken.items():
            taken |= {name: means[name], f"{name}_last": losses[-1]}
        if self._real_logits:
            logits = torch.cat(self._real_logits), torch.cat(self._fake_logits)
            taken |= discriminator_statistics(self.objective, *logits)
        return taken | {name: mean for name, mean in means.items() if name not in LOSSES}

    def clear(self) -> None:
        """Reset without computing anything."""
        for values in (self._scalars, self._weights, self._real_logits, self._fake_logits):
            values.clear()

    def state_dict(self) -> dict[str, Any]:
        """The state in plain containers, for a checkpoint in the middle of an epoch."""
        scalars = {name: list(values) for name, values in self._scalars.items()}
        return {
            "losses": {name: scalars.pop(name, []) for name in LOSSES},
            "shares": dict.fromkeys(LOSSES, 0.0) | self._weights,
            "logits": [list(self._real_logits), list(self._fake_logits)],
            "notes": scalars,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        saved = {**state["losses"], **state["notes"]}
        self._scalars = {name: list(values) for name, values in saved.items() if values}
        counts = {name: float(len(values)) for name, values in state["notes"].items()}
        self._weights = counts | state["shares"]  # earlier versions saved no weights of the notes
        self._real_logits, self._fake_logits = map(list, state["logits"])

    def to(self, device: torch.device) -> None:
        """Move all tensors to a device."""
        moved = tree_map(lambda value: value.to(device) if isinstance(value, Tensor) else value, self.state_dict())
        self.load_state_dict(moved)


def discriminator_statistics(objective: Objective, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
    """Accuracy and mean output of the discriminator, scalars, from logits (N,), which are also taken in pairs.

    Returns:
        ``d_accuracy_real`` and ``d_accuracy_fake``, the fraction of images that D classifies correctly. If the
        objective has no boundary: ``d_accuracy_pairs``, the fraction of pairs in which the real image has the higher
        logit. If logits are log odds: ``d_real`` and ``d_fake``, D's mean probability of being real, and ``value``,
        V(D, G) without label smoothing; otherwise ``d_logit_real`` and ``d_logit_fake``, the mean logits.
    """
    if objective.boundary is None:
        accuracy = {"d_accuracy_pairs": (real_logits > fake_logits).float().mean()}
    else:
        accuracy = {
            "d_accuracy_real": (real_logits > objective.boundary).float().mean(),
            "d_accuracy_fake": (fake_logits <= objective.boundary).float().mean(),
        }
    if objective.logistic:
        return accuracy | {
            "d_real": real_logits.sigmoid().mean(),
            "d_fake": fake_logits.sigmoid().mean(),
            "value": value(real_logits, fake_logits),
        }
    return accuracy | {"d_logit_real": real_logits.mean(), "d_logit_fake": fake_logits.mean()}
