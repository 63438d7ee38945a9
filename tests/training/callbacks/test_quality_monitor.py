"""QualityMonitor and BestCheckpoint: what is measured, when, and that the game does not notice."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from tiny_runs import Play, Run

from gan.data.normalization import denormalize
from gan.data.sources import load
from gan.metrics.quality import measure
from gan.metrics.reference import Reference
from gan.runs.series import QUALITY, SERIES
from gan.system.errors import ConfigError
from gan.training.callbacks import BestCheckpoint, QualityMonitor
from gan.training.callbacks.quality import quality_of

FEW = replace(
    load("mnist_sample"),
    images=load("mnist_sample").images[:320],
    labels=load("mnist_sample").labels[:320],
    held_out_images=load("mnist_sample").held_out_images[:250],
    held_out_labels=load("mnist_sample").held_out_labels[:250],
)
Digits = Callable[..., Run]


@pytest.fixture
def digits(play: Play, monkeypatch: pytest.MonkeyPatch) -> Digits:
    """``play``, with 320 bundled digits: an epoch is 5 minibatches of 64."""
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: FEW)

    def played(*overrides: str, **arguments: Any) -> Run:
        return play("data.batch_size=64", *overrides, **arguments)

    return played


def measured_as(monkeypatch: pytest.MonkeyPatch, *values: float) -> None:
    """Let the Fréchet distances of a run be these."""
    rest: Iterator[float] = iter(values)
    monkeypatch.setattr(QualityMonitor, "_measure", lambda *arguments: {"fcd": next(rest)})


@pytest.mark.parametrize(
    "small",
    [
        ["model.discriminator.dropout=0.5"],
        ["model.generator.normalization=batch", "model.discriminator.normalization=batch"],
    ],
    ids=["dropout", "batch statistics"],
)
def test_the_game_is_the_same_without_it_bit_for_bit(digits: Digits, small: list[str]) -> None:
    without = digits(*small)
    measured = digits(*small, callbacks=[QualityMonitor(every=1, n=200)])
    assert len(measured.logged.having("quality/fcd")) == 2
    assert measured.losses == without.losses
    for mine, theirs in zip(measured.game.parameters(), without.game.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_it_measures_when_so_many_images_have_been_seen_and_at_the_end(digits: Digits) -> None:
    run = digits("trainer.max_epochs=7", callbacks=[QualityMonitor(every=640, n=200)])
    assert [step for step, _ in run.logged.having("quality/fcd")] == [10, 20, 30, 35]


def test_a_run_that_ends_when_it_is_due_is_measured_once(digits: Digits) -> None:
    run = digits("trainer.max_epochs=2", callbacks=[QualityMonitor(every=640, n=200)])
    assert [step for step, _ in run.logged.having("quality/fcd")] == [10]


def test_the_numbers_are_those_of_the_final_generator(digits: Digits) -> None:
    run = digits("ema=standard", "model.generator.conditioning=concat", callbacks=[QualityMonitor(every=10**9, n=210)])
    z, labels = run.game.fixed_latents(210, "quality")
    with torch.no_grad():
        images = denormalize(run.game.final_generator.eval()(z, labels), run.data.mean, run.data.std)
    found = measure(images, Reference(FEW), labels=labels, kid_subset=2, look_for_copies=False)
    of_images = [series.name.removeprefix(QUALITY) for series in SERIES if series.when.startswith("images")]
    expected = {name: getattr(found, name) for name in of_images}
    expected["missing"] = len(found.missing)
    assert list(run.logged.rows[0][1])[2:] == [f"quality/{name}" for name in expected]
    for name, value in expected.items():
        assert run.logged.having(f"quality/{name}") == [(10, value)]
        assert float(run.trainer.callback_metrics[f"quality/{name}"]) == pytest.approx(value, rel=1e-6)


def test_what_run_json_gets_has_all_digits_as_after_a_kill(digits: Digits) -> None:
    monitor = QualityMonitor(every=10**9, n=210)
    run = digits(callbacks=[monitor])
    assert quality_of(run.trainer) == {f"quality/{name}": value for name, value in monitor.latest.items()}
    assert run.trainer.callback_metrics["quality/fcd"].dtype == torch.float32


def test_of_points_it_counts_the_modes(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the real toy distribution, in place of a few random images
    run = play("data=ring", "data.batch_size=5000", "trainer.max_epochs=1", callbacks=[QualityMonitor()])
    assert [set(row) for _, row in run.logged.rows] == [
        {"epoch", "images_seen", "quality/modes", "quality/good_points"}
    ]


def test_where_there_is_no_extractor_it_says_so_and_nothing_else_changes(play: Play) -> None:
    monitor = QualityMonitor(every=1)
    run = play(callbacks=[monitor, BestCheckpoint()])
    assert monitor.unmeasured == "no extractor for data 'few'"
    assert run.logged.rows == []
    assert not (Path(run.trainer.default_root_dir) / "checkpoints").exists()


def test_the_best_checkpoint_is_that_of_the_lowest_value(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    measured_as(monkeypatch, float("nan"), 3.0, 1.0, 2.0, 1.0)
    best = BestCheckpoint()
    run = digits("trainer.max_epochs=5", callbacks=[QualityMonitor(every=1, n=200), best])
    kept = torch.load(Path(run.trainer.default_root_dir) / "checkpoints" / "best.ckpt", weights_only=True)
    assert (best.best, kept["game"]["turns"]) == (1.0, 15)


def test_the_best_checkpoint_by_a_measure_of_which_more_is_better_is_that_of_the_highest(
    digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = iter((0.1, 0.3, 0.2))
    monkeypatch.setattr(QualityMonitor, "_measure", lambda *arguments: {"recall": next(rest)})
    best = BestCheckpoint("quality/recall")
    digits("trainer.max_epochs=3", callbacks=[QualityMonitor(every=1, n=200), best])
    assert best.best == pytest.approx(0.3)


def test_a_resumed_run_knows_what_was_best(digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    measured_as(monkeypatch, 2.0, 3.0, 1.0)
    first = digits("trainer.max_epochs=1", callbacks=[QualityMonitor(every=1, n=200), BestCheckpoint()])
    file = Path(first.trainer.default_root_dir) / "checkpoints" / "best.ckpt"
    best = BestCheckpoint()
    values: list[float | None] = []

    class Look(L.Callback):
        def on_train_epoch_start(self, trainer: L.Trainer, pl_module: Any) -> None:
            values.append(best.best)

        def on_train_end(self, trainer: L.Trainer, pl_module: Any) -> None:
            values.append(best.best)

    digits("trainer.max_epochs=3", callbacks=[Look(), QualityMonitor(every=1, n=200), best], ckpt_path=file)
    assert values == [2.0, 2.0, 1.0]


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^n: 64 given, 200 or more expected"):
        QualityMonitor(n=64)
