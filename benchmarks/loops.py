"""The loops that the project is held against, each in a process of its own.

    python benchmarks/loops.py tutorial slides_mnist --images 6400

prints the number of images, the seconds, and the CPU seconds that they took. `flops` prints the floating-point
operations of the bare loop's matrix products and convolutions per image.

`tutorial` is written as its authors did: images decoded one by one by a DataLoader, plain Adam, losses fetched from the
device in each step. `bare` is the fastest that we can write without a framework: resident images, fused Adam, D frozen
while G is updated, nothing else. `lightning` is Lightning's example for GANs: the DataLoader, `self.log` in each step.
"""

import argparse
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from raced import RECIPES, WORDS, averaged, cosine, logits_of, networks, per_sample, r1, resident
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

WARM_UP = 30  # minibatches before the clock starts
STOP: list[bool] = []  # of the command line
Taken = tuple[int, float, float]  # images, seconds, CPU seconds


def tutorial(system: str, images: int, bf16: bool) -> Taken:
    own = RECIPES[system]
    generator, discriminator, latents = networks(system)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=own.lr)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=own.lr)
    d_losses, g_losses = [], []

    def step(real: Tensor, _: Tensor) -> None:
        count = len(real)
        with torch.no_grad():
            fake = generator(latents(count))
        d_optimizer.zero_grad()
        if own.together:
            judged = torch.sigmoid(logits_of(discriminator, torch.cat([real, fake])))
            d_loss = binary_cross_entropy(judged, torch.cat([torch.ones(count), torch.zeros(count)]).view_as(judged))
        else:
            on_real, on_fake = (torch.sigmoid(logits_of(discriminator, x)) for x in (real, fake))
            d_loss = binary_cross_entropy(on_real, torch.full_like(on_real, own.real))
            d_loss = d_loss + binary_cross_entropy(on_fake, torch.zeros_like(on_fake))
        d_loss.backward()
        d_optimizer.step()
        g_optimizer.zero_grad()
        on_fake = torch.sigmoid(logits_of(discriminator, generator(latents(count))))
        g_loss = binary_cross_entropy(on_fake, torch.ones_like(on_fake))
        g_loss.backward()
        g_optimizer.step()
        d_losses.append(d_loss.item())
        g_losses.append(g_loss.item())

    return timed(step, (batch for _ in itertools.count() for batch in per_sample(system)), images)


def bare(system: str, images: int, bf16: bool) -> Taken:
    own = RECIPES[system]
    return timed(bare_step(system, bf16), resident(own.batch, own.shuffle), images)


def flops(system: str, images: int, bf16: bool) -> tuple[float]:
    own = RECIPES[system]
    step, every = bare_step(system, bf16), own.r1_every
    with FlopCounter() as counter:
        for real, labels in itertools.islice(resident(own.batch, own.shuffle), every):
            step(real, labels)
    return (counter.total / (every * own.batch),)


class FlopCounter(TorchDispatchMode):
    """As torch's FlopCounterMode, whose hooks on modules fail with the second derivative of R1."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outcome = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func.overloadpacket):
            self.total += count(*args, **(kwargs or {}), out_val=outcome)
        return outcome


def bare_step(system: str, bf16: bool) -> Callable[[Tensor, Tensor], None]:
    own = RECIPES[system]
    generator, discriminator, latents = networks(system)
    if system in ("dcgan", "ten_minutes"):
        generator, discriminator = (net.to(memory_format=torch.channels_last) for net in (generator, discriminator))
    d_parameters, g_parameters = list(discriminator.parameters()), list(generator.parameters())
    d_optimizer = torch.optim.Adam(d_parameters, lr=own.lr, fused=True)
    g_optimizer = torch.optim.Adam(g_parameters, lr=own.lr, fused=True)
    averages = [tensor.detach().clone() for tensor in averaged(generator)]
    updates = itertools.count()
    torch.set_flush_denormal(True)

    def forward_d(real: Tensor, fake: Tensor, labels: Tensor | None) -> Tensor:
        if own.together:
            judged = logits_of(discriminator, torch.cat([real, fake]))
            targets = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).view_as(judged)
            return binary_cross_entropy_with_logits(judged.float(), targets)
        on_real, on_fake = (logits_of(discriminator, shown, labels).float() for shown in (real, fake))
        d_loss = binary_cross_entropy_with_logits(on_real, torch.full_like(on_real, own.real))
        return d_loss + binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))

    def step(real: Tensor, labels: Tensor) -> None:
        count, told, update = len(real), labels if own.labelled else None, next(updates)
        if own.updates:
            for optimizer in (d_optimizer, g_optimizer):
                optimizer.param_groups[0]["lr"] = cosine(own, update)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            with torch.no_grad():
                fake = generator(latents(count), told)
            d_loss = forward_d(real, fake, told)
        if own.r1 and update % own.r1_every == 0:
            d_loss = d_loss + own.r1_every * own.r1 * r1(discriminator, real, told)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        for parameter in d_parameters:
            parameter.requires_grad_(False)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            on_fake = logits_of(discriminator, generator(latents(count), told), told).float()
        g_loss = binary_cross_entropy_with_logits(on_fake, torch.ones_like(on_fake))
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        for parameter in d_parameters:
            parameter.requires_grad_(True)
        if own.average:
            with torch.no_grad():
                torch._foreach_lerp_(averages, averaged(generator), 1 - 0.5 ** (count / own.average))

    return step


def lightning(system: str, images: int, bf16: bool) -> Taken:
    import lightning.pytorch as L

    own = RECIPES[system]
    batches = images // own.batch + WARM_UP

    class Example(L.LightningModule):
        """As Lightning's own example has it, with this recipe's networks."""

        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.generator, self.discriminator, self.latents = networks(system)
            if own.average:
                decay = 0.5 ** (own.batch / own.average)
                self.average = AveragedModel(self.generator, multi_avg_fn=get_ema_multi_avg_fn(decay))

        def training_step(self, batch: Any) -> None:
            real, labels = batch
            count, told = len(real), labels if own.labelled else None
            g_optimizer, d_optimizer = self.optimizers()  # type: ignore[misc]
            fake = self.generator(self.latents(count), told)
            self.toggle_optimizer(g_optimizer)
            g_loss = self.loss(logits_of(self.discriminator, self.generator(self.latents(count), told), told), 1.0)
            self.log("g_loss", g_loss, prog_bar=True)
            self.manual_backward(g_loss)
            g_optimizer.step()
            g_optimizer.zero_grad()
            self.untoggle_optimizer(g_optimizer)
            self.toggle_optimizer(d_optimizer)
            real_loss = self.loss(logits_of(self.discriminator, real, told), own.real)
            fake_loss = self.loss(logits_of(self.discriminator, fake.detach(), told), 0.0)
            d_loss = real_loss + fake_loss
            if own.r1 and self.trainer.fit_loop.batch_idx % own.r1_every == 0:
                d_loss = d_loss + own.r1_every * own.r1 * r1(self.discriminator, real, told)
            self.log("d_loss", d_loss, prog_bar=True)
            self.manual_backward(d_loss)
            d_optimizer.step()
            d_optimizer.zero_grad()
            self.untoggle_optimizer(d_optimizer)
            if own.average:
                self.average.update_parameters(self.generator)
            if own.updates:
                for scheduler in self.lr_schedulers():  # type: ignore[union-attr]  # there are two
                    scheduler.step()  # type: ignore[call-arg]  # none of them is a plateau's, which takes a number

        def loss(self, logits: Tensor, target: float) -> Tensor:
            return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

        def configure_optimizers(self) -> Any:
            pair = (self.generator, self.discriminator)
            adams = [torch.optim.Adam(network.parameters(), lr=own.lr) for network in pair]
            return adams, [CosineAnnealingLR(adam, own.updates) for adam in adams if own.updates]

    class Clock(L.Callback):
        began = seconds = cpu_began = cpu_seconds = 0.0

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == WARM_UP - 1:
                self.began, self.cpu_began = time.perf_counter(), time.process_time()

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self.seconds = time.perf_counter() - self.began
            self.cpu_seconds = time.process_time() - self.cpu_began

    clock = Clock()
    trainer = L.Trainer(
        max_epochs=1, limit_train_batches=batches, accelerator="cpu", callbacks=[clock], enable_model_summary=False,
        default_root_dir=os.environ.get("TMPDIR", "/tmp"), logger=True,
    )  # fmt: skip
    trainer.fit(Example(), per_sample(system))
    return (batches - WARM_UP) * own.batch, clock.seconds, clock.cpu_seconds


def timed(step: Callable[[Tensor, Tensor], None], batches: Iterator[Any], images: int) -> Taken:
    for real, labels in itertools.islice(batches, WARM_UP):
        step(real, labels)
    if STOP:
        os.kill(os.getpid(), signal.SIGSTOP)  # until benchmarks/alternating.py lets it go on
    done, began, cpu_began = 0, time.perf_counter(), time.process_time()
    for real, labels in batches:
        step(real, labels)
        done += len(real)
        if done >= images:
            return done, time.perf_counter() - began, time.process_time() - cpu_began
    raise AssertionError("not reached")


LOOPS = {"tutorial": tutorial, "bare": bare, "lightning": lightning, "flops": flops}

if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("loop", choices=LOOPS)
    arguments.add_argument("system", choices=RECIPES)
    arguments.add_argument("--images", type=int, default=12_800)
    arguments.add_argument("--bf16", action="store_true", help="autocast; of the bare loop")
    arguments.add_argument("--batch", type=int, help="images of a minibatch; otherwise the recipe's")
    arguments.add_argument("--words", nargs="*", default=[], help="of train.py, for the networks")
    arguments.add_argument("--stop", action="store_true", help="stop the process (SIGSTOP) after the warm-up")
    given = arguments.parse_args()
    STOP.extend([True] * given.stop)
    if given.batch:
        RECIPES[given.system] = replace(RECIPES[given.system], batch=given.batch)
    WORDS.extend(given.words)
    outcome: tuple[float, ...] = LOOPS[given.loop](given.system, given.images, given.bf16)
    print(*outcome)
