"""What only a CUDA GPU can show. These tests have not been run yet: we had no GPU."""

from typing import Any

import pytest
import torch
from real_images import sample_of
from tiny_runs import EveryStep, Play
from torch._dynamo.utils import counters

from gan.game.statistics import GameStatistics
from gan.metrics.extractors import load_extractor
from gan.training.fast_loop import GameLoop

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
ON_GPU = ("trainer.accelerator=gpu", "trainer.devices=1", "data.drop_last=true")


@pytest.mark.parametrize("compiled", ["false", "true", "cuda_graphs"])
def test_no_minibatch_waits_for_the_gpu_but_those_that_log(
    play: Play, monkeypatch: pytest.MonkeyPatch, compiled: str
) -> None:
    number = 0
    advance = GameLoop.advance

    def watched(loop: GameLoop, data_fetcher: Any) -> None:
        nonlocal number
        number += 1
        waits = number % 4 == 0 or number <= 4  # a row of metrics.csv; the first ones compile and record
        torch.cuda.set_sync_debug_mode("default" if waits else "error")
        try:
            advance(loop, data_fetcher)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(GameLoop, "advance", watched)
    for look in ("add_discriminator", "add_generator"):  # the tests' own, which take every loss at once
        monkeypatch.setattr(EveryStep, look, getattr(GameStatistics, look))
    play("trainer.log_every_n_steps=4", f"model.compile={compiled}", *ON_GPU)
    assert number == 10


@pytest.mark.parametrize(
    "also",
    [
        (),
        ("penalty=r1", "optimizer.accumulate=2"),
        ("model.generator.normalization=batch", "model.discriminator.normalization=batch"),
        ("model.discriminator.spectral_norm=true", "augmentation=adaptive"),
    ],
    ids=" ".join,
)
def test_cuda_graphs_play_the_same_game(play: Play, also: tuple[str, ...]) -> None:
    words = ("trainer.max_epochs=5", *ON_GPU, *also)
    counters.clear()
    eager, graphs = play(*words), play(*words, "model.compile=cuda_graphs")
    assert counters["inductor"]["cudagraph_skips"] == 0
    for ours, theirs in ((graphs.losses.d, eager.losses.d), (graphs.losses.g, eager.losses.g)):
        assert [loss for _, loss in ours] == pytest.approx([loss for _, loss in theirs], abs=1e-4)


@pytest.mark.parametrize("kind", ["classifier", "autoencoder"])
def test_the_features_are_those_of_the_cpu(kind: str) -> None:
    images = sample_of("mnist").held_out_images[:500]
    extractor = load_extractor("mnist", kind)
    on_cpu = extractor.features(images)
    torch.testing.assert_close(extractor.to("cuda").features(images), on_cpu, rtol=1e-4, atol=1e-4)
