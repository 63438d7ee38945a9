"""The loops that the project is held against, each in a process of its own, which prints images per second.

    python benchmarks/loops.py tutorial slides_mnist --images 6400

After them it prints the seconds that they took.

`tutorial` is written as its authors did: images decoded one by one by a DataLoader, plain Adam, losses fetched from the
device in each step. `bare` is the fastest that we can write without a framework: resident images, fused Adam, D frozen
while G is updated, nothing else. `lightning` is Lightning's example for GANs: the DataLoader, `self.log` in each step.
"""

import argparse
import itertools
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from torchvision import transforms

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
WARM_UP = 30  # minibatches before the clock starts


@dataclass(frozen=True)
class Recipe:
    """What a loop must know of a recipe besides its networks: shared/TUTORIALS.md, conf/experiment/.

    Attributes:
        real: the label of a real image. together: D judges real and fake images in one pass.
        labelled: both networks are told the class. r1: gamma of R1, in every ``r1_every``-th update of D.
        average: half-life in images of an average of the generator; 0: none. updates: over which the rates fall to 0 as
            a cosine; 0: they stay.
    """

    batch: int
    lr: float
    real: float = 1.0
    together: bool = False
    shuffle: bool = True
    labelled: bool = False
    r1: float = 0.0
    r1_every: int = 1
    average: float = 0.0
    updates: int = 0


RECIPES = {
    "udacity_mnist": Recipe(64, 2e-3, real=0.9, shuffle=False),
    "kaggle_mnist": Recipe(64, 2e-4),
    "slides_mnist": Recipe(32, 1e-4, together=True),
    "dcgan": Recipe(64, 2e-4),
    "ten_minutes": Recipe(64, 1e-3, labelled=True, r1=1.0, r1_every=4, average=10_000, updates=18 * 938),
}

WORDS: list[str] = []  # of the command line


def networks(system: str) -> tuple[nn.Module, nn.Module, Callable[[int], Tensor]]:
    """The project's own generator and discriminator of a recipe, and how its latents are drawn: the same maths."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    from gan.build import build_data, build_game

    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", [f"experiment={system}", "data=mnist_sample", "run_dir=/dev/null", *WORDS])
    settings: Any = OmegaConf.to_container(config, resolve=True)
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    # Lightning, which this import has brought, lets torch look for a driver library in each step of Adam; these loops
    # are to be what they are without it.
    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    uniform = settings["model"]["prior"] == "uniform"
    width = settings["model"]["latent_dim"]

    def latents(count: int) -> Tensor:
        return torch.rand(count, width) * 2 - 1 if uniform else torch.randn(count, width)

    return game.generator, game.discriminator, latents


def per_sample(system: str) -> DataLoader[Any]:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    root = os.environ.get("GAN_DATA", str(ROOT / "data"))
    mnist = torchvision.datasets.MNIST(root, train=True, transform=transform)
    own = RECIPES[system]
    return DataLoader(mnist, batch_size=own.batch, shuffle=own.shuffle)


def logits_of(discriminator: nn.Module, images: Tensor, labels: Tensor | None = None) -> Tensor:
    judged = discriminator(images, labels)
    return judged if isinstance(judged, Tensor) else judged.logits


def r1(discriminator: nn.Module, real: Tensor, labels: Tensor | None) -> Tensor:
    """Half the mean squared gradient of D at real images (Mescheder et al. 2018)."""
    real = real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(logits_of(discriminator, real, labels).sum(), real, create_graph=True)
    return 0.5 * slope.flatten(1).square().sum(dim=1).mean()


def cosine(own: Recipe, update: int) -> float:
    return own.lr * 0.5 * (1 + math.cos(math.pi * update / own.updates))


def tutorial(system: str, images: int, bf16: bool) -> tuple[float, float]:
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


def bare(system: str, images: int, bf16: bool) -> tuple[float, float]:
    own = RECIPES[system]
    generator, discriminator, latents = networks(system)
    if system == "dcgan":
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

    return timed(step, resident(own.batch, own.shuffle), images)


def averaged(generator: nn.Module) -> list[Tensor]:
    """The weights, and batch norm's statistics."""
    return [*generator.parameters(), *(buffer for buffer in generator.buffers() if buffer.is_floating_point())]


def resident(batch: int, shuffle: bool) -> Iterator[tuple[Tensor, Tensor]]:
    mnist = torchvision.datasets.MNIST(os.environ.get("GAN_DATA", str(ROOT / "data")), train=True)
    pixels, labels = mnist.data.unsqueeze(1), mnist.targets
    while True:
        order = torch.randperm(len(pixels)) if shuffle else torch.arange(len(pixels))
        for chosen in order.split(batch):
            yield (pixels[chosen].float() / 255 - 0.5) / 0.5, labels[chosen]


def lightning(system: str, images: int, bf16: bool) -> tuple[float, float]:
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
                for scheduler in self.lr_schedulers():  # type: ignore[union-attr]
                    scheduler.step()  # type: ignore[call-arg]

        def loss(self, logits: Tensor, target: float) -> Tensor:
            return binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

        def configure_optimizers(self) -> Any:
            pair = (self.generator, self.discriminator)
            adams = [torch.optim.Adam(network.parameters(), lr=own.lr) for network in pair]
            return adams, [CosineAnnealingLR(adam, own.updates) for adam in adams if own.updates]

    class Clock(L.Callback):
        began = seconds = 0.0

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == WARM_UP - 1:
                self.began = time.perf_counter()

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self.seconds = time.perf_counter() - self.began

    clock = Clock()
    trainer = L.Trainer(
        max_epochs=1, limit_train_batches=batches, accelerator="cpu", callbacks=[clock], enable_model_summary=False,
        default_root_dir=os.environ.get("TMPDIR", "/tmp"), logger=True,
    )  # fmt: skip
    trainer.fit(Example(), per_sample(system))
    return (batches - WARM_UP) * own.batch / clock.seconds, clock.seconds


def timed(step: Callable[[Tensor, Tensor], None], batches: Iterator[Any], images: int) -> tuple[float, float]:
    for real, labels in itertools.islice(batches, WARM_UP):
        step(real, labels)
    done, began = 0, time.perf_counter()
    for real, labels in batches:
        step(real, labels)
        done += len(real)
        if done >= images:
            seconds = time.perf_counter() - began
            return done / seconds, seconds
    raise AssertionError("not reached")


LOOPS = {"tutorial": tutorial, "bare": bare, "lightning": lightning}

if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("loop", choices=LOOPS)
    arguments.add_argument("system", choices=RECIPES)
    arguments.add_argument("--images", type=int, default=12_800)
    arguments.add_argument("--bf16", action="store_true", help="autocast; of the bare loop")
    arguments.add_argument("--batch", type=int, help="images of a minibatch; otherwise the recipe's")
    arguments.add_argument("--words", nargs="*", default=[], help="of train.py, for the networks")
    given = arguments.parse_args()
    if given.batch:
        RECIPES[given.system] = replace(RECIPES[given.system], batch=given.batch)
    WORDS.extend(given.words)
    print(*LOOPS[given.loop](given.system, given.images, given.bf16))
