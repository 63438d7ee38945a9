"""The GAN as a LightningModule. `gan.game.updates` implements the updates."""

from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan.game.gradients import UpdateRule, clip_gradients, gradient_scale
from gan.game.networks import Discriminator
from gan.game.updates import Game
from gan.training.fast_loop import Stepper
from gan.training.strategy import all_gather_objects, local_value

RATES = ("optimizer", "lr_schedule")  # settings that the optimizer states in a checkpoint also contain
COUNTERS = ("turns", "d_updates", "g_updates", "images_seen")


class GAN(Game, L.LightningModule):
    """`Game` as a LightningModule with manual optimization.

    A batch is ``(images, labels)``: normalised float32 (N, C, H, W) and int64 (N,). The counters are ``d_updates`` and
    ``g_updates`` (updates of each network), ``turns`` (minibatches) and ``images_seen`` (real images of all processes).
    ``global_step`` counts generator updates.

    Args:
        generator, discriminator: the networks, as for `Game`.
        generator_rule, discriminator_rule: how each network is updated.
        num_classes: number of classes; 0 without labels.
        settings: the run's configuration in plain containers, which checkpoints store.
        game: the other arguments of `Game`: prior, objective, penalty, schedule, lr_schedule, augmentation,
            instance_noise, auxiliary, ema, seed.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        *,
        generator_rule: UpdateRule,
        discriminator_rule: UpdateRule,
        num_classes: int = 0,
        settings: dict[str, Any] | None = None,
        **game: Any,
    ) -> None:
        super().__init__(generator, discriminator, **game)
        self.save_hyperparameters(settings or {}, logger=False)
        self.automatic_optimization = False
        self.generator_rule = generator_rule
        self.discriminator_rule = discriminator_rule
        self.parts = {"discriminator": discriminator_rule.accumulate, "generator": generator_rule.accumulate}
        self.num_classes = num_classes
        self._optimizers_changed = False

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        d_optimizer, g_optimizer = self.trainer.optimizers
        self.train_minibatch(*batch, d_optimizer, g_optimizer, epoch=self.current_epoch)

    def _backward(self, loss: Tensor) -> None:
        self.stepper.backward(loss)

    def _step(self, optimizer: Optimizer) -> bool:
        return self.stepper.step(optimizer)

    def fixed_latents(self, count: int, purpose: str) -> tuple[Tensor, Tensor | None]:
        """Latents (count, prior.width) of the run's seed and a purpose, and cyclic labels (None: unconditional)."""
        z = self.prior.fixed(count, seed=self.seed, purpose=purpose).to(self.device)
        if not self.generator.conditional:
            return z, None
        return z, torch.arange(count, device=self.device) % self.num_classes

    def updates_to_make(self) -> int | None:
        """The number of generator updates of the whole run; None if the run has no limit."""
        trainer, ends = self.trainer, []
        if trainer.max_epochs is not None and trainer.max_epochs > 0:
            ends.append(self.schedule.generator_updates(trainer.max_epochs, int(trainer.num_training_batches)))
        if trainer.max_steps > 0:
            ends.append(trainer.max_steps)
        return min(ends, default=None)

    # Hooks of Lightning.

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = [
            self.discriminator_rule.optimizer(self.discriminator.parameters()),
            self.generator_rule.optimizer(self.generator.parameters()),
        ]
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]  # torch's own name; `lr_schedule` multiplies it
        return optimizers

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        rule = self.discriminator_rule if optimizer is self.trainer.optimizers[0] else self.generator_rule
        if rule.clip_norm is not None:
            clip_gradients(optimizer, rule.clip_norm, gradient_scale(self.trainer.precision_plugin, optimizer))

    def on_train_epoch_end(self) -> None:
        self.record.clear()  # values that no callback has read would accumulate for the whole run

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        counters = {name: getattr(self, name) for name in COUNTERS}
        augmentation = {} if self.augmentation is None else self.augmentation.state_dict()
        own_to_ranks = {"records": self.record.state_dict(), "augmentations": augmentation}
        checkpoint["game"] = {**counters, **{name: all_gather_objects(state) for name, state in own_to_ranks.items()}}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in COUNTERS:
            setattr(self, name, checkpoint["game"][name])
        self.record.load_state_dict(local_value(checkpoint["game"]["records"]))
        seen = local_value(checkpoint["game"]["augmentations"])  # this process's statistics since the last adaptation
        checkpoint["state_dict"] |= {f"augmentation.{name}": value for name, value in seen.items()}
        checkpoint["callbacks"].pop("Timer", None)  # `trainer.max_time` applies to each part of a run
        before = checkpoint.get(self.CHECKPOINT_HYPER_PARAMS_KEY, {})
        self._optimizers_changed = any(before.get(name) != self.hparams.get(name) for name in RATES)

    def on_train_start(self) -> None:
        self.record.to(self.device)
        self.stepper = Stepper.for_trainer(self.trainer)
        self.rank, self.world_size = self.global_rank, self.trainer.world_size
        self.mean_over_processes = self.trainer.strategy.reduce
        self.total_updates = self.updates_to_make()
        self.find_trained_parameters()
        if self._optimizers_changed:  # the checkpoint has restored the old settings
            for optimizer, fresh in zip(self.trainer.optimizers, self.configure_optimizers(), strict=True):
                for group, wanted in zip(optimizer.param_groups, fresh.param_groups, strict=True):
                    group.update({name: value for name, value in wanted.items() if name != "params"})
