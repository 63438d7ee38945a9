"""One rank of a game of two processes: trains as train.py does, and reports what it drew and what it holds.

To be run by `gan.launch.launcher.launch`: rank_report.py SETTINGS.json REPORT_FOLDER [mistake | bug | kill]

With a third word that is what happens to rank 1 in its third minibatch.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import torch
import torch.distributed as dist
from omegaconf import DictConfig

from gan.launch import hydra_job
from gan.system.errors import DataError
from gan.training.build import build_data, build_game, build_trainer, set_up_process
from gan.training.module import GAN


class Report(L.Callback):
    """After every turn: are both networks bit-equal on all ranks? And what was drawn and seen in it."""

    def __init__(self) -> None:
        self.equal: list[bool] = []
        self.latents: list[float] = []
        self.images: list[float] = []

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        draw = pl_module.draw_latents

        def watched(labels: torch.Tensor) -> torch.Tensor:
            z = draw(labels)
            self.latents.extend(z[:, 0].tolist())
            return z

        pl_module.draw_latents = watched  # type: ignore[method-assign]

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.images.extend(batch[0].double().sum(dim=(1, 2, 3)).tolist())
        weights = torch.cat([p.detach().flatten() for p in pl_module.parameters()])
        everywhere = [torch.empty_like(weights) for _ in range(trainer.world_size)]
        dist.all_gather(everywhere, weights)
        self.equal.append(all(torch.equal(weights, other) for other in everywhere))


class Trouble(L.Callback):
    """What can happen to one of several processes."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_rank != 1 or batch_idx != 2:
            return
        if self.kind == "mistake":
            raise DataError("an image is broken")
        if self.kind == "bug":
            raise ZeroDivisionError("a bug")
        os.kill(os.getpid(), signal.SIGKILL)


def main(settings_file: Path, folder: Path, trouble: str | None = None) -> None:
    set_up_process()
    settings = json.loads(settings_file.read_text())
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    rank = int(os.environ["LOCAL_RANK"])
    with torch.no_grad():  # ranks that begin apart must be brought together
        for parameter in game.parameters():
            parameter.add_(rank)
    trainer = build_trainer(settings)
    report = Report()
    trainer.callbacks += [report, *([Trouble(trouble)] if trouble else [])]  # type: ignore[attr-defined]
    trainer.fit(game, datamodule=data)
    facts = {"equal": report.equal, "latents": report.latents, "images": report.images}
    facts["weights"] = [p.double().sum().item() for p in game.parameters()]
    (folder / f"rank{rank}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    rank = hydra_job.job(lambda _: main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]))
    sys.exit(hydra_job.run_command(lambda: rank(DictConfig({}))))
