"""`gan metrics train-extractor`: it learns, again the same from the same seed; the file says where it is from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from real_images import sample_of
from typer.testing import CliRunner

from gan.commands.metrics import metrics
from gan.data.sources import LoadedImages
from gan.metrics.extractors import read_extractor
from gan.metrics.frechet import Moments
from gan.metrics.training import CLOTHES, DIGITS, Augmentation, make_extractor, moved, speckled
from gan.system.errors import GanError


def few() -> LoadedImages:
    sample = sample_of("mnist")
    return replace(
        sample,
        images=sample.images[:1024],
        labels=sample.labels[:1024],
        held_out_images=sample.held_out_images[:250],
        held_out_labels=sample.held_out_labels[:250],
    )


@pytest.mark.parametrize("kind", ["labeller", "autoencoder"])
def test_it_learns_and_says_where_it_comes_from(kind: str, tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "new" / "x.safetensors"
    extractor = make_extractor(path, kind, few(), epochs=2, seed=0, command="the command", say=said.append)
    assert len(said) == 2
    losses = [float(line.split("loss ")[1].split(",")[0]) for line in said]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]
    assert extractor.metadata["command"] == "the command"
    assert extractor.metadata["trained_on"] == 1024
    assert extractor.sha256 == read_extractor(path).sha256
    assert Moments.of(extractor.features(few().images)).covariance.diagonal().mean() == pytest.approx(1, rel=1e-4)


def test_the_same_seed_gives_the_same_file_and_disturbs_no_other_randomness(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    for name in ("a", "b"):
        make_extractor(tmp_path / name, "classifier", few(), epochs=1, seed=3, command="", say=lambda line: None)
    assert torch.equal(torch.rand(3), expected)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_images_are_moved_as_far_as_asked() -> None:
    random = torch.Generator().manual_seed(0)
    still = Augmentation(degrees=0, pixels=0, zoom=0, mirrored=False)
    images = sample_of("mnist").images[:50] / 255
    assert torch.allclose(moved(images, still, random), images, atol=1e-4)
    assert not torch.allclose(moved(images, DIGITS, random), images, atol=0.1)


def test_clothes_may_be_mirrored_and_digits_not() -> None:
    half = torch.zeros(200, 1, 28, 28)
    half[..., :14] = 1
    random = torch.Generator().manual_seed(0)

    def left_is_brighter(how: Augmentation) -> torch.Tensor:
        images = moved(half, how, random)
        return (images[..., :14].sum((1, 2, 3)) > images[..., 14:].sum((1, 2, 3))).float().mean()

    assert left_is_brighter(DIGITS) == 1
    assert 0.3 < left_is_brighter(CLOTHES) < 0.7


def test_half_of_the_images_are_speckled() -> None:
    images = sample_of("mnist").images[:400] / 255
    random = torch.Generator().manual_seed(0)
    changed = (speckled(images, random) != images).flatten(1).any(1).float().mean()
    assert 0.4 < changed < 0.6
    assert 0 <= speckled(images, random).min() <= speckled(images, random).max() <= 1


def test_colours_are_looked_at_together(tmp_path: Path) -> None:
    images, held_out = (pixels.repeat(1, 3, 1, 1) for pixels in (few().images, few().held_out_images))
    coloured = replace(few(), images=images, held_out_images=held_out)
    extractor = make_extractor(tmp_path / "x", "classifier", coloured, epochs=1, seed=0, command="")
    assert read_extractor(tmp_path / "x").channels == 3
    assert extractor.features(coloured.held_out_images).shape == (250, 64)
    with pytest.raises(GanError, match="expects images of 3 channels; these have 1"):
        extractor.features(few().images)


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GanError, match="mnist_sample has 100 images to train on; 256 or more expected"):
        make_extractor(
            tmp_path / "x", "classifier", replace(few(), images=few().images[:100]), epochs=1, seed=0, command=""
        )


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.sources.load", lambda *arguments, **settings: few())
    out = tmp_path / "x.safetensors"
    done = CliRunner().invoke(metrics, ["train-extractor", "--data", "mnist", "--epochs", "1", "--out", str(out)])
    assert done.exit_code == 0, done.output
    extractor = read_extractor(out)
    command = "gan metrics train-extractor --data mnist --kind classifier --epochs 1 --seed 0"
    assert extractor.metadata["command"] == command
    assert f"sha256 {extractor.sha256}: {out}" in done.output
    assert "test accuracy" in done.output
    again = CliRunner().invoke(metrics, ["train-extractor", "--data", "mnist", "--epochs", "1", "--out", str(out)])
    with pytest.raises(GanError, match=r"--out: .*x.safetensors exists; give another file, or --force to overwrite"):
        raise again.exception or AssertionError(again.output)


def test_extractors_that_exist_are_kept_without_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.data.sources.load", lambda *arguments, **settings: replace(few(), name="mine"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    there = tmp_path / "gan" / "extractors" / "mine_classifier.safetensors"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"the user's")
    words = ["train-extractor", "--data", "mine", "--kind", "classifier", "--epochs", "1"]
    done = CliRunner().invoke(metrics, words)
    assert (done.exit_code, there.read_bytes()) == (0, b"the user's"), done.output
    assert f"{there} exists and is kept; --force trains it again" in done.output
    assert CliRunner().invoke(metrics, [*words, "--force"]).exit_code == 0
    assert read_extractor(there).metadata["data"] == "mine"


def test_an_interrupted_training_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(images: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gan.metrics.training.Moments.of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_extractor(tmp_path / "x.safetensors", "classifier", few(), epochs=1, seed=0, command="")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x.pt"], r"--out: x.pt given; a file name that ends in \.safetensors expected"),
        (["--out", "x.safetensors", "--kind", "clasifier"], "--kind: no such option 'clasifier'; did you mean"),
        (["--data", "ring"], "--data: ring has 2-D points, which need no extractor; images expected"),
        (["--out", "x.safetensors", "--data", "mnits"], "no such .*'mnits'"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(metrics, ["train-extractor", *arguments])
    assert isinstance(done.exception, GanError)
    with pytest.raises(GanError, match=message):
        raise done.exception
