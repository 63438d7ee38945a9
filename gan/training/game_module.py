"""The game as a LightningModule: training steps, optimizers and checkpoints. `gan.game.updates` has the updates."""

import functools
from collections.abc import Sequence
from typing import Any

import lightning.pytorch as L
import torch
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.optim import Optimizer

from gan.data.module import ImageData
from gan.game.gradients import OptimizerFactory, UpdateRule, clip_gradients, gradient_scale
from gan.game.latents import Prior
from gan.game.networks import DCGANDiscriminator, DCGANGenerator, adapting
from gan.game.updates import Game
from gan.system.devices import without_tf32
from gan.system.errors import ConfigError
from gan.training.fast_loop import FastStepper, Stepper
from gan.training.strategy import GameDDP, all_gather_objects, local_value

RATES = ("optimizer", "lr_schedule")  # settings that the optimizer states in a checkpoint also contain
COUNTERS = ("turns", "d_updates", "g_updates", "images_seen")
ADAM = functools.partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))  # Radford et al. 2016, section 4
LATENT_DIM = 100
Batch = Tensor | Sequence[Tensor]


class NotBuilt(nn.Module):
    """Placeholder for a network that is built when the size of the images is known."""


MOST_NUMBERS = 2**20  # of images that `predict` numbers: the latents of all of them are drawn


class GameModule(Game, L.LightningModule):
    """`Game` as a LightningModule with manual optimization; `gan.GAN` adds what a Trainer of the user's own needs.

    Args:
        generator, discriminator: the networks, as for `Game`; None for a DCGAN of the size of the images.
        prior: the distribution of z; None for N(0, 1) with the generator's ``latent_dim`` components, or 100.
        optimizer: constructor of each network's optimizer from its parameters; None for Adam with the learning rate
            2e-4 and betas (0.5, 0.999).
        generator_rule, discriminator_rule: how each network is updated; None for steps of ``optimizer``.
        num_classes: number of classes, 0 without labels; None for that of the `ImageData`.
        settings: the run's configuration in plain containers, which checkpoints store.
        game: the other arguments of `Game`: objective, penalty, schedule, lr_schedule, augmentation, ema, seed, …
    """

    def __init__(
        self,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        *,
        prior: Prior | None = None,
        optimizer: OptimizerFactory | None = None,
        generator_rule: UpdateRule | None = None,
        discriminator_rule: UpdateRule | None = None,
        num_classes: int | None = None,
        settings: dict[str, Any] | None = None,
        **game: Any,
    ) -> None:
        if prior is None:
            latent_dim = None if generator is None else adapting.latent_dim_of(generator)
            prior = Prior("normal", latent_dim or LATENT_DIM)
        networks = (NotBuilt() if network is None else network for network in (generator, discriminator))
        super().__init__(*networks, prior=prior, **game)
        self.save_hyperparameters(settings or {}, logger=False)
        self.automatic_optimization = False
        self.generator_rule = generator_rule or UpdateRule(optimizer or ADAM)
        self.discriminator_rule = discriminator_rule or UpdateRule(optimizer or ADAM)
        self.parts = {"discriminator": self.discriminator_rule.accumulate, "generator": self.generator_rule.accumulate}
        if getattr(self.objective, "batch_coupled", False) and max(self.parts.values()) > 1:
            raise ConfigError(
                f"accumulate: {max(self.parts.values())} given, and {type(self.objective).__name__} compares every "
                "image with the full minibatch, which cannot be split; 1 expected"
            )
        if self.schedule.reuse_fakes and max(self.parts.values()) > 1:
            raise ConfigError(
                f"accumulate: {max(self.parts.values())} given, and the schedule reuses the fakes of the full "
                "minibatch; 1 expected"
            )
        self.num_classes = num_classes
        self.initial_weights: str | None = None  # sha256 of the weights of model.init_from
        self._optimizers_changed = False

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        d_optimizer, g_optimizer = self.trainer.optimizers
        batch = _alone(batch)
        if isinstance(batch, Tensor):
            if any(self.gets_labels.values()):
                raise ConfigError("the batches have images without labels; with classes, (images, labels) expected")
            batch = batch, torch.zeros(len(batch), dtype=torch.int64, device=batch.device)
        real, labels = batch
        self.train_minibatch(real, labels, d_optimizer, g_optimizer, epoch=self.current_epoch)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Do nothing: at the end of the epoch `ValidationQuality` measures equally many generated images."""

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Do nothing, as `validation_step`."""

    def predict_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Normalised images (N, C, H, W) of ``final_generator``.

        Args:
            batch: latents (N, prior.width); or latents and labels (N,); or numbers of images, int64 (N,). An image's
                number and ``seed`` determine its latents. Without labels, classes are used in turn.
        """
        batch = _alone(batch)
        z, labels = (batch, None) if isinstance(batch, Tensor) else batch
        numbers = torch.arange(len(z), device=z.device) if z.is_floating_point() else z
        if not z.is_floating_point():
            if int(numbers.max()) >= MOST_NUMBERS:
                raise ConfigError(
                    f"number of an image: {int(numbers.max()):,} given, at most {MOST_NUMBERS - 1:,} expected"
                )
            latents = self.prior.fixed(int(numbers.max()) + 1, seed=self.seed, purpose="samples from a bundle")
            z = latents[numbers.cpu()].to(self.device)
        if self.conditional and labels is None:
            labels = numbers % (self.num_classes or 1)
        with without_tf32():
            return adapting.generate(self.final_generator, z, labels if self.conditional else None)

    def _backward(self, loss: Tensor) -> None:
        self.stepper.backward(loss)

    def _step(self, optimizer: Optimizer) -> bool:
        return self.stepper.step(optimizer)

    def fixed_latents(self, count: int, purpose: str) -> tuple[Tensor, Tensor | None]:
        """Latents (count, prior.width) of the run's seed and a purpose, and cyclic labels (None: unconditional)."""
        z = self.prior.fixed(count, seed=self.seed, purpose=purpose).to(self.device)
        if not self.conditional:
            return z, None
        return z, torch.arange(count, device=self.device) % (self.num_classes or 1)

    def updates_to_make(self) -> int | None:
        """The number of generator updates of the whole run; None if the run has no limit."""
        trainer, ends = self.trainer, []
        if trainer.max_epochs is not None and trainer.max_epochs > 0:
            ends.append(self.schedule.generator_updates(trainer.max_epochs, int(trainer.num_training_batches)))
        if trainer.max_steps > 0:
            ends.append(trainer.max_steps)
        return min(ends, default=None)

    # Hooks of Lightning.

    def setup(self, stage: str) -> None:
        """Build the networks that were not given, and find out which networks get labels.

        Raises:
            ConfigError: the strategy cannot train a GAN, or a network needs labels that the data do not have.
        """
        strategy = self.trainer.strategy
        if isinstance(strategy, ParallelStrategy) and not isinstance(strategy, GameDDP):
            raise ConfigError(
                f"strategy: {type(strategy).__name__} given; it needs the gradients of all parameters in each step, "
                "but a GAN updates one network at a time; use L.Trainer(strategy=gan.GameDDP(), …)"
            )
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]  # set by a connector
        if self.num_classes is None:
            self.num_classes = self.prior.clusters or (data.num_classes if isinstance(data, ImageData) else 0)
        self._build_networks(data)
        for name in self.gets_labels:
            network = getattr(self, name)
            if self.num_classes == 0 and adapting.needs_labels(network):
                raise ConfigError(f"{name}: {type(network).__name__} needs labels, and the data have no classes")
            self.gets_labels[name] = self.num_classes > 0 and self.takes_labels(name)
        if getattr(self.penalty, "per_image", False) and _has_batch_statistics(self.discriminator):
            raise ConfigError(
                f"penalty: {type(self.penalty).__name__} given, which needs the gradient for each image separately, "
                "but the discriminator has batch normalization; give one without it, such as "
                'gan.game.networks.DCGANDiscriminator(…, normalization="none")'
            )
        bounded = getattr(self.penalty, "bounds_slope", False) or _may_be_bounded(self.discriminator)
        if getattr(self.objective, "needs_lipschitz", False) and not bounded:
            raise ConfigError(
                f"objective: {type(self.objective).__name__} given, which needs a discriminator with a bounded "
                "gradient; give a penalty such as gan.game.penalties.Clipping(), or a discriminator with "
                "spectral_norm=True"
            )

    def _build_networks(self, data: Any) -> None:
        """Build a DCGAN's networks where none were given."""
        missing = [name for name in self.gets_labels if isinstance(getattr(self, name), NotBuilt)]
        if missing and not isinstance(data, ImageData):
            raise ConfigError(f"{' and '.join(missing)}: none given; without gan.ImageData, give gan.GAN both networks")
        if "generator" in missing:
            self.generator = DCGANGenerator(latent_dim=self.prior.width, image_shape=data.image_shape)
        if "discriminator" in missing:
            self.discriminator = DCGANDiscriminator(image_shape=data.image_shape)

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
        checkpoint.get("callbacks", {}).pop("Timer", None)  # `trainer.max_time` applies to each part of a run
        before = checkpoint.get(self.CHECKPOINT_HYPER_PARAMS_KEY, {})
        self._optimizers_changed = any(before.get(name) != self.hparams.get(name) for name in RATES)

    def on_train_start(self) -> None:
        self.record.to(self.device)
        self.stepper = Stepper.for_trainer(self.trainer)
        if self._compiled is not None and not isinstance(self.stepper, FastStepper):
            raise ConfigError(
                "model.compile given, but a callback, a strategy or a method has a backward hook, which "
                "a compiled update does not call; model.compile=false expected"
            )
        self.rank, self.world_size = self.global_rank, self.trainer.world_size
        self.mean_over_processes = self.trainer.strategy.reduce
        self.total_updates = self.updates_to_make()
        self.find_trained_parameters()
        if self._optimizers_changed:  # the checkpoint has restored the old settings
            self.set_optimizers()

    def set_optimizers(self) -> None:
        """Give the optimizers the settings of ``discriminator_rule`` and ``generator_rule``; they keep their states."""
        for optimizer, fresh in zip(self.trainer.optimizers, self.configure_optimizers(), strict=True):
            for group, wanted in zip(optimizer.param_groups, fresh.param_groups, strict=True):
                group.update({name: value for name, value in wanted.items() if name != "params"})


def _may_be_bounded(network: nn.Module) -> bool:
    """Whether a discriminator has spectral normalization, or is the user's own, who decides."""
    is_ours = type(network).__module__.startswith("gan.")
    return not is_ours or any(map(is_parametrized, network.modules()))


def _has_batch_statistics(network: nn.Module) -> bool:
    """Whether a network of this package has batch normalization, so that each output depends on the minibatch.

    With networks of their own, users decide.
    """
    is_ours = type(network).__module__.startswith("gan.")
    return is_ours and any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())


def _alone(batch: Any) -> Any:
    """The tensor of a list of one, as the batches of ``TensorDataset(images)`` are; other batches unchanged."""
    return batch[0] if isinstance(batch, list | tuple) and len(batch) == 1 else batch
