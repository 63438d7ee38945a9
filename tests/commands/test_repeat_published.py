"""`gan repeat --published NAME` trains and evaluates a published result, and says whether the numbers are the same."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from gan_command import ROOT, GanCommand, command_in
from written_runs import write_run

from gan.commands import repeat
from gan.report import published
from gan.report.published import Published, record
from gan.runs.reading import read_run

NAME = "tiny-mnist_sample"
OVERRIDES = [
    "data=mnist_sample", "data.batch_size=250", "model.generator.hidden=[8]", "model.discriminator.hidden=[8]",
    "accelerator=cpu", "logger=csv", "trainer.log_every_n_steps=1", "trainer.limit_train_batches=3",
    "trainer.max_epochs=1", "callbacks.progress=null", "callbacks.quality=null",
]  # fmt: skip
SHARED = ROOT.parent / "shared" / "data"
Told = pytest.CaptureFixture[str]


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    monkeypatch.setattr(published, "FILE", tmp_path / "published.json")
    monkeypatch.setenv("GAN_DATA", str(tmp_path))  # without MNIST: measured against the bundled sample
    return command_in(tmp_path, monkeypatch)


def publish(tmp_path: Path, folder: Path, data: str = "mnist_sample") -> None:
    """Publish a run with one thread, 1,000 images and seed 3 of its latents."""
    run = replace(record(read_run(folder)), machine={"threads": 1}, evaluation={"n": 1000, "seed": 3, "data": data})
    published.write({NAME: Published(NAME, OVERRIDES, [run])})


@pytest.mark.slow
def test_a_result_is_repeated_and_compared(tmp_path: Path, gan: GanCommand, capfd: Told) -> None:
    publish(tmp_path, write_run(tmp_path / "another", fcd=4.0))
    assert gan("repeat", "--published", NAME) == 1
    told = capfd.readouterr().out
    assert "The numbers differ from the published run. The metrics:\n  FCD: " in told
    assert "Only one seed is published" in told
    assert "different in the two runs: machine.processor: None -> " in told

    folder = tmp_path / "outputs" / f"{NAME}-seed0"
    evaluation = json.loads((folder / "quality.json").read_text())
    assert (evaluation["seed"], evaluation["quality"]["n"]) == (3, 1000)
    facts = json.loads((folder / "run.json").read_text())
    assert facts["machine"]["threads"] == 1
    (folder / "run.json").write_text(json.dumps({**facts, "git": {"commit": "abcdef12", "clean": True}}))
    publish(tmp_path, folder)
    assert gan("repeat", "--published", NAME, "--out", "again") == 0
    assert "Bit-identical to the published run: metrics.csv and the weights" in capfd.readouterr().out


@pytest.mark.slow
def test_a_dataset_that_is_missing_is_not_replaced_by_the_sample(tmp_path: Path, gan: GanCommand, capfd: Told) -> None:
    publish(tmp_path, write_run(tmp_path / "another", fcd=4.0), data="mnist")
    assert gan("repeat", "--published", NAME) == 2
    told = capfd.readouterr()
    assert "MNIST is not available" in told.err
    assert "published" not in told.out


def test_it_trains_and_evaluates_as_the_published_run_in_a_folder_of_any_name(
    tmp_path: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, write_run(tmp_path / "another", fcd=4.0))
    (row,) = published.read().values()
    with_cas = replace(row.runs[0], quality={**row.runs[0].quality, "accuracy_score": 0.98})
    published.write({NAME: replace(row, runs=[with_cas])})
    commands: list[list[str]] = []

    def run(words: list[str], variables: object) -> int:
        commands.append(words)
        return len(commands) - 1  # the second, the evaluation, fails

    monkeypatch.setattr(repeat, "_run", run)
    assert gan("repeat", "--published", NAME, "--out", "it's, #1") == 1  # the exit code of the evaluation
    (train, evaluate) = commands
    assert 'hydra.run.dir="it\'s, #1"' in train
    assert evaluate[-9:] == ["it's, #1", "--n", "1000", "--seed", "3", "--data", "mnist_sample", "--cas", "--force"]


def test_mistakes(tmp_path: Path, gan: GanCommand, capfd: Told) -> None:
    publish(tmp_path, write_run(tmp_path / "another", fcd=4.0))
    for words, message in [
        (["--published", "tiny-mnist"], f"--published: no such option 'tiny-mnist'; did you mean '{NAME}'?"),
        (["--published", NAME, "--seed", "4"], f"--seed: 4 given; published seeds of '{NAME}': 0"),
        ([], "give a run folder, or --published NAME"),
        (["another", "--published", NAME], "give a run folder, or --published NAME"),
        (["another", "--seed", "4"], "--seed: only with --published"),
    ]:
        assert gan("repeat", *words) == 2
        assert message in capfd.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_the_list_has_the_commands(tmp_path: Path, gan: GanCommand, capfd: Told) -> None:
    publish(tmp_path, write_run(tmp_path / "another", fcd=4.0))
    assert gan("repeat", "--published", "list") == 0
    assert capfd.readouterr().out.startswith(f"{NAME}: gan train data=mnist_sample data.batch_size=250 ")


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs MNIST in ../shared/data")
def test_the_cheapest_published_result_is_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Told
) -> None:
    """Three to four minutes: bit for bit on the processor that it was published from, within its range on others."""
    monkeypatch.setenv("GAN_DATA", str(SHARED))
    gan = command_in(tmp_path, monkeypatch)
    code = gan("repeat", "--published", "quickstart-mnist_sample")
    told = capfd.readouterr().out
    assert code == 0, told
    assert "Bit-identical" in told or "All are within the range predicted from 3 seeds" in told
