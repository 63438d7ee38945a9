"""What a game is made of besides two losses: parts, clipping, penalties, averages, rates, what D sees."""

from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, IMAGES, Play, noted
from torch import Tensor

from gan.game.augmentation import AdaptiveAugmentation
from gan.game.gradients import gradient_norm
from gan.game.learning_rates import Cosine, Linear
from gan.generators.bundle import load_generator
from gan.training.callbacks import GameMonitor, GeneratorBundle
from gan.training.module import GAN

PLAIN = ("model.discriminator.dropout=0", "model.generator.dropout=0")
CONDITIONAL = ("model.generator.conditioning=concat",)


def weights(network: torch.nn.Module) -> Tensor:
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


class Steps(L.Callback):
    """The gradient norms and learning rates with which each step of D's and of G's was made, in order."""

    def __init__(self) -> None:
        self.norms: dict[str, list[float]] = {"d": [], "g": []}
        self.rates: dict[str, list[float]] = {"d": [], "g": []}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for network, optimizer in zip("dg", trainer.optimizers, strict=True):
            optimizer.register_step_post_hook(lambda of, *_, network=network: self._look(network, of))

    def _look(self, network: str, optimizer: torch.optim.Optimizer) -> None:
        self.norms[network].append(gradient_norm(optimizer).item())
        self.rates[network].append(optimizer.param_groups[0]["lr"])


# Accumulation


@pytest.mark.parametrize(
    "parts",
    [["optimizer.accumulate=3"], ["+optimizer.generator.accumulate=2"], ["+optimizer.discriminator.accumulate=4"]],
    ids=" ".join,
)
@pytest.mark.parametrize("also", [[], ["penalty=r1", *CONDITIONAL, "model.discriminator.conditioning=projection"]])
def test_a_minibatch_in_parts_gives_the_same_weights_and_losses(play: Play, parts: list[str], also: list[str]) -> None:
    words = [*PLAIN, "optimizer=sgd", "~optimizer.fused", *also]  # the last minibatch of an epoch is of 2 images
    whole, cut = play(*words), play(*words, *parts)
    for network in ("generator", "discriminator"):
        ours, theirs = weights(getattr(cut.game, network)), weights(getattr(whole.game, network))
        assert torch.linalg.vector_norm(ours - theirs) <= 1e-6 * torch.linalg.vector_norm(theirs)
    assert (cut.game.d_updates, cut.game.g_updates) == (whole.game.d_updates, whole.game.g_updates)


def test_losses_are_logged_alike_in_parts_and_whole(play: Play) -> None:
    whole = play(*PLAIN, callbacks=[GameMonitor()])
    cut = play(*PLAIN, "optimizer.accumulate=2", callbacks=[GameMonitor()])
    for name in ("train/d_loss", "train/g_loss", "epoch/d_loss", "train/d_accuracy_real", "train/value"):
        ours, theirs = whole.logged.having(name), cut.logged.having(name)
        assert len(ours) > 1
        assert [step for step, _ in ours] == [step for step, _ in theirs]
        assert [v for _, v in ours] == pytest.approx([v for _, v in theirs], rel=1e-4, abs=1e-5), name


# Clipping


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_gradient_is_clipped_before_its_step(play: Play, precision: str) -> None:
    free, held = Steps(), Steps()
    play(f"trainer.precision={precision}", callbacks=[free])
    play(f"trainer.precision={precision}", "optimizer.clip_norm=0.01", callbacks=[held])
    assert min(free.norms["d"] + free.norms["g"]) > 0.01
    assert max(held.norms["d"] + held.norms["g"]) <= 0.01 * (1 + 1e-5)
    assert min(held.norms["d"] + held.norms["g"]) > 0.0099


def test_one_network_alone_can_be_clipped(play: Play) -> None:
    seen = Steps()
    play("+optimizer.discriminator.clip_norm=0.01", callbacks=[seen])
    assert max(seen.norms["d"]) <= 0.01 * (1 + 1e-5)
    assert min(seen.norms["g"]) > 0.01


# Penalties


def test_a_lazy_penalty_is_in_every_kth_update_of_the_discriminator(play: Play) -> None:
    due: list[bool] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            add = pl_module.record.add

            def watched(name: str, scalar: Tensor, weight: float = 1.0) -> None:
                if name == "penalty":
                    due.append(pl_module.d_updates % 4 == 0)
                add(name, scalar, weight)

            pl_module.record.add = watched

    steps = Steps()
    words = ("penalty=r1", "penalty.every=4", "optimizer.discriminator.lr=3e-4", "trainer.max_epochs=2")
    run = play(*words, callbacks=[GameMonitor(), Watch(), steps])
    assert due == [True] * 3  # 12 updates of D
    assert steps.rates["d"] == [3e-4] * 12  # none more for the penalty, and so Adam's rate is not changed for it
    assert all(value > 0 for _, value in noted(run, "penalty"))


@pytest.mark.parametrize("penalty", ["r1", "r1_r2", "gradient_penalty", "dragan"])
def test_penalties_in_mixed_precision_agree_with_full(play: Play, penalty: str) -> None:
    words = (*PLAIN, f"penalty={penalty}", "trainer.max_epochs=1")
    full, mixed = (
        play(*words, f"trainer.precision={precision}", callbacks=[GameMonitor()])
        for precision in ("32-true", "bf16-mixed")
    )
    ours, theirs = ([value for _, value in noted(run, "penalty")] for run in (full, mixed))
    assert min(ours) > 0
    assert ours != theirs  # the rest of the game was not in float32
    assert ours == pytest.approx(theirs, rel=0.1)


def test_clipping_holds_after_every_update(play: Play) -> None:
    largest: list[float] = []

    class Watch(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
            largest.append(max(p.abs().max().item() for p in pl_module.discriminator.parameters()))

    play("objective=wasserstein", "penalty=clipping", "penalty.limit=0.02", callbacks=[Watch()])
    assert largest == pytest.approx([0.02] * (2 * BATCHES))


# The average of the generator


def test_live_weights_and_their_average_are_in_the_checkpoint_and_go_on_from_there(play: Play, tmp_path: Path) -> None:
    words = ("ema=standard", "ema.halflife_images=30", "ema.rampup=null")
    whole, half = play(*words), play(*words, "trainer.max_epochs=1")
    path = tmp_path / "half.ckpt"
    half.trainer.save_checkpoint(path)
    state = torch.load(path, weights_only=True)["state_dict"]
    live = half.game.generator.state_dict()
    assert set(state) == set(half.game.state_dict())
    assert all(torch.equal(state[f"generator.{name}"], value) for name, value in live.items())
    assert all(f"ema.network.{name}" in state for name in live)
    assert not torch.equal(weights(half.game.generator), weights(half.game.final_generator))

    resumed = play(*words, ckpt_path=path)
    assert torch.equal(weights(resumed.game.final_generator), weights(whole.game.final_generator))
    assert torch.equal(weights(resumed.game.generator), weights(whole.game.generator))


def test_the_average_follows_the_generator_by_images_seen(play: Play) -> None:
    lives: list[Tensor] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            lives.append(weights(pl_module.generator))

        def on_train_batch_end(self, trainer: L.Trainer, pl_module: Any, *arguments: Any) -> None:
            lives.append(weights(pl_module.generator))

    run = play("ema=standard", "ema.halflife_images=8", "ema.rampup=null", "trainer.max_epochs=1", callbacks=[Watch()])
    average = lives[0]
    for live, images in zip(lives[1:], [4, 4, 4, 4, 4, 2], strict=True):
        average = live + 0.5 ** (images / 8) * (average - live)
    torch.testing.assert_close(weights(run.game.final_generator), average, rtol=1e-5, atol=1e-6)


def test_the_bundle_holds_the_average_where_there_is_one(play: Play) -> None:
    run = play("ema=standard", callbacks=[GeneratorBundle()])
    held = load_generator(run.folder).generator
    assert torch.equal(weights(held), weights(run.game.final_generator))
    assert not torch.equal(weights(held), weights(run.game.generator))


def test_the_average_changes_no_loss(play: Play) -> None:
    with_it, without = play("ema=standard"), play()
    assert (with_it.losses.d, with_it.losses.g) == (without.losses.d, without.losses.g)


# Rates


@pytest.mark.parametrize(
    ("words", "schedule", "followed"),
    [
        (["lr_schedule=linear", "lr_schedule.start=0.25"], Linear(start=0.25), "dg"),
        (["lr_schedule=cosine", "lr_schedule.warmup=3", "lr_schedule.networks=[generator]"], Cosine(warmup=3), "g"),
    ],
)
def test_every_update_has_the_rate_of_its_time(
    play: Play, words: list[str], schedule: Linear | Cosine, followed: str
) -> None:
    seen = Steps()
    play(*words, "optimizer.discriminator.lr=0.03", callbacks=[seen])
    total = 2 * BATCHES
    for network, rate in {"d": 0.03, "g": 0.01}.items():
        factors = [schedule.factor(update, total) if network in followed else 1.0 for update in range(total)]
        assert seen.rates[network] == pytest.approx([rate * factor for factor in factors])


def test_a_resumed_run_goes_on_with_the_rates_of_the_whole(play: Play, tmp_path: Path) -> None:
    words = ("lr_schedule=cosine", "trainer.max_epochs=2")
    whole, first, second = Steps(), Steps(), Steps()
    full = play(*words, callbacks=[whole])
    path = tmp_path / "half.ckpt"

    class Save(L.Callback):
        def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            if trainer.current_epoch == 0:
                trainer.save_checkpoint(path)

    play(*words, callbacks=[first, Save()])
    resumed = play(*words, callbacks=[second], ckpt_path=path)
    assert second.rates["g"] == whole.rates["g"][-len(second.rates["g"]) :]
    assert torch.equal(weights(resumed.game), weights(full.game))


# What D sees


def test_instance_noise_fades_over_the_images_it_is_set_for(play: Play) -> None:
    seen: list[float] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            discriminate = pl_module.discriminator.discriminate

            def watched(images: Tensor, labels: Tensor) -> Any:
                seen.append(images.abs().max().item())
                return discriminate(images, labels)

            pl_module.discriminator.discriminate = watched

    play("game.instance_noise.std=100", f"game.instance_noise.images={IMAGES}", callbacks=[Watch()])
    first, second = seen[: 3 * BATCHES], seen[3 * BATCHES :]  # D on real, D on fake, G on fake
    assert min(first[:3]) > 50
    assert max(second) <= 1  # the images themselves


def test_an_adaptive_augmentation_adapts_and_is_in_the_checkpoint(play: Play) -> None:
    words = ("augmentation=adaptive", "augmentation.speed_images=100", "augmentation.target=0.01", "penalty=none")
    run = play(*words, "optimizer.discriminator.lr=0.05", "trainer.max_epochs=10", callbacks=[GameMonitor()])
    assert isinstance(run.game.augmentation, AdaptiveAugmentation)
    probabilities = [value for _, value in noted(run, "augmentation_probability")]
    assert probabilities[0] == 0
    assert max(probabilities) > 0.2
    assert run.game.state_dict()["augmentation.probability"] == run.game.augmentation.probability


def test_real_and_fake_are_augmented_for_both_players(play: Play) -> None:
    calls: list[int] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            assert isinstance(pl_module, GAN)
            pl_module.augmentation.register_forward_hook(
                lambda _, inputs, output: calls.append(int(not torch.equal(inputs[0], output)))
            )

    play("augmentation=diffaugment", "augmentation.policy=[color]", "trainer.max_epochs=1", callbacks=[Watch()])
    assert calls == [1] * (3 * BATCHES)
