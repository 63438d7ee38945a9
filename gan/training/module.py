"""The game of two networks, as a LightningModule: Algorithm 1 of Goodfellow et al. 2014."""

from collections.abc import Callable
from typing import Any, NamedTuple

import lightning.pytorch as L
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan.game.augmentation import AdaptiveAugmentation, Augmentation, Pixels
from gan.game.ema import GeneratorEMA
from gan.game.gradients import UpdateRule, clip_gradients, frozen, gradient_scale, in_parts
from gan.game.latents import Prior
from gan.game.learning_rates import Constant, LRSchedule
from gan.game.losses import OBJECTIVES, Objective, class_loss, information_loss
from gan.game.networks import Discriminator, Judgement
from gan.game.penalties import NoPenalty, Penalty
from gan.game.schedules import Schedule, Steps
from gan.game.statistics import GameRecord
from gan.system.random_streams import start_stream, stream_seed
from gan.training.fast_loop import Stepping
from gan.training.strategy import of_every_rank, own

COUNTERS = ("turns", "d_updates", "g_updates", "images_seen")


class Fakes(NamedTuple):
    """Latents (N, width), and the images (N, C, H, W) made of them, with their way back to the generator."""

    latents: Tensor
    images: Tensor


class Compiled(NamedTuple):
    """The generator's ``forward`` and the discriminator's ``examine``, by torch.compile."""

    generate: Callable[..., Tensor]
    examine: Callable[..., Judgement]


class GAN(L.LightningModule):
    """A generator and a discriminator, trained in turn.

    A batch is ``(images, labels)``: float32 (N, C, H, W), normalised, and int64 (N,). One batch is one turn of the
    schedule. ``global_step`` counts generator updates; ``d_updates``, ``g_updates``, ``turns`` and ``images_seen``
    (real images in the minibatches so far, of all processes) count what they say.

    Args:
        generator: z (N, prior.width), labels (N,) -> images (N, C, H, W).
        discriminator: images (N, C, H, W), labels (N,) -> logits (N,), and what its other heads say.
        prior: what z is drawn from, InfoGAN's codes included.
        generator_rule, discriminator_rule: how each network is updated.
        objective: what each player minimises.
        penalty: what D minimises besides.
        schedule: whose turn it is.
        lr_schedule: learning rates in the course of the run.
        augmentation: what is done to all images before D sees them; None: nothing.
        ema: the average of the generator; None: there is none.
        num_classes: classes of the labels; 0 where there are none.
        concatenate: judge real and fake in one discriminator batch of 2N, its loss the mean over 2N (so half the sum of
            the means over real and over fake), instead of two batches of N.
        class_weight: of the auxiliary classifier's loss (Odena et al. 2017), for both players.
        information_weight: of the codes' mutual information (Chen et al. 2016, lambda), for both players.
        instance_noise: standard deviation of the noise on all that D sees, at the start of the run.
        instance_noise_images: real images over which that noise fades to 0.
        seed: of the latents and of dropout, as `gan.game.latents` describes.
        settings: the run's configuration in plain containers, to be kept in checkpoints.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        *,
        prior: Prior,
        generator_rule: UpdateRule,
        discriminator_rule: UpdateRule,
        objective: Objective = OBJECTIVES["non_saturating"],
        penalty: Penalty | None = None,
        schedule: Schedule | None = None,
        lr_schedule: LRSchedule | None = None,
        augmentation: Augmentation | None = None,
        ema: GeneratorEMA | None = None,
        num_classes: int = 0,
        concatenate: bool = False,
        class_weight: float = 1.0,
        information_weight: float = 1.0,
        instance_noise: float = 0.0,
        instance_noise_images: int = 500_000,
        seed: int = 0,
        settings: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(settings or {}, logger=False)
        self.automatic_optimization = False
        self.generator = generator
        self.discriminator = discriminator
        self.ema = ema
        self.augmentation = augmentation or Augmentation(Pixels(), policy=())
        self.prior = prior
        self.generator_rule = generator_rule
        self.discriminator_rule = discriminator_rule
        self.objective = objective
        self.penalty: Penalty = penalty or NoPenalty()
        self.schedule: Schedule = schedule or Steps()
        self.lr_schedule: LRSchedule = lr_schedule or Constant()
        self.num_classes = num_classes
        self.concatenate = concatenate
        self.class_weight = class_weight
        self.information_weight = information_weight
        self.instance_noise = instance_noise
        self.instance_noise_images = instance_noise_images
        self.seed = seed
        self.record = GameRecord(objective)
        self.turns = self.d_updates = self.g_updates = self.images_seen = 0
        self._optimizers_changed = False
        self._keeps_fakes = False
        self._kept: Fakes | None = None
        self._compiled: Compiled | None = None

    @property
    def final_generator(self) -> nn.Module:
        """The generator that pictures, measures and bundles show: the average where there is one."""
        return self.generator if self.ema is None else self.ema.network

    # The game. Beside the paper: docs/architecture.md, "One training step beside the paper".

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        real, labels = batch
        turn = self.schedule.turn(self.current_epoch, self.d_updates)
        self._keeps_fakes = self.schedule.reuse_fakes and turn.generator
        updated = self.update_discriminator(real, labels) if turn.discriminator else True
        if turn.generator and updated:
            self.update_generator(real, labels)
        self.turns += 1
        self.images_seen += len(real) * self.trainer.world_size

    def update_discriminator(self, real: Tensor, labels: Tensor) -> bool:
        """One step of D on real images and as many fakes, of the same classes, made without gradient.

        False where float16's loss scaler has left the step out: it does not count, and the generator waits.
        """
        optimizer = self.trainer.optimizers[0]
        self._begin_update("discriminator", self.d_updates, optimizer)
        latents = self.draw_latents(len(real))
        for share, (x, y, z) in in_parts(self.discriminator_rule.accumulate, real, labels, latents):
            self.stepping.backward(self.discriminator_loss(x, y, z, share))
        if not self.stepping.step(optimizer):
            self._kept = None
            return False
        self.penalty.after_update(self.discriminator.parameters())
        self.d_updates += 1
        self.augmentation.after_update(self.d_updates, self.trainer.strategy.reduce, self.trainer.world_size)
        return True

    def update_generator(self, real: Tensor, labels: Tensor) -> None:
        """One step of G on as many fakes as there are real images, from fresh latents or those that D saw, D frozen."""
        optimizer = self.trainer.optimizers[1]
        self._begin_update("generator", self.g_updates, optimizer)
        latents = self.draw_latents(len(real)) if self._kept is None else self._kept.latents
        with frozen(self._trained["discriminator"]):
            for share, (x, y, z) in in_parts(self.generator_rule.accumulate, real, labels, latents):
                self.stepping.backward(self.generator_loss(x, y, z, share))
        if not self.stepping.step(optimizer):
            return
        self.g_updates += 1
        if self.ema is not None:
            minibatches = self.schedule.minibatches_per_generator_update
            self.ema.update(self.generator, self.images_seen, minibatches * len(real) * self.trainer.world_size)

    def discriminator_loss(self, real: Tensor, labels: Tensor, z: Tensor, share: float = 1.0) -> Tensor:
        """What D minimises on these images, times their share of the minibatch; scalar."""
        with torch.set_grad_enabled(self._keeps_fakes):
            fake = self._generate(z, labels)
        if self._keeps_fakes:
            self._kept = Fakes(z, fake)
            fake = fake.detach()
        of_real, of_fake = self.judge(real, fake, labels)
        d_loss = self.objective.d_loss(of_real.logits, of_fake.logits)
        if self.concatenate:
            d_loss = d_loss / 2
        self.record.discriminator(d_loss, of_real.logits, of_fake.logits, share)
        if isinstance(self.augmentation, AdaptiveAugmentation):
            self.augmentation.observe(of_real.logits - (self.objective.boundary or 0.0))
            self.record.note("augmentation_probability", self.augmentation.probability.clone(), share)

        loss = d_loss + self._side_losses("d", of_real, labels, None, share)
        loss = loss + self._side_losses("d", of_fake, labels, z, share)
        if self.penalty.due(self.d_updates):
            penalty = self.penalty(lambda images: self.judge_one(images, labels, twice=True).logits, real, fake)
            self.record.note("penalty", penalty, share)
            loss = loss + penalty
        return loss if share == 1 else loss * share

    def generator_loss(self, real: Tensor, labels: Tensor, z: Tensor, share: float = 1.0) -> Tensor:
        """What G minimises on fakes from these latents, times their share of the minibatch; scalar."""
        kept, self._kept = self._kept, None
        of_fake = self.judge_one(self._generate(z, labels) if kept is None else kept.images, labels)
        real_logits = None
        if self.objective.g_needs_real:
            with torch.no_grad():
                real_logits = self.judge_one(real, labels).logits
        g_loss = self.objective.g_loss(of_fake.logits, real_logits)
        self.record.generator(g_loss, share)

        loss = g_loss + self._side_losses("g", of_fake, labels, z, share)
        return loss if share == 1 else loss * share

    # Its parts.

    def judge(self, real: Tensor, fake: Tensor, labels: Tensor) -> tuple[Judgement, Judgement]:
        """What D says of real and of fake images, in two batches or in one."""
        if self.concatenate:
            both = self.judge_one(torch.cat([real, fake]), torch.cat([labels, labels]))
            return both.first(len(real)), both.last(len(fake))
        return self.judge_one(real, labels), self.judge_one(fake, labels)

    def judge_one(self, images: Tensor, labels: Tensor, twice: bool = False) -> Judgement:
        """What D says of a batch, augmented and noisy as it is to see it; all in float32.

        Args:
            twice: its gradient is to be differentiated once more, which compiled networks do not allow.
        """
        images = self.augmentation(images)
        noise = self.instance_noise * max(0.0, 1 - self.images_seen / self.instance_noise_images)
        if noise > 0:
            images = images + noise * torch.randn_like(images)
        examine = self.discriminator.examine if twice or self._compiled is None else self._compiled.examine
        return examine(images, labels).float()

    def _generate(self, z: Tensor, labels: Tensor) -> Tensor:
        generate = self.generator if self._compiled is None else self._compiled.generate
        return generate(z, labels)

    def compile_networks(self) -> None:
        """Compile both networks' passes, for training alone: pictures and measures come in other shapes and modes."""
        self._compiled = Compiled(torch.compile(self.generator.forward), torch.compile(self.discriminator.examine))

    def play_eagerly(self) -> None:
        """Take `compile_networks` back; also for a copy of a game, whose compiled passes are those of the original."""
        self._compiled = None

    def draw_latents(self, count: int) -> Tensor:
        """Latents (count, prior.width) from torch's global generator of this device."""
        return self.prior.draw(count, device=self.device)

    def fixed_latents(self, count: int, purpose: str) -> tuple[Tensor, Tensor | None]:
        """Latents (count, prior.width) of the run's seed for a purpose, and labels in turn (None: not conditional)."""
        z = self.prior.fixed(count, seed=self.seed, purpose=purpose).to(self.device)
        if not self.generator.conditional:
            return z, None
        return z, torch.arange(count, device=self.device) % self.num_classes

    def _side_losses(
        self, player: str, judgement: Judgement, labels: Tensor, z: Tensor | None, share: float
    ) -> Tensor | float:
        """The losses that both players have: of the classes, and, for fakes from ``z``, of the codes in them."""
        total: Tensor | float = 0.0
        if judgement.class_logits is not None:
            loss = class_loss(judgement.class_logits, labels)
            self.record.note(f"{player}_class_loss", loss, share)
            total = total + self.class_weight * loss
        if z is not None and self.prior.has_codes:
            loss = information_loss(judgement.code_logits, judgement.code_means, self.prior.codes(z))
            self.record.note(f"{player}_information_loss", loss, share)
            total = total + self.information_weight * loss
        return total

    def _begin_update(self, network: str, index: int, optimizer: Optimizer) -> None:
        """Start the random numbers of one update, on this rank; set its learning rate; forget the last gradients."""
        start_stream(self.device, stream_seed(self.seed, self.global_rank, network, index))
        if network in self.lr_schedule.networks:
            factor = self.lr_schedule.factor(self.g_updates, self._updates_to_make)
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        for parameter in self._trained[network]:
            parameter.grad = None

    @property
    def total_updates(self) -> int | None:
        """Generator updates of the whole run; None where it has no end."""
        trainer, ends = self.trainer, []
        if trainer.max_epochs is not None and trainer.max_epochs > 0:
            ends.append(self.schedule.generator_updates(trainer.max_epochs, int(trainer.num_training_batches)))
        if trainer.max_steps > 0:
            ends.append(trainer.max_steps)
        return min(ends, default=None)

    # What Lightning asks for.

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = [
            self.discriminator_rule.optimizer(self.discriminator.parameters()),
            self.generator_rule.optimizer(self.generator.parameters()),
        ]
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]  # under torch's own name: what `lr_schedule` multiplies
        return optimizers

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        rule = self.discriminator_rule if optimizer is self.trainer.optimizers[0] else self.generator_rule
        if rule.clip_norm is not None:
            clip_gradients(optimizer, rule.clip_norm, gradient_scale(self.trainer.precision_plugin, optimizer))

    def on_train_epoch_end(self) -> None:
        self.record.clear()  # what no callback has taken: it would grow for the whole run

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        counters = {name: getattr(self, name) for name in COUNTERS}
        own_to_ranks = {"records": self.record.state_dict(), "augmentations": self.augmentation.state_dict()}
        checkpoint["game"] = {**counters, **{name: of_every_rank(state) for name, state in own_to_ranks.items()}}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for name in COUNTERS:
            setattr(self, name, checkpoint["game"][name])
        self.record.load_state_dict(own(checkpoint["game"]["records"]))
        seen = own(checkpoint["game"]["augmentations"])  # since its last adaptation, by this process
        checkpoint["state_dict"] |= {f"augmentation.{name}": value for name, value in seen.items()}
        checkpoint["callbacks"].pop("Timer", None)  # `trainer.max_time` is for each part of a run
        before = checkpoint.get(self.CHECKPOINT_HYPER_PARAMS_KEY, {}).get("optimizer")
        self._optimizers_changed = before != self.hparams.get("optimizer")

    def on_train_start(self) -> None:
        self.record.to(self.device)
        self.stepping = Stepping.of(self.trainer)
        self._updates_to_make = self.total_updates
        self._trained = {
            name: [parameter for parameter in network.parameters() if parameter.requires_grad]
            for name, network in {"discriminator": self.discriminator, "generator": self.generator}.items()
        }
        if self._optimizers_changed:  # the checkpoint has brought the old settings back
            for optimizer, fresh in zip(self.trainer.optimizers, self.configure_optimizers(), strict=True):
                for group, wanted in zip(optimizer.param_groups, fresh.param_groups, strict=True):
                    group.update({name: value for name, value in wanted.items() if name != "params"})
