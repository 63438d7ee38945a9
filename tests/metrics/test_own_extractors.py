"""One's own pictures are measured by following the message; and every option of `gan evaluate` x every kind of set."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gan_command import GanCommand, command_in
from option_classes import build_generator
from PIL import Image

from gan.data.module import ImageData
from gan.data.sources import LoadedImages, load
from gan.data.stacked import stacked
from gan.game.latents import Prior
from gan.generators.bundle import FILE_NAME, describe, load_generator, save_bundle
from gan.metrics.extractors import extractor_name, read_extractor
from gan.training.callbacks.quality import why_unmeasured

MLP: dict[str, Any] = {"hidden": [8], "activation": "relu", "negative_slope": 0.0, "dropout": 0.0}
QUICK = ("--n", "200", "--kid-subset", "50")


def few(loaded: LoadedImages) -> LoadedImages:
    """Enough for the extractors' 192 features of three channels."""
    return replace(
        loaded,
        images=loaded.images[:400],
        labels=loaded.labels[:400],
        held_out_images=loaded.held_out_images[:300],
        held_out_labels=loaded.held_out_labels[:300],
    )


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("GAN_DATA", str(tmp_path / "no_data"))
    monkeypatch.setattr("gan.metrics.real_sets.load", lambda **settings: few(load(**settings)))
    monkeypatch.setattr("gan.metrics.quality.COUNT", 300)
    return command_in(tmp_path, monkeypatch)


@pytest.fixture
def fids(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What stands on the real side of FID, whose network cannot be had here."""
    seen: list[torch.Tensor] = []

    def fid(images: torch.Tensor, data: LoadedImages, device: str = "cpu") -> float:
        assert images.shape[1:] == data.images.shape[1:]
        seen.append(data.images)
        return 12.5

    monkeypatch.setattr("gan.metrics.reference.inception_distance", fid)
    monkeypatch.setattr("gan.metrics.evaluating.inception_distance", fid)
    return seen


def run_of(place: Path, data: str, shape: tuple[int, int, int], num_classes: int = 0, **settings: Any) -> Path:
    """A run folder as a run on this set leaves it, with a generator that has learnt nothing."""
    own = {**MLP, **({"conditioning": "concat"} if num_classes else {})}
    torch.manual_seed(0)
    generator = build_generator("mlp", latent_dim=4, image_shape=shape, num_classes=num_classes, **own)
    metadata = describe(
        "mlp", own, prior=Prior("normal", 4), image_shape=shape, mean=0.5, std=0.5, num_classes=num_classes,
        data={"name": data}, trained={"seed": 3},
    )  # fmt: skip
    save_bundle(place / FILE_NAME, generator, metadata)
    (place / "config.yaml").write_text(json.dumps({"seed": 3, "data": {"name": data, **settings}}))
    (place / "run.json").write_text("{}")
    return place


def pictures(
    folder: Path, mode: str, count: int = 300, classes: tuple[str, ...] = ("",), size: tuple[int, int] = (16, 16)
) -> Path:
    random = np.random.default_rng(0)
    for number in range(count):
        of = number % 2
        pixels = random.integers(100 * of, 100 * of + 150, size if mode == "L" else (*size, 3), dtype=np.uint8)
        place = folder / classes[number % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels, mode).save(place / f"{number:04d}.png")
    return folder


@pytest.mark.parametrize(("mode", "classes"), [("L", ("",)), ("RGB", ("ant", "bee"))])
def test_ones_own_pictures_are_measured_by_following_the_message(
    mode: str,
    classes: tuple[str, ...],
    gan: GanCommand,
    fids: list[torch.Tensor],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = pictures(tmp_path / "my pictures", mode, classes=classes)
    shape = (1 if mode == "L" else 3, 16, 16)
    run = run_of(tmp_path / "run", "folder", shape, folder=str(folder))
    assert gan("evaluate", run, *QUICK) == 2
    advice = re.search(r"To make one for this set: gan (.*)\n", capsys.readouterr().err)
    assert advice is not None
    assert gan("evaluate", run, *QUICK, "--fid") == 0  # which needs no extractor
    assert "FID 12.50" in capsys.readouterr().out
    assert tuple(fids[-1].shape[1:]) == shape
    assert gan(*shlex.split(advice[1]), "--epochs", "1") == 0
    capsys.readouterr()
    assert gan("evaluate", run, *QUICK, "--fid", "--nearest", "near.png", "--cas") == 0
    assert "(real folder)" in capsys.readouterr().out
    quality = json.loads((run / "quality.json").read_text())["quality"]
    assert quality["fid"] == 12.5
    assert quality["modes"] is None
    assert quality["copied"] is not None
    assert len(quality["class_shares"]) == (5 if mode == "L" else 2)  # without classes: clusters
    bundle = (run / FILE_NAME).rename(tmp_path / "alone.safetensors")
    assert gan("evaluate", bundle, *QUICK) == 2
    told = capsys.readouterr().err
    assert "which pictures? give --data folder --folder PATH" in told
    assert gan("evaluate", bundle, *QUICK, "--data", "folder", "--folder", folder) == 0
    again = json.loads((tmp_path / "alone.quality.json").read_text())["quality"]
    assert again["fcd"] == quality["fcd"]
    assert load_generator(bundle).metadata["quality"]["quality"]["fcd"] == quality["fcd"]


READ = {"fit": "crop", "on_broken": "skip", "class_order": "name"}


@pytest.mark.parametrize("given", [READ, {"fit": "pad", "class_order": "natural"}])
def test_pictures_are_read_as_for_the_training_by_following_the_message(
    given: dict[str, str], gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Oblong ones, one of them broken, in classes whose order is not that of their numbers."""
    folder = pictures(tmp_path / "pictures", "L", classes=("2", "10"), size=(16, 20))
    if "on_broken" in given:
        (folder / "2" / "broken.png").write_bytes(b"no picture")
    run = run_of(tmp_path / "run", "folder", (1, 16, 16), num_classes=2, folder=str(folder), **given)
    assert gan("evaluate", run, *QUICK) == 2
    advice = re.search(r"To make one for this set: gan (.*)\n", capsys.readouterr().err)
    assert advice is not None
    assert ("--on-broken skip" in advice[1]) == ("--class-order name" in advice[1]) == (given is READ)
    assert gan(*shlex.split(advice[1]), "--epochs", "1") == 0
    assert gan("evaluate", run, *QUICK) == 0
    fcd = json.loads((run / "quality.json").read_text())["quality"]["fcd"]
    (extractor,) = (tmp_path / "share").rglob("folder-*_labeller.safetensors")
    assert f"--fit {given['fit']}" in read_extractor(extractor).metadata["command"]
    # the pictures elsewhere, and the bundle alone
    moved = folder.rename(tmp_path / "moved")
    assert gan("evaluate", run, *QUICK, "--folder", moved) == 0
    bundle = (run / FILE_NAME).rename(tmp_path / "alone.safetensors")
    options = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", value)]
    assert gan("evaluate", bundle, *QUICK, "--folder", moved, *options) == 0
    capsys.readouterr()
    assert json.loads((tmp_path / "alone.quality.json").read_text())["quality"]["fcd"] == fcd
    data = ImageData("folder", folder=str(moved), batch_size=8, image_size=16, **given)  # type: ignore[arg-type]
    data.prepare_data()
    assert why_unmeasured(data) == ""


def test_how_pictures_are_read_is_for_pictures(gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("metrics", "train-extractor", "--data", "kmnist", "--fit", "crop") == 2
    assert "data.fit=crop: 'kmnist' has square images" in capsys.readouterr().err
    assert gan("metrics", "train-extractor", "--folder", ".", "--fit", "crp") == 2
    assert "data.fit: no such option 'crp'; did you mean 'crop'?" in capsys.readouterr().err


def test_each_split_of_a_set_has_its_own(gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(tmp_path / "run", "emnist", (1, 28, 28), split="letters")
    assert gan("evaluate", run, *QUICK) == 2
    err = capsys.readouterr().err
    assert "'emnist-letters'" in err
    assert "gan metrics train-extractor --data emnist --split letters\n" in err
    assert gan("metrics", "train-extractor", "--data", "emnist", "--split", "letters") == 2
    assert "EMNIST (letters)" in capsys.readouterr().err
    names = {None: "emnist", "balanced": "emnist", "letters": "emnist-letters", "mnist": "emnist-mnist"}
    for split, name in names.items():
        assert extractor_name(replace(few(load("mnist_sample")), name="emnist", split=split)) == name


def test_what_is_trained_is_found_by_a_run_too(gan: GanCommand, tmp_path: Path) -> None:
    folder = pictures(tmp_path / "own", "RGB")
    data = ImageData("folder", folder=str(folder), batch_size=8)
    data.prepare_data()
    why = why_unmeasured(data)
    assert why.startswith("no extractor for data 'folder'; to make it: gan metrics train-extractor --data folder")
    assert gan(*shlex.split(why.partition("to make it: gan ")[2]), "--epochs", "1") == 0
    assert why_unmeasured(data) == ""


def test_a_shipped_yardstick_is_not_replaced_unseen(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("metrics", "train-extractor", "--data", "mnist_sample") == 2
    assert "mnist has its extractors in the package" in capsys.readouterr().err
    assert not (tmp_path / "share").exists()


@pytest.mark.parametrize("options", [(), ("--fid",), ("--nearest", "near.png"), ("--cas",)])
def test_stacks_are_held_against_the_stacks_that_the_run_has_seen(
    options: tuple[str, ...],
    gan: GanCommand,
    fids: list[torch.Tensor],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = stacked(few(load("mnist_sample")), seed=3)
    run = run_of(tmp_path / "run", "stacked_mnist_sample", (3, 28, 28), num_classes=1000)
    assert gan("evaluate", run, *QUICK, *options) == 0
    out, err = capsys.readouterr()
    assert "(real stacked_mnist_sample)" in out
    assert "KL of 200 stacks (a perfect generator: 2.50). To compare with papers, use --n 26000 (a" in err
    quality = json.loads((run / "quality.json").read_text())["quality"]
    assert quality["modes"] >= 1
    assert quality["label_accuracy"] < 0.05  # of the thousand, not of the first digit
    if "--fid" in options:
        assert torch.equal(fids[0], real.images)
        assert quality["fid"] == 12.5
    if "--nearest" in options:
        with Image.open(tmp_path / "near.png") as drawn:
            shown = np.asarray(drawn)[60:116:2, :56:2].transpose(2, 0, 1)
        assert (real.images == torch.from_numpy(shown.copy())).flatten(1).all(1).any()


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ("mnist_sample", (1, 28, 28)),
        ("fashion_sample", (1, 28, 28)),
        ("mnist_sample", (1, 16, 16)),  # data.image_size=16
        ("stacked_fashion_sample", (3, 28, 28)),
        ("stacked_mnist_sample", (3, 32, 32)),
        ("ring", (2, 1, 1)),
    ],
)
def test_every_option_of_every_set(
    data: str, shape: tuple[int, int, int], gan: GanCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[LoadedImages] = []
    monkeypatch.setattr("gan.metrics.reference.inception_distance", lambda images, real, device: seen.append(real) or 1)
    run = run_of(tmp_path / "run", data, shape)
    assert gan("evaluate", run, *QUICK, "--fid", "--nearest", "near.png", "--cas", "--json", "--seed", "1") == 0
    quality = json.loads((run / "quality.json").read_text())["quality"]
    assert quality["data"] == data
    if data != "ring":
        assert (tmp_path / "near.png").is_file()
        assert seen[0].images.shape[1] == shape[0]
        assert (quality["modes"] is not None) == data.startswith("stacked_")


def test_grey_images_in_three_equal_channels_are_no_stacks(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run", "mnist_sample", (3, 28, 28), image_channels=3)
    assert gan("evaluate", run, *QUICK) == 2
    assert "gan metrics train-extractor --data mnist --image-channels 3\n" in capsys.readouterr().err
