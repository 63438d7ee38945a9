"""Tiny real runs: networks of one hidden layer, a handful of random images, through the Trainer of the project."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
from tiny_runs import EveryStep, Losses, Play, Rows, Run, few_images

from gan.build import build_data, build_game, build_trainer


@pytest.fixture
def play(compose_settings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Play:
    """``play(*overrides, callbacks=[…])``: train, with these callbacks around the game and no others."""
    monkeypatch.setattr("gan.data.module.load", lambda *arguments: few_images())

    def played(*overrides: str, callbacks: Sequence[L.Callback] = (), ckpt_path: Path | None = None) -> Run:
        settings = compose_settings(
            "data=mnist_sample",
            "data.batch_size=4",
            "model.latent_dim=3",
            "model.generator.hidden=[8]",
            "model.discriminator.hidden=[8]",
            "optimizer.lr=0.01",
            "accelerator=cpu",
            "callbacks=none",
            "logger=none",
            "trainer.max_epochs=2",
            "trainer.log_every_n_steps=2",
            *overrides,
        )
        data = build_data(settings)
        data.setup()
        game = build_game(settings, data.image_shape)
        losses = Losses()
        game.record = EveryStep(game, losses)
        trainer = build_trainer(settings)
        rows = Rows()
        trainer.loggers = [*trainer.loggers, rows]
        trainer.callbacks.extend(callbacks)  # type: ignore[attr-defined]
        trainer.fit(game, datamodule=data, ckpt_path=ckpt_path)
        return Run(game, trainer, data, Path(settings["run_dir"]), rows, losses)

    return played
