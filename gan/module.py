"""The game of two networks, as a LightningModule: Algorithm 1 of Goodfellow et al. 2014."""

from collections.abc import Callable, Iterable
from typing import Any

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan.latents import draw, start_stream, stream_seed
from gan.losses import OBJECTIVES, Objective
from gan.record import GameRecord
from gan.schedules import Schedule, Steps

COUNTERS = ("turns", "d_updates", "g_updates", "images_seen")
OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]


class GAN(L.LightningModule):
    """A generator and a discriminator, trained in turn.

    A batch is ``(images, labels)``: float32 (N, C, H, W), normalised, and int64 (N,). One batch is one turn of the
    schedule. ``global_step`` counts generator updates; ``d_updates``, ``g_updates``, ``turns`` and ``images_seen``
    (real images in the minibatches so far, of all processes) count what they say.

    Args:
        generator: z (N, latent_dim) -> images (N, C, H, W).
        discriminator: images (N, C, H, W) -> logits (N,).
        latent_dim: components of z.
        prior: what z is drawn from, "normal" or "uniform" (on [-1, 1]).
        objective: what each player minimises.
        schedule: whose turn it is.
        generator_optimizer, discriminator_optimizer: from parameters to an optimizer.
        concatenate: judge real and fake in one discriminator batch of 2N, its loss the mean over 2N (so half the sum of
            the means over real and over fake), instead of two batches of N.
        seed: of the latents and of dropout, as `gan.latents` describes.
        settings: the run's configuration in plain containers, to be kept in checkpoints.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        latent_dim: int,
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        prior: str = "normal",
        objective: Objective = OBJECTIVES["non_saturating"],
        schedule: Schedule | None = None,
        concatenate: bool = False,
        seed: int = 0,
        settings: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(settings or {}, logger=False)
        self.automatic_optimization = False
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.prior = prior
        self.objective = objective
        self.schedule: Schedule = schedule or Steps()
        self.concatenate = concatenate
        self.seed = seed
        self.record = GameRecord()
        self.turns = self.d_updates = self.g_updates = self.images_seen = 0
        self._generator_optimizer = generator_optimizer
        self._discriminator_optimizer = discriminator_optimizer

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            self._discriminator_optimizer(self.discriminator.parameters()),
            self._generator_optimizer(self.generator.parameters()),
        ]

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        real, _ = batch
        turn = self.schedule.turn(self.current_epoch, self.d_updates)
        if turn.discriminator:
            self.update_discriminator(real)
        if turn.generator:
            self.update_generator(len(real))
        self.turns += 1
        self.images_seen += len(real) * self.trainer.world_size

    def update_discriminator(self, real: Tensor) -> None:
        """One step of D on real images and as many fakes, made without gradient."""
        optimizer = self.trainer.optimizers[0]
        self._seed_update("discriminator", self.d_updates)
        with torch.no_grad():
            fake = self.generator(self.draw_latents(len(real)))
        real_logits, fake_logits = self.judge(real, fake)
        d_loss = self.objective.d_loss(real_logits, fake_logits)
        if self.concatenate:
            d_loss = d_loss / 2

        optimizer.zero_grad()
        self.manual_backward(d_loss)
        # Past Lightning's wrapper, which would count this step: global_step counts the generator's alone.
        self.trainer.strategy.optimizer_step(optimizer, closure=_no_closure, model=self)
        self.d_updates += 1
        self.record.discriminator(d_loss, real_logits, fake_logits)

    def update_generator(self, count: int) -> None:
        """One step of G on ``count`` fakes from fresh latents, D frozen."""
        optimizer: Any = self.optimizers()[1]  # type: ignore[index]
        self._seed_update("generator", self.g_updates)
        with self.toggled_optimizer(optimizer):
            fake_logits = self.discriminator(self.generator(self.draw_latents(count))).float()
            g_loss = self.objective.g_loss(fake_logits, None)

            optimizer.zero_grad()
            self.manual_backward(g_loss)
            optimizer.step()
        self.g_updates += 1
        self.record.generator(g_loss)

    def judge(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Float32 logits of real and of fake images, (N,) each, in two discriminator batches or in one."""
        if self.concatenate:
            real_logits, fake_logits = self.discriminator(torch.cat([real, fake])).float().chunk(2)
            return real_logits, fake_logits
        return self.discriminator(real).float(), self.discriminator(fake).float()

    def draw_latents(self, count: int) -> Tensor:
        """Latents (count, latent_dim) from torch's global generator of this device."""
        return draw(self.prior, count, self.latent_dim, device=self.device)

    def _seed_update(self, purpose: str, index: int) -> None:
        """Start the latents and the dropout masks of one update, on this rank."""
        start_stream(self.device, stream_seed(self.seed, self.global_rank, purpose, index))

    def on_train_epoch_end(self) -> None:
        self.record.clear()  # what no callback has taken: it would grow for the whole run

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["game"] = {name: getattr(self, name) for name in COUNTERS}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in COUNTERS:
            setattr(self, name, checkpoint["game"][name])


def _no_closure() -> None:
    """The strategy wants a closure; in manual optimization the gradients are there already."""
