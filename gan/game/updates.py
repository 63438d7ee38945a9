"""The two updates of a GAN: Algorithm 1 of Goodfellow et al. 2014, for any training loop.

    game = Game(generator, discriminator, prior=Prior("normal", 100))
    for real, labels in batches:
        game.update_discriminator(real, labels, d_optimizer)
        game.update_generator(real, labels, g_optimizer)
    print(game.record.take())  # the means since the last call; until then, the statistics of all updates are kept

``game.train_minibatch`` makes the updates that the schedule names, and counts. Nothing here needs a Trainer, a
configuration or a file. docs/from_python.md trains MNIST in 20 lines. `gan.GAN` is this game as a LightningModule.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gan.game.augmentation import AdaptiveAugmentation, Augmentation, InstanceNoise
from gan.game.compiled import CompiledUpdates
from gan.game.ema import GeneratorAverage
from gan.game.gradients import frozen, in_parts
from gan.game.latents import Prior
from gan.game.learning_rates import LRSchedule
from gan.game.losses import AuxiliaryLosses, NonSaturating, Objective
from gan.game.networks import DiscriminatorOutput, adapting
from gan.game.penalties import Penalty
from gan.game.schedules import Schedule, Steps
from gan.game.statistics import GameStatistics
from gan.system.errors import ConfigError
from gan.system.random_streams import start_stream, stream_seed
from gan.system.value_types import check_objects, problem

DBatch = Literal["separate", "one_pass", "concatenated"]


class Fakes(NamedTuple):
    """Latents (N, width) and their images (N, C, H, W), attached to the generator's graph."""

    latents: Tensor
    images: Tensor


class Game(nn.Module):
    """A generator and a discriminator with their two updates.

    A minibatch is ``(real, labels)``: float32 (N, C, H, W), normalised, and int64 (N,). The random numbers of an update
    depend on the seed, the rank and the number of the update alone (`gan.system.random_streams`).

    Args:
        generator: z (N, prior.width), labels (N,) -> images (N, C, H, W). Labels are left out if its ``forward`` has no
            second argument.
        discriminator: images (N, C, H, W), labels (N,) -> logits (N,) or (N, 1); one of ours also has the outputs of
            its other heads.
        prior: the distribution of z, InfoGAN's codes or clusters included. With clusters, the labels are clusters.
        objective: the losses of both networks; None for `NonSaturating`.
        penalty: regularisation of the discriminator; None for none.
        schedule: which networks are updated on which minibatch.
        lr_schedule: factors on the optimizers' learning rates (their groups' ``initial_lr``); None for constant rates.
        augmentation: applied to all images before the discriminator; None for none.
        ema: the average of the generator; None for none.
        seed: of latents, dropout and augmentation.
        d_batch: D gets real and fake images in two batches of N ("separate"), in one batch of 2N with the same loss
            ("one_pass"), or in one batch of 2N with the mean over 2N as its loss ("concatenated"). One pass is faster
            for fully connected networks; without batch normalisation, spectral normalisation and dropout in D, it
            changes results by rounding only. With the mean over 2N, penalties and auxiliary losses stay as they are, so
            they weigh twice as much beside it.
        instance_noise: noise on all images before the discriminator; None for none.
        auxiliary_losses: the losses of D's other heads; None for `AuxiliaryLosses` with its default weights.

    Attributes:
        turns: minibatches so far. d_updates, g_updates: updates so far. images_seen: real images, of all processes.
        record: statistics of the updates since the last ``record.take()``.
        parts: parts that a minibatch is cut into, for each network; gradients are summed over the parts.
        rank, world_size: rank of this process, number of processes. mean_over_processes: mean of a tensor over them.
        gets_labels: whether each network is called with labels.
        total_updates: generator updates of the whole run, for ``lr_schedule``; None if it has no end.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        prior: Prior,
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        schedule: Schedule | None = None,
        lr_schedule: LRSchedule | None = None,
        augmentation: Augmentation | None = None,
        ema: GeneratorAverage | None = None,
        seed: int = 0,
        d_batch: DBatch = "separate",
        instance_noise: InstanceNoise | None = None,
        auxiliary_losses: AuxiliaryLosses | None = None,
    ) -> None:
        super().__init__()
        check_objects(generator=generator, discriminator=discriminator, prior=prior, objective=objective)
        check_objects(penalty=penalty, schedule=schedule, lr_schedule=lr_schedule, augmentation=augmentation, ema=ema)
        for name, thing, cls in (
            ("instance_noise", instance_noise, InstanceNoise),
            ("auxiliary_losses", auxiliary_losses, AuxiliaryLosses),
        ):
            if thing is not None and not isinstance(thing, cls):
                raise ConfigError(f"{name}: {thing!r} given, an object expected: {cls.__name__}(…)")
        if message := problem("d_batch", d_batch, DBatch):
            raise ConfigError(message)
        self.generator = generator
        self.discriminator = discriminator
        self.ema = ema
        self.augmentation = augmentation
        self.instance_noise = instance_noise if instance_noise is not None and instance_noise.std > 0 else None
        self.prior = prior
        self.objective = objective or NonSaturating()
        self.d_batch = d_batch
        self.penalty = penalty
        self.schedule: Schedule = schedule or Steps()
        self.lr_schedule = lr_schedule
        self.auxiliary_losses = auxiliary_losses or AuxiliaryLosses()
        self.seed = seed
        self.record = GameStatistics(self.objective)
        self.turns = self.d_updates = self.g_updates = self.images_seen = 0
        self.parts = {"discriminator": 1, "generator": 1}
        self.rank, self.world_size = 0, 1
        self.mean_over_processes: Callable[[Tensor], Tensor] = lambda tensor: tensor
        self.total_updates: int | None = None
        self._trained: dict[str, list[nn.Parameter]] = {}
        self._reuses_fakes = False
        self._reused: Fakes | None = None
        self._compiled: CompiledUpdates | None = None
        self.gets_labels = {name: self.takes_labels(name) for name in ("generator", "discriminator")}

    @property
    def final_generator(self) -> nn.Module:
        """The generator for samples, metrics and bundles: the average if there is one."""
        return self.generator if self.ema is None else self.ema.network

    def takes_labels(self, network: str) -> bool:
        """Whether a network is called with labels; for the generator, a cluster is a part of z instead."""
        in_latents = network == "generator" and self.prior.clusters > 0
        return not in_latents and adapting.takes_labels(getattr(self, network))

    @property
    def conditional(self) -> bool:
        """Whether the generator is called with labels."""
        return self.gets_labels["generator"]

    # Algorithm 1.

    def train_minibatch(
        self, real: Tensor, labels: Tensor, d_optimizer: Optimizer, g_optimizer: Optimizer, epoch: int = 0
    ) -> None:
        """Update the networks that the schedule names: one iteration of the outer loop of Algorithm 1."""
        plan = self.schedule.plan(epoch, self.d_updates)
        self._reuses_fakes = self.schedule.reuse_fakes and plan.generator
        updated = self.update_discriminator(real, labels, d_optimizer) if plan.discriminator else True
        if plan.generator and updated:
            self.update_generator(real, labels, g_optimizer)
        self.turns += 1
        self.images_seen += len(real) * self.world_size

    def update_discriminator(self, real: Tensor, labels: Tensor, optimizer: Optimizer) -> bool:
        """One step of D on real images and equally many fakes of the same classes. The fakes get no gradient.

        Returns:
            False if float16's loss scaler has skipped the step: then it is not counted, and G is not updated.
        """
        self._begin_update("discriminator", self.d_updates, optimizer, real.device)
        latents = self.draw_latents(labels)
        for weight, (x, y, z) in in_parts(self.parts["discriminator"], real, labels, latents):
            self._add_gradients("discriminator", x, y, z, weight)
        if not self._step(optimizer):
            self._reused = None
            return False
        self.d_updates += 1
        if self.penalty is not None:
            self.penalty.after_update(self._trained["discriminator"])
        if self.augmentation is not None:
            self.augmentation.after_update(self.d_updates, self.mean_over_processes, self.world_size)
        return True

    def update_generator(self, real: Tensor, labels: Tensor, optimizer: Optimizer) -> None:
        """One step of G, with D frozen, on as many fakes as real images, from new latents or D's latents."""
        self._begin_update("generator", self.g_updates, optimizer, real.device)
        latents = self.draw_latents(labels) if self._reused is None else self._reused.latents
        with frozen(self._trained["discriminator"]):
            for weight, (x, y, z) in in_parts(self.parts["generator"], real, labels, latents):
                self._add_gradients("generator", x, y, z, weight)
        if not self._step(optimizer):
            return
        self.g_updates += 1
        if self.ema is not None:
            minibatches = self.schedule.minibatches_per_generator_update
            self.ema.update(self.generator, self.images_seen, minibatches * len(real) * self.world_size)

    def discriminator_loss(self, real: Tensor, labels: Tensor, z: Tensor, weight: float = 1.0) -> Tensor:
        """The loss of D on these images, scalar; ``weight`` is their fraction of the minibatch."""
        with torch.set_grad_enabled(self._reuses_fakes):
            fake = self._generate(z, labels)
        if self._reuses_fakes:
            self._reused = Fakes(z, fake)
            fake = fake.detach()
        of_real, of_fake = self.discriminate_both(real, fake, labels)
        d_loss = self.objective.d_loss(of_real.logits, of_fake.logits)
        if self.d_batch == "concatenated":
            d_loss = d_loss / 2
        self.record.add_discriminator(d_loss, of_real.logits, of_fake.logits, weight)
        if isinstance(self.augmentation, AdaptiveAugmentation):
            self.augmentation.observe(of_real.logits - (self.objective.boundary or 0.0))
            self.record.add("augmentation_probability", self.augmentation.probability.clone(), weight)

        loss = d_loss + self._auxiliary_losses("real", of_real, labels, None, weight)
        loss = loss + self._auxiliary_losses("fake", of_fake, labels, z, weight)
        if self.penalty is not None and self.penalty.due(self.d_updates):
            penalty = self.penalty(lambda images: self.discriminate(images, labels).logits, real, fake)
            self.record.add("penalty", penalty, weight)
            loss = loss + penalty
        return loss if weight == 1 else loss * weight

    def generator_loss(self, real: Tensor, labels: Tensor, z: Tensor, weight: float = 1.0) -> Tensor:
        """The loss of G on fakes from these latents, scalar; ``weight`` is their fraction of the minibatch."""
        reused, self._reused = self._reused, None
        of_fake = self.discriminate(self._generate(z, labels) if reused is None else reused.images, labels)
        real_logits = None
        if self.objective.g_needs_real:
            with torch.no_grad():
                real_logits = self.discriminate(real, labels).logits
        g_loss = self.objective.g_loss(of_fake.logits, real_logits)
        self.record.add_generator(g_loss, weight)

        loss = g_loss + self._auxiliary_losses("g", of_fake, labels, z, weight)
        return loss if weight == 1 else loss * weight

    # The parts of both updates.

    def discriminate_both(
        self, real: Tensor, fake: Tensor, labels: Tensor
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """D's output for real and for fake images, from two batches or from one of 2N."""
        if self.d_batch == "separate":
            return self.discriminate(real, labels), self.discriminate(fake, labels)
        if self.d_batch == "concatenated":
            images = self.as_seen(torch.cat([real, fake]))
        else:
            images = torch.cat([self.as_seen(real), self.as_seen(fake)])
        both = self._output(images, torch.cat([labels, labels]))
        return both.first(len(real)), both.last(len(fake))

    def discriminate(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        """D's output for a batch after augmentation and instance noise, in float32."""
        return self._output(self.as_seen(images), labels)

    def as_seen(self, images: Tensor) -> Tensor:
        """Images as D gets them: after augmentation and instance noise."""
        if self.augmentation is not None:
            images = self.augmentation(images)
        if self.instance_noise is not None:
            images = self.instance_noise(images, self.images_seen)
        return images

    def _output(self, images: Tensor, labels: Tensor) -> DiscriminatorOutput:
        asked = labels if self.gets_labels["discriminator"] else None
        return adapting.discriminate(self.discriminator, images, asked).float()

    def draw_latents(self, labels: Tensor) -> Tensor:
        """Latents (N, prior.width) for fakes of these labels (N,), from torch's global generator of their device."""
        if self.prior.clusters:
            return self.prior.draw_in_clusters(labels)
        return self.prior.draw(len(labels), device=labels.device)

    def _generate(self, z: Tensor, labels: Tensor) -> Tensor:
        return adapting.generate(self.generator, z, labels if self.gets_labels["generator"] else None)

    def _auxiliary_losses(
        self,
        images: Literal["real", "fake", "g"],
        output: DiscriminatorOutput,
        labels: Tensor,
        z: Tensor | None,
        weight: float,
    ) -> Tensor | float:
        """The losses of D's other heads: of the classes and, for fakes from ``z``, of the codes in z."""
        total: Tensor | float = 0.0
        codes = self.prior.codes(z) if z is not None and self.prior.has_codes else None
        for name, loss, weight_in_total in self.auxiliary_losses(images, output, labels, codes):
            self.record.add(f"{'g' if images == 'g' else 'd'}_{name}", loss, weight)
            total = total + weight_in_total * loss
        return total

    def _begin_update(self, network: str, index: int, optimizer: Optimizer, device: torch.device) -> None:
        """Seed the random numbers of one update on this rank, set its learning rate, and clear the gradients."""
        start_stream(device, stream_seed(self.seed, self.rank, network, index))
        if self.lr_schedule is not None and network in self.lr_schedule.networks:
            factor = self.lr_schedule.factor(self.g_updates, self.total_updates)
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        if not self._trained:
            self.find_trained_parameters()
        for parameter in self._trained[network]:
            parameter.grad = None

    def find_trained_parameters(self) -> None:
        """Find the trained parameters; needed again only if ``requires_grad`` of a parameter changes."""
        networks = {"discriminator": self.discriminator, "generator": self.generator}
        self._trained = {
            name: [parameter for parameter in network.parameters() if parameter.requires_grad]
            for name, network in networks.items()
        }
        if self._compiled is not None:  # its graphs hold tensors of before
            self.compile_updates(self._compiled.rows, cuda_graphs=self._compiled.cuda_graphs)

    def _add_gradients(self, network: str, real: Tensor, labels: Tensor, z: Tensor, weight: float) -> None:
        """Add the gradients of a network's loss on a part of the minibatch to its parameters' gradients."""
        if self._compiled is not None and self._compiled.can_take(real, weight):
            self._compiled.add_gradients(self, network, real, labels, z, weight)
        else:
            self._backward(getattr(self, f"{network}_loss")(real, labels, z, weight))

    # Overridden by the LightningModule.

    def _backward(self, loss: Tensor) -> None:
        loss.backward()

    def _step(self, optimizer: Optimizer) -> bool:
        """Make an optimizer's step; False if it was skipped."""
        optimizer.step()
        return True

    def compile_updates(self, rows: int | None, *, cuda_graphs: bool = False) -> None:
        """Compile the updates on full minibatches of ``rows`` images of this process; None: none of them."""
        self._compiled = None if rows is None else CompiledUpdates(rows, cuda_graphs=cuda_graphs)
