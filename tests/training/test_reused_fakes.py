"""`schedule.reuse_fakes`: G is updated on the fakes that D has just been updated on."""

import copy
from typing import Any

import pytest
import torch
from tiny_runs import Play
from torch import Tensor

from gan.training.module import GAN

PLAIN = ("optimizer=sgd", "optimizer.lr=0.1", "trainer.max_steps=1", "model.discriminator.dropout=0")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Tensor, bool]]:
    """The latents of each pass of G in training, and whether gradients were to come back from it."""
    passes: list[tuple[Tensor, bool]] = []
    original = GAN._generate

    def generate(game: GAN, z: Tensor, labels: Tensor) -> Tensor:
        passes.append((z, torch.is_grad_enabled()))
        return original(game, z, labels)

    monkeypatch.setattr(GAN, "_generate", generate)
    return passes


def test_one_pass_of_g_serves_both(play: Play, made: list[tuple[Tensor, bool]]) -> None:
    play("trainer.max_epochs=1")
    assert [grad for _, grad in made] == [False, True] * 6
    made.clear()
    play("trainer.max_epochs=1", "schedule.reuse_fakes=true")
    assert [grad for _, grad in made] == [True] * 6


def test_with_n_critic_only_the_fakes_before_gs_turn_are_kept(play: Play, made: list[tuple[Tensor, bool]]) -> None:
    run = play("trainer.max_epochs=1", "schedule.reuse_fakes=true", "schedule.n_critic=3")
    assert [grad for _, grad in made] == [False, False, True] * 2
    assert (run.game.d_updates, run.game.g_updates) == (6, 2)


def test_g_descends_its_loss_on_ds_fakes_as_the_new_d_judges_them(
    play: Play, monkeypatch: pytest.MonkeyPatch, made: list[tuple[Tensor, bool]]
) -> None:
    before: list[dict[str, Any]] = []
    monkeypatch.setattr(
        GAN, "on_train_start", chained(GAN.on_train_start, lambda g: before.append(copy.deepcopy(g.generator)))
    )
    run = play(*PLAIN, "schedule.reuse_fakes=true")
    (z, _), generator, game = made[0], before[0], run.game
    generator.train()
    g_loss = game.objective.g_loss(game.discriminator(generator(z)), None)
    g_loss.backward()
    for parameter, after in zip(generator.parameters(), game.generator.parameters(), strict=True):
        torch.testing.assert_close(parameter - 0.1 * parameter.grad, after, rtol=1e-5, atol=1e-6)


def test_d_is_updated_as_without(play: Play) -> None:
    kept, plain = (play(*PLAIN, f"schedule.reuse_fakes={word}") for word in ("true", "false"))
    for ours, theirs in zip(kept.game.discriminator.parameters(), plain.game.discriminator.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def chained(first: Any, second: Any) -> Any:
    def both(game: GAN) -> None:
        first(game)
        second(game)

    return both
