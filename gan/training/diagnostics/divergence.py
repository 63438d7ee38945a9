"""When the numbers of a game are finite no more, nothing good can come of going on: it ends, and keeps what it had."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from gan.runs.run_folder import what_is_left
from gan.system import shell
from gan.system.errors import RunError
from gan.training.diagnostics.alarms import Moment, to_try
from gan.training.diagnostics.suggestions import suggestions
from gan.training.module import GAN

LOSSES = {"d_loss": ("discriminator", "d_updates"), "g_loss": ("generator", "g_updates")}


class Diverged(RunError):
    """The run ends, by itself: a loss or a weight is NaN or infinite.

    Attributes:
        seen: what is not finite, and since which of its network's updates.
        since: when it was so first, as far as that is known.
        settings: changes to try, as on the command line.
        folder: of the run, which keeps the last finite state.
    """

    def __init__(self, seen: str, since: Moment, settings: list[str], folder: Path) -> None:
        super().__init__(seen)
        self.seen = seen
        self.since = since
        self.settings = settings
        self.folder = folder

    def __str__(self) -> str:
        # What is left is looked at when it is told: by then a checkpoint that was being written is there.
        left, is_whole, _ = what_is_left(self.folder).partition("\nTo go on: ")
        told = f"DIVERGED in {self.since}: {self.seen}. {to_try(self.settings)}\n{left}"
        words = self._changed
        if not is_whole or not words:
            return told
        allowed = ",".join(word.partition("=")[0] for word in words)
        return (
            f"{told}\nWith the same settings it would diverge again. To go on with another one: "
            f"{shell.resume(self.folder, *words, f'resume.allow=[{allowed}]')}"
        )

    @property
    def _changed(self) -> list[str]:
        """The words of the first change that a run may be resumed with: it keeps its networks, losses and penalty."""
        found = (change.split() for change in self.settings)
        return next((words for words in found if all(word.startswith("optimizer.") for word in words)), [])


def check_finite(game: GAN, folder: Path) -> None:
    """Before the networks are written: raise `Diverged` if they hold a number that is not finite."""
    broken = non_finite_networks(game)
    if broken:
        raise _diverged([_weights(broken)], game, game.g_updates, folder)


def check_losses(game: GAN, values: Mapping[str, float], first: Mapping[str, int | None], folder: Path) -> None:
    """After a row of the monitor: raise `Diverged` if the game's losses are lost for good.

    A loss that is not finite is no end by itself: under float16 a step with infinite gradients is left out.

    Args:
        values: the means of the losses and their last values, by name.
        first: for each loss, its network's first update with a loss that is not finite; None: there is none.
    """
    lost = [name for name in LOSSES if first.get(name) is not None]
    if not lost:
        return
    broken = non_finite_networks(game)
    if not broken and all(_is_finite(values[f"{name}_last"]) for name in lost):
        return
    told = [f"the {LOSSES[name][0]}'s loss since its update {first[name]:,}" for name in lost]
    if broken:
        told.append(_weights(broken))
    raise _diverged(told, game, first.get("g_loss") or game.g_updates, folder)


def losses_are_finite(game: GAN) -> bool:
    """Are the last losses that the game has recorded? The host waits for the device."""
    latest = game.record.latest
    return not latest or bool(torch.stack(latest).isfinite().all())


def first_lost_update(losses: Tensor, updates: int, total: int) -> int | None:
    """The first update, counted from 1, whose loss is not finite; None: all are.

    Args:
        losses: (n,): of the last ``updates`` updates, in order, each in one part or several.
        total: updates of the network so far.
    """
    lost = torch.nonzero(~losses.isfinite())
    return total - updates + int(lost[0]) * updates // len(losses) + 1 if len(lost) else None


def non_finite_networks(game: GAN) -> list[str]:
    """The networks that hold a number, weight or statistic, that is not finite. The host waits for the device once."""
    networks: dict[str, nn.Module] = {"discriminator": game.discriminator, "generator": game.generator}
    if game.ema is not None:
        networks["average of the generator"] = game.ema
    finite = torch.stack([_all_finite(network) for network in networks.values()]).tolist()
    return [name for name, is_finite in zip(networks, finite, strict=True) if not is_finite]


def _all_finite(network: nn.Module) -> Tensor:
    tensors = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    return torch.stack([tensor.isfinite().all() for tensor in tensors]).all()


def _is_finite(value: float) -> bool:
    return abs(value) < float("inf")  # of NaN too


def _weights(broken: list[str]) -> str:
    return f"weights of {', '.join(f'the {network}' for network in broken)}"


def _diverged(what: list[str], game: GAN, update: int, folder: Path) -> Diverged:
    since = Moment(game.current_epoch + 1, update)
    return Diverged(f"not finite: {'; '.join(what)}", since, suggestions("divergence", game.hparams), folder)
