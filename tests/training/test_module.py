"""GAN: the alternating game. Who is updated, who is left alone, and what is counted."""

from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import BATCHES, IMAGES, Play
from watching import WatchUpdates

from gan.training.module import GAN


@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
@pytest.mark.parametrize("d_batch", ["separate", "one_pass", "concatenated"])
def test_an_update_leaves_the_other_network_untouched(play: Play, objective: str, d_batch: str) -> None:
    watch = WatchUpdates(frozen="trunk.layers.0.weight")
    play(
        f"objective={objective}",
        f"game.d_batch={d_batch}",
        "model.discriminator.hidden=[8,8]",
        "trainer.max_epochs=1",
        callbacks=[watch],
    )
    assert watch.seen == ["discriminator", "generator"] * BATCHES


def test_the_discriminators_fakes_are_made_without_gradient(play: Play) -> None:
    made: list[bool] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, GAN)
            pl_module.generator.register_forward_hook(lambda _, __, images: made.append(images.requires_grad))

    play("trainer.max_epochs=1", "trainer.limit_train_batches=2", callbacks=[Watch()])
    assert made == [False, True] * 2


def test_global_step_counts_generator_updates_alone(play: Play) -> None:
    run = play("trainer.max_epochs=2", "schedule.n_critic=3")
    assert (run.game.turns, run.game.d_updates, run.game.g_updates) == (12, 12, 4)
    assert run.trainer.global_step == 4
    assert run.game.images_seen == 2 * IMAGES


def test_max_steps_is_in_generator_updates(play: Play) -> None:
    run = play("trainer.max_epochs=-1", "trainer.max_steps=5", "schedule.n_critic=2")
    assert (run.game.d_updates, run.game.g_updates, run.trainer.global_step) == (10, 5, 5)


def test_each_critic_update_has_a_new_minibatch(play: Play) -> None:
    batches: list[torch.Tensor] = []

    class Watch(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            assert isinstance(pl_module, GAN)
            update = pl_module.update_discriminator

            def watched(real: torch.Tensor, *others: Any) -> bool:
                batches.append(real.clone())
                return update(real, *others)

            pl_module.update_discriminator = watched  # type: ignore[method-assign]

    play("trainer.max_epochs=1", "schedule.n_critic=3", callbacks=[Watch()])
    assert len(torch.cat(batches).flatten(1).unique(dim=0)) == IMAGES


def test_alternating_epochs_train_one_network_at_a_time(play: Play) -> None:
    run = play(
        "trainer.max_epochs=5",
        "schedule=alternating_epochs",
        "schedule.discriminator_epochs=2",
        "schedule.generator_epochs=1",
    )
    assert {epoch for epoch, _ in run.losses.d} == {0, 1, 3, 4}
    assert {epoch for epoch, _ in run.losses.g} == {2}
    assert (run.game.d_updates, run.game.g_updates, run.trainer.global_step) == (4 * BATCHES, BATCHES, BATCHES)


def test_the_same_seed_gives_the_same_losses_and_another_seed_others(play: Play) -> None:
    one, again, other = play("seed=3"), play("seed=3"), play("seed=4")
    assert (one.losses.d, one.losses.g) == (again.losses.d, again.losses.g)
    assert one.losses.d != other.losses.d


def test_what_is_drawn_between_updates_changes_nothing(play: Play) -> None:
    class Disturb(L.Callback):
        def on_train_batch_start(self, *arguments: Any) -> None:
            torch.rand(7)

    dropout = ("model.discriminator.dropout=0.5", "model.generator.dropout=0.5")
    calm, disturbed = play(*dropout), play(*dropout, callbacks=[Disturb()])
    assert (calm.losses.d, calm.losses.g) == (disturbed.losses.d, disturbed.losses.g)


def test_bf16_mixed_trains_with_float32_losses_and_weights(play: Play) -> None:
    full, mixed = play("trainer.max_epochs=1"), play("trainer.max_epochs=1", "trainer.precision=bf16-mixed")
    assert {p.dtype for p in mixed.game.parameters()} == {torch.float32}
    assert mixed.losses.d != full.losses.d  # bf16 was used
    torch.testing.assert_close(mixed.losses.d, full.losses.d, atol=0.05, rtol=0)


def test_counters_and_configuration_survive_in_plain_containers(play: Play, tmp_path: Any) -> None:
    run = play("trainer.max_epochs=1", "schedule.n_critic=2")
    path = tmp_path / "game.ckpt"
    run.trainer.save_checkpoint(path)
    checkpoint = torch.load(path, weights_only=True)
    counters = {name: value for name, value in checkpoint["game"].items() if name not in ("records", "augmentations")}
    assert counters == {"turns": 6, "d_updates": 6, "g_updates": 3, "images_seen": IMAGES}
    assert checkpoint["global_step"] == 3
    assert checkpoint["hyper_parameters"]["schedule"] == {
        "_target_": "gan.game.schedules.Steps",
        "n_critic": 2,
        "reuse_fakes": False,
    }
