"""Two processes with a global minibatch play the game of one process with that minibatch."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rank_losses import play

from gan.launch.launcher import launch

STEPS = 50
SMALL = (
    "data=mnist_sample", "data.batch_size=16", "model.generator.hidden=[16]", "model.discriminator.hidden=[16,8]",
    "model.discriminator.dropout=0.0",
    "accelerator=cpu", "callbacks=none", "logger=none", "trainer.max_epochs=1", f"trainer.limit_train_batches={STEPS}",
)  # fmt: skip
GAMES = {
    "R1 and R2, n_critic 3, accumulated": ("penalty=r1_r2", "schedule.n_critic=3", "optimizer.accumulate=2"),
}
MORE = {  # the rest of penalties x n_critic x accumulation: what they draw beside latents is drawn for each part anew
    f"{penalty}, n_critic {n_critic}, in {parts}": (
        f"penalty={penalty}", f"schedule.n_critic={n_critic}", f"optimizer.accumulate={parts}",
    )
    for penalty in ("none", "r1", "r2", "r1_r2", "clipping", "gradient_penalty")
    for n_critic in (1, 3)
    for parts in (1, 2)
    if (penalty, parts) != ("gradient_penalty", 2)
} | {
    "clusters": (
        "model.clusters=4", "model.generator.conditioning=concat", "model.discriminator.conditioning=projection",
    ),
    "critic": ("objective=wasserstein", "penalty=gradient_penalty"),
    "overfit": ("+trainer.overfit_batches=2", f"trainer.max_epochs={STEPS // 2}"),
}  # fmt: skip


def differences(
    compose_settings: Callable[..., dict[str, Any]], folder: Path, words: tuple[str, ...]
) -> dict[str, float]:
    """The largest difference of a loss, and of a weight; and between the ranks' weights."""
    losses, weights = play(compose_settings(*SMALL, *words), 0, 1)
    file = folder / "settings.json"
    file.write_text(json.dumps(compose_settings(*SMALL, "trainer.devices=2", *words)))
    assert launch([str(Path(__file__).parents[1] / "rank_losses.py")], [str(file), str(folder)], processes=2) == 0
    one, two = (torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    assert len(losses) == len(one["losses"]) == STEPS
    assert [step.keys() for step in losses] == [step.keys() for step in one["losses"]]
    off = [abs(a[name] - b[name]) for a, b in zip(losses, one["losses"], strict=True) for name in a]
    return {
        "loss": max(off),
        "weight": float((weights - one["weights"]).abs().max()),
        "ranks": float((one["weights"] - two["weights"]).abs().max()),
    }


@pytest.mark.filterwarnings("ignore:You requested to overfit")
@pytest.mark.parametrize(
    "words",
    [pytest.param(words, id=name) for name, words in GAMES.items()]
    + [pytest.param(words, id=name, marks=pytest.mark.slow) for name, words in MORE.items()],
)
def test_two_processes_play_the_game_of_one(
    compose_settings: Callable[..., dict[str, Any]], tmp_path: Path, words: tuple[str, ...]
) -> None:
    found = differences(compose_settings, tmp_path, words)
    print(found)
    assert found["loss"] < 1e-5
    assert found["weight"] < 1e-5
    assert found["ranks"] == 0
