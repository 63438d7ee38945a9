"""A Lightning callback that logs losses, accuracies, gradient norms, learning rates and speed."""

import time
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch.optim import Optimizer

from gan.config.kinds import PARTS
from gan.game.gradients import gradient_norm, gradient_scale
from gan.runs.series import EPOCH, FINAL, TRAIN
from gan.training.callbacks.quality import Listener, charted, offer, quality_of, withdraw
from gan.training.game_module import GameModule
from gan.training.strategy import all_gather_objects, local_value
from gan.training.trainer_parts import loggers_of

COMPARED = ("seed", "data", "model", *PARTS, "game", "optimizer")  # settings in which runs can differ
NETWORKS = ("d", "g")  # in the order of GAN's optimizers


class GameMonitor(L.Callback):
    """Logs a row every ``trainer.log_every_n_steps`` minibatches and at the end of each epoch.

    The step of a row is the number of generator updates. ``train/…`` are means over the updates since the last row.
    ``epoch/d_loss`` and ``epoch/g_loss`` are means over the epoch's updates, ``epoch/d_loss_last`` and
    ``epoch/g_loss_last`` the values of its last update. Values are means over all processes. Gradient norms (Euclidean,
    over a whole network) are from the first update since the last row. All values stay in ``trainer.callback_metrics``
    until the end of the epoch, for early stopping and checkpoints.

    Attributes:
        latest: the values of the last row, by name.
        listeners: functions that are called with ``latest`` after each row is logged, in every process.
    """

    def __init__(self) -> None:
        self.latest: dict[str, float] = {}
        self.listeners: list[Listener] = []
        self._norms: dict[str, torch.Tensor] = {}
        self._batches = self._images = 0
        self._since = 0.0
        self._epoch_sums: dict[str, float] = {}
        self._epoch_counts: dict[str, int] = {}
        self._epoch_lasts: dict[str, float] = {}
        self._offered: dict[str, float] = {}  # values of this epoch

    def state_dict(self) -> dict[str, Any]:
        """The sums since the last row and of the epoch, so that a resumed run logs the same rows."""
        return {
            "latest": dict(self.latest),
            "norms": all_gather_objects(self._norms),
            "batches": self._batches,
            "epoch_sums": dict(self._epoch_sums),
            "epoch_counts": dict(self._epoch_counts),
            "epoch_lasts": dict(self._epoch_lasts),
            "offered": dict(self._offered),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name, value in state_dict.items():
            setattr(self, name if name == "latest" else f"_{name}", value)
        self._norms = dict(local_value(state_dict["norms"]))

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._begin(pl_module)
        offer(trainer, self._offered)
        for logger in trainer.loggers:
            if not isinstance(logger, TensorBoardLogger):  # TensorBoard gets them with the metrics, at the end
                logger.log_hyperparams(_compared(pl_module))

    def _begin(self, game: L.LightningModule) -> None:
        assert isinstance(game, GameModule)
        self._norms = {network: norm.to(game.device) for network, norm in self._norms.items()}
        self._images, self._since = game.images_seen, time.perf_counter()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._since = time.perf_counter()  # time between epochs is not training time
        self._offered = {}
        withdraw(trainer, TRAIN, EPOCH)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        network = NETWORKS[0] if optimizer is trainer.optimizers[0] else NETWORKS[1]
        if network not in self._norms:
            scale = gradient_scale(trainer.precision_plugin, optimizer)
            self._norms[network] = gradient_norm(optimizer, scale)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._batches += 1
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set by a connector
        if every and self._batches % every == 0:
            self._log_updates(trainer, pl_module)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._log_updates(trainer, pl_module, ends_epoch=True)
        means = {EPOCH + loss: self._epoch_sums[loss] / count for loss, count in self._epoch_counts.items()}
        lasts = {f"{EPOCH}{loss}_last": last for loss, last in self._epoch_lasts.items()}
        self._epoch_sums, self._epoch_counts, self._epoch_lasts = {}, {}, {}
        self._log(trainer, {"epoch": trainer.current_epoch, **means, **lasts}, ends_epoch=True)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the settings and the values of the last row for TensorBoard's HPARAMS page, which compares runs."""
        final = {FINAL + name: value for name, value in self.latest.items()}
        final |= {FINAL + name: value for name, value in quality_of(trainer).items()}
        for logger in loggers_of(trainer, TensorBoardLogger) if final else ():
            logger.log_hyperparams(_compared(pl_module), final)

    def _log_updates(self, trainer: L.Trainer, game: L.LightningModule, ends_epoch: bool = False) -> None:
        assert isinstance(game, GameModule)
        updates = {loss: count for loss, count in game.record.updates.items() if count}
        if not updates:
            return
        taken = self._take(game)
        taken |= {f"{network}_gradient_norm": norm for network, norm in self._norms.items()}
        self._norms = {}
        # One vector, so that the host waits for the device only once, and the processes communicate only once.
        values = torch.stack([tensor.float() for tensor in taken.values()])
        self.latest = dict(zip(taken, trainer.strategy.reduce(values, reduce_op="mean").tolist(), strict=True))
        for loss, count in updates.items():
            self._epoch_sums[loss] = self._epoch_sums.get(loss, 0.0) + self.latest[loss] * count
            self._epoch_counts[loss] = self._epoch_counts.get(loss, 0) + count
            self._epoch_lasts[loss] = self.latest[f"{loss}_last"]
        self.latest["images_per_second"] = self._speed(game)

        row = {TRAIN + name: value for name, value in self.latest.items() if not name.endswith("_last")}
        rates = {f"{TRAIN}{n}_lr": o.param_groups[0]["lr"] for n, o in zip(NETWORKS, trainer.optimizers, strict=True)}
        counts = {name: getattr(game, name) for name in ("images_seen", "d_updates", "g_updates")}
        self._log(trainer, {"epoch": trainer.current_epoch, **counts, **row, **rates}, ends_epoch)
        for listener in self.listeners:
            listener(trainer, game, self.latest)

    def _take(self, game: GameModule) -> dict[str, torch.Tensor]:
        return game.record.take()

    def _speed(self, game: GameModule) -> float:
        now, images = time.perf_counter(), game.images_seen
        speed = (images - self._images) / (now - self._since)
        self._images, self._since = images, now
        return speed

    def _log(self, trainer: L.Trainer, values: dict[str, Any], ends_epoch: bool) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(charted(logger, values), step=trainer.global_step)
        logged = {name: value for name, value in values.items() if "/" in name}
        self._offered |= logged
        offer(trainer, logged)


def _compared(game: L.LightningModule) -> dict[str, Any]:
    return {name: game.hparams[name] for name in COMPARED if name in game.hparams}
