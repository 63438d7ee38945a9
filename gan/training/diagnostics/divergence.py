"""Divergence: a run ends when losses or weights are not finite, and keeps its last checkpoints."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gan.runs.run_end import describe_stopped_run, resume_command
from gan.system.errors import RunError
from gan.training.diagnostics.alarms import Moment, to_try
from gan.training.diagnostics.suggestions import suggestions
from gan.training.game_module import GameModule

LOSSES = {"d_loss": ("discriminator", "d_updates"), "g_loss": ("generator", "g_updates")}


class Diverged(RunError):
    """The run has diverged: a loss or a weight is NaN or infinite.

    Attributes:
        seen: what is not finite, and since which update of its network.
        since: the first moment, as far as it is known.
        settings: suggested changes, as typed on the command line.
        folder: the run folder, which keeps the last finite state.
    """

    def __init__(self, seen: str, since: Moment, settings: list[str], folder: Path) -> None:
        super().__init__(seen)
        self.seen = seen
        self.since = since
        self.settings = settings
        self.folder = folder

    def __str__(self) -> str:
        # The files are listed when the message is printed: then a checkpoint that was being written is complete.
        left, has_checkpoint, _ = describe_stopped_run(self.folder).partition("\nTo resume: ")
        message = f"The run diverged in {self.since}: {self.seen}. {to_try(self.settings)}\n{left}"
        overrides = self._changed
        if not has_checkpoint or not overrides:
            return message
        allowed = ",".join(override.partition("=")[0] for override in overrides)
        return (
            f"{message}\nWith the same settings it would diverge again. To resume with other settings: "
            f"{resume_command(self.folder, *overrides, f'resume.allow=[{allowed}]')}"
        )

    @property
    def _changed(self) -> list[str]:
        """The overrides of the first suggestion that changes the optimizers only: a run can be resumed with it."""
        found = (change.split() for change in self.settings)
        return next((each for each in found if all(override.startswith("optimizer.") for override in each)), [])


def check_finite(game: GameModule, folder: Path) -> None:
    """Raise `Diverged` if a network has values that are not finite; called before the networks are written."""
    broken = non_finite_networks(game)
    if broken:
        raise _diverged([_weights(broken)], game, game.g_updates, folder)


def check_losses(game: GameModule, values: Mapping[str, float], first: Mapping[str, int | None], folder: Path) -> None:
    """Raise `Diverged` if losses stay not finite; called after each row of the monitor.

    One loss that is not finite does not end the run: with float16, a step with infinite gradients is skipped.

    Args:
        values: means and last values of the losses, by name.
        first: for each loss, the first update of its network with a loss that is not finite; None if there is none.
    """
    lost = [name for name in LOSSES if first.get(name) is not None]
    if not lost:
        return
    broken = non_finite_networks(game)
    if not broken and all(math.isfinite(values[f"{name}_last"]) for name in lost):
        return
    reasons = [f"the {LOSSES[name][0]}'s loss since its update {first[name]:,}" for name in lost]
    if broken:
        reasons.append(_weights(broken))
    raise _diverged(reasons, game, first.get("g_loss") or game.g_updates, folder)


def losses_are_finite(game: GameModule) -> bool:
    """Whether the last losses of the game are finite. The host waits for the device."""
    latest = game.record.latest
    return not latest or bool(torch.stack(latest).isfinite().all())


def first_lost_update(losses: Tensor, updates: int, total: int) -> int | None:
    """The first update, counted from 1, whose loss is not finite; None if all are finite.

    Args:
        losses: (updates,), of the last updates in order.
        total: updates of the network so far.
    """
    lost = torch.nonzero(~losses.isfinite())
    return total - updates + int(lost[0]) + 1 if len(lost) else None


def non_finite_networks(game: GameModule) -> list[str]:
    """The networks with a weight or statistic that is not finite. The host waits for the device once."""
    networks: dict[str, nn.Module] = {"discriminator": game.discriminator, "generator": game.generator}
    if game.ema is not None:
        networks["average of the generator"] = game.ema
    finite = torch.stack([_all_finite(network) for network in networks.values()]).tolist()
    return [name for name, is_finite in zip(networks, finite, strict=True) if not is_finite]


def _all_finite(network: nn.Module) -> Tensor:
    tensors = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    return torch.stack([tensor.isfinite().all() for tensor in tensors]).all()


def _weights(broken: list[str]) -> str:
    return f"weights of {', '.join(f'the {network}' for network in broken)}"


def _diverged(reasons: list[str], game: GameModule, update: int, folder: Path) -> Diverged:
    since = Moment(game.current_epoch + 1, update)
    return Diverged(f"not finite: {'; '.join(reasons)}", since, suggestions("divergence", game.hparams), folder)
