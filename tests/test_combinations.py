"""Every combination that validation admits is played; every one that it refuses is refused with a reason."""

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from option_classes import FAMILIES, OBJECTIVES, PENALTIES
from tiny_runs import Compose, EveryStep, Losses, few_images
from watching import WatchUpdates

from gan.config.experiments import without_leftovers
from gan.config.validation import validate
from gan.system.errors import ConfigError
from gan.training.build import build_data, build_game, build_trainer

TURNS = 3
SMALL = {
    "mlp": ["model.generator.hidden=[8]", "model.discriminator.hidden=[8]"],
    "dcgan": ["model.generator.base_channels=2", "model.discriminator.base_channels=2"],
    "resnet": ["model.generator.base_channels=2", "model.discriminator.base_channels=2"],
    "r3gan": ["model.generator.base_channels=16", "model.discriminator.base_channels=16"],
}
COMMON = (
    "data=mnist_sample",
    "data.batch_size=4",
    "data.image_size=16",
    "accelerator=cpu",
    "callbacks=none",
    "logger=none",
    "trainer.max_epochs=1",
    f"trainer.limit_train_batches={TURNS}",
)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images(16))


def play(settings: dict[str, Any]) -> tuple[Losses, WatchUpdates, L.Trainer]:
    """From the configuration to the end of the run, by the way that train.py takes."""
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    losses, watch = Losses(), WatchUpdates()
    game.record = EveryStep(game, losses)
    trainer = build_trainer(settings)
    trainer.callbacks.append(watch)  # type: ignore[attr-defined]
    trainer.fit(game, datamodule=data)
    return losses, watch, trainer


def check(losses: Losses, watch: WatchUpdates) -> None:
    assert watch.seen == ["discriminator", "generator"] * TURNS
    for values in (losses.d, losses.g):
        assert len(values) == TURNS
        assert torch.tensor([loss for _, loss in values]).isfinite().all()


def reason(settings: dict[str, Any]) -> str | None:
    try:
        validate(settings)
    except ConfigError as error:
        return str(error)
    return None


# Why a combination of these three may be refused, and nothing else may refuse one.
def expected_reasons(model: str, objective: str, penalty: str) -> Iterator[str]:
    if objective == "wasserstein" and penalty == "none":
        yield "objective: 'wasserstein' given, which needs a discriminator with a bounded gradient"
    if model == "dcgan" and penalty not in ("none", "clipping"):
        yield f"penalty: '{penalty}' given, which needs the gradient for each image separately, but with model."


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("model", FAMILIES)
def test_every_model_objective_and_penalty_plays_or_is_refused(
    compose_settings: Compose, model: str, objective: str
) -> None:
    composed = compose_settings(f"model={model}", f"objective={objective}", *COMMON, *SMALL[model])
    for penalty in PENALTIES:
        settings = {**composed, "penalty": compose_settings(f"penalty={penalty}")["penalty"]}
        told, expected = reason(settings), list(expected_reasons(model, objective, penalty))
        assert (told is None) == (not expected), (penalty, told)
        if expected:
            assert told is not None
            assert [line.startswith(begin) for line, begin in zip(told.splitlines(), expected, strict=True)]
            if model == "dcgan":  # and the way out that the message names is one
                settings = copy.deepcopy(settings)
                settings["model"]["discriminator"]["normalization"] = "none"
                if reason(settings) is None:
                    check(*play(settings)[:2])
            continue
        check(*play(settings)[:2])


CONDITIONS = [
    *itertools.product(["concat", "batch_norm"], ["concat", "projection", "auxiliary", "projection_twin"]),
]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("model", FAMILIES)
def test_every_way_to_tell_the_class_plays_or_is_refused(compose_settings: Compose, model: str) -> None:
    composed = compose_settings(f"model={model}", *COMMON, *SMALL[model])
    for generator, discriminator in CONDITIONS:
        settings = copy.deepcopy(composed)
        settings["model"]["generator"]["conditioning"] = generator
        settings["model"]["discriminator"]["conditioning"] = discriminator
        if generator == "batch_norm" and model in ("mlp", "r3gan"):
            told = reason(settings)
            assert told is not None
            assert told.startswith("model.generator.conditioning: ")
            if model == "r3gan":  # it has no normalisation at all
                continue
            settings["model"]["generator"]["normalization"] = "batch"
        assert reason(settings) is None
        check(*play(settings)[:2])


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    "experiment", sorted(path.stem for path in Path(__file__).parent.parent.glob("conf/experiment/*.yaml"))
)
def test_every_recipe_begins(compose_settings: Compose, experiment: str) -> None:
    words = [f"experiment={experiment}", *(word for word in COMMON if "image_size" not in word)]
    settings = without_leftovers(compose_settings(*words), words)
    settings["data"]["image_size"] = None if experiment == "two_dimensions" else 16
    assert reason(settings) is None
    losses, watch, _ = play(settings)
    assert watch.seen.count("discriminator") == TURNS
    assert torch.tensor([loss for _, loss in losses.d + losses.g]).isfinite().all()
