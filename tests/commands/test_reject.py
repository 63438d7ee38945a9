"""`gan sample --reject` and `gan evaluate --reject`: a run's discriminator leaves out images."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from gan_command import GanCommand, command_in
from tiny_bundles import points_bundle
from train_command import SMALL, train_here

from gan import load_generator
from gan.report.model_card import Card
from gan.runs.file_names import QUALITY_WITH_REJECTION
from gan.runs.reading import read_run

LONGER = ("callbacks.quality=null", "callbacks.projector=null", "trainer.limit_train_batches=40")
CLASSES = ("model.generator.conditioning=concat", "model.discriminator.conditioning=projection")


@pytest.fixture(scope="module", params=["none", pytest.param("classes", marks=pytest.mark.slow), "clusters"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    more = {"none": (), "classes": CLASSES, "clusters": ("model.clusters=3", *CLASSES)}[request.param]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train_here(folder, monkeypatch, *SMALL, *LONGER, *more, "ema=standard", "hydra.run.dir=run") == 0
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture
def gan(folder: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    return command_in(folder, monkeypatch)


def test_images_are_drawn_again(gan: GanCommand, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert gan("sample", "run", "--reject", "--n", 40, "--out", "kept.npy") == 0
    assert re.search(
        r"^40 images, seed 0, rejection sampling \(about \d+% kept\): kept.npy$", capfd.readouterr().out, re.M
    )
    plain, kept = load_generator(folder / "run").sample(40), np.load(folder / "kept.npy")
    same = (plain == kept).all(axis=(1, 2, 3))
    assert 0 < same.sum() < 40
    assert gan("sample", "run", "--reject", "--n", 5, "--out", "few.npy") == 0
    assert np.array_equal(np.load(folder / "few.npy"), kept[:5])


def test_the_metrics_have_a_file_of_their_own_and_a_line_in_the_card(
    gan: GanCommand, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, few = folder / "run", ("--n", 200, "--kid-subset", 100)
    bundle = (run / "generator.safetensors").read_bytes()
    assert gan("evaluate", "run", *few, "--reject") == 0
    assert (run / "generator.safetensors").read_bytes() == bundle
    assert not (run / "quality.json").exists()
    found = json.loads((run / QUALITY_WITH_REJECTION).read_text())
    kept = found["rejection"]["kept"]
    assert 0 < kept < 1
    told = (
        f"run: with rejection sampling, {kept:.0%} of the images kept; the metrics are in run/{QUALITY_WITH_REJECTION}"
    )
    assert told in capfd.readouterr().err
    assert gan("evaluate", "run", *few) == 0
    plain = json.loads((run / "quality.json").read_text())
    assert "rejection" not in plain
    assert plain["quality"]["fcd"] != found["quality"]["fcd"]
    assert plain["weights_sha256"] == found["weights_sha256"]
    text = Card(load_generator(run), read_run(run), "unknown", {}, "samples.png").text()
    (line,) = (line for line in text.splitlines() if "gan sample RUN --reject" in line)
    assert f"FCD {found['quality']['fcd']:.3g}" in line
    (run / QUALITY_WITH_REJECTION).write_text(json.dumps({**found, "weights_sha256": "of other weights"}))
    text = Card(load_generator(run), read_run(run), "unknown", {}, "samples.png").text()
    assert "gan sample RUN --reject" not in text
    (run / QUALITY_WITH_REJECTION).write_text(json.dumps(found))
    capfd.readouterr()
    assert gan("evaluate", "run", run, *few, "--reject") == 0
    assert capfd.readouterr().err.count("skipped, evaluated before with these settings") == 2


@pytest.mark.parametrize("trained", ["none"], indirect=True)
def test_what_is_refused(gan: GanCommand, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"
    points = points_bundle(folder / "points")

    def refused(message: str, *words: object) -> None:
        assert gan(*words, "--reject") == 2
        assert message in capfd.readouterr().err

    refused("has no checkpoint with a discriminator", "sample", "run/generator.safetensors", "--out", "a.npy")
    refused("use one of them", "sample", "run", "--truncation", 0.5, "--out", "a.npy")
    refused("makes 2-D points", "sample", points, "--out", "a.npy")
    refused("makes 2-D points", "evaluate", points)
    shutil.move(run / "checkpoints" / "last.ckpt", folder / "last.ckpt")
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    refused("has no checkpoint with a discriminator", "sample", "run", "--out", "a.npy")
    assert not (folder / "a.npy").exists()


@pytest.mark.parametrize("trained", ["none"], indirect=True)
def test_a_checkpoint_of_another_moment_is_refused(
    gan: GanCommand, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kept = (folder / "run" / "checkpoints" / "last.ckpt").read_bytes()
    assert train_here(folder, monkeypatch, "resume=run", "trainer.max_epochs=3") == 0
    (folder / "run" / "checkpoints" / "last.ckpt").write_bytes(kept)
    for path in (folder / "run" / "checkpoints").iterdir():
        path.write_bytes(kept)
    assert gan("sample", "run", "--reject", "--out", "a.npy") == 2
    assert "of different moments of the training" in capfd.readouterr().err
