"""One rank of a game, or all of it: which losses it has, step by step, and with which weights it ends.

To be run by `gan.launch.launcher.launch`: rank_losses.py SETTINGS.json REPORT_FOLDER. For the proof that two
processes play the game of one, every draw for an image is made for the whole minibatch, alike on all ranks, and each
takes its part.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
from omegaconf import DictConfig
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gan.game import updates
from gan.launch import hydra_job
from gan.system.random_streams import stream_seed
from gan.training.build import build_data, build_game, build_trainer, set_up_process

DRAWS = (torch.rand, torch.randn, torch.randint)
ALIKE = (torch.rand_like, torch.randn_like)


class DealtOut(TorchFunctionMode):
    """Inside, what torch draws for this rank's images is its part of what one process would have drawn."""

    def __init__(self, rank: int, processes: int) -> None:
        super().__init__()
        self.rank, self.processes = rank, processes

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in ALIKE:
            whole = torch.cat([args[0]] * self.processes)
            return self._own(func(whole, *args[1:], **kwargs))
        if func is Tensor.uniform_ and args[0].ndim == 2:
            whole = torch.cat([args[0]] * self.processes)
            return args[0].copy_(self._own(func(whole, *args[1:], **kwargs)))
        if func in (torch.rand, torch.randn) and isinstance(args[0], int):
            return self._own(func(args[0] * self.processes, *args[1:], **kwargs))
        return func(*args, **kwargs)

    def _own(self, whole: Tensor) -> Tensor:
        return whole.chunk(self.processes)[self.rank]


class Losses(L.Callback):
    """Both losses of each minibatch, as means over the processes."""

    def __init__(self) -> None:
        self.losses: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        taken = {name: loss for name, loss in pl_module.record.take().items() if name in ("d_loss", "g_loss")}
        self.losses.append({name: float(trainer.strategy.reduce(loss)) for name, loss in taken.items()})


def play(settings: dict[str, Any], rank: int, processes: int) -> tuple[list[dict[str, float]], Tensor]:
    """The losses of a game, and all weights at its end, flat."""
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    trainer = build_trainer(settings)
    losses = Losses()
    trainer.callbacks += [losses]  # type: ignore[attr-defined]
    updates.stream_seed = lambda seed, rank, *of: stream_seed(seed, 0, *of)  # type: ignore[attr-defined]
    try:
        with DealtOut(rank, processes):
            trainer.fit(game, datamodule=data)
    finally:
        updates.stream_seed = stream_seed  # type: ignore[attr-defined]
    return losses.losses, torch.cat([p.detach().flatten() for p in game.parameters()])


def main(settings_file: Path, folder: Path) -> None:
    set_up_process()
    rank = int(os.environ["LOCAL_RANK"])
    losses, weights = play(json.loads(settings_file.read_text()), rank, int(os.environ["WORLD_SIZE"]))
    torch.save({"losses": losses, "weights": weights}, folder / f"rank{rank}.pt")


if __name__ == "__main__":
    rank_job = hydra_job.job(lambda _: main(Path(sys.argv[1]), Path(sys.argv[2])))
    sys.exit(hydra_job.run_command(lambda: rank_job(DictConfig({}))))
