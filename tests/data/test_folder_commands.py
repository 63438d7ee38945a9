"""What a message on a folder of pictures advises is typed, where it is given, and works."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mistakes import an_oblong_picture, broken_picture, mixed_sizes, one_class
from PIL import Image
from train_command import train_here

from gan.launch.costs import Stopwatch

TINY = (
    "data=folder", "data.folder=pictures", "data.batch_size=2", "model=mlp", "model.generator.hidden=[4]",
    "model.discriminator.hidden=[4]", "accelerator=cpu", "dry_run=true",
)  # fmt: skip


def pictures_of_36_pixels(folder: Path) -> None:
    (folder / "pictures").mkdir()
    for number in range(4):
        Image.new("L", (36, 36), 60 * number).save(folder / "pictures" / f"{number}.png")


@pytest.mark.parametrize("size", [[], ["data.image_size=36"]])
def test_a_size_that_the_networks_cannot_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], size: list[str]
) -> None:
    monkeypatch.setattr(Stopwatch, "ENOUGH", 1)
    monkeypatch.setattr(Stopwatch, "SECONDS", 0.0)
    pictures_of_36_pixels(tmp_path)
    words = ["data=folder", "data.folder=pictures", "data.batch_size=2", "model=dcgan", "trainer.max_epochs=1"]
    assert train_here(tmp_path, monkeypatch, *words, *size, "hydra.run.dir=run") == 2
    message = capfd.readouterr().err
    assert message.startswith("data.image_size: 36 given, dcgan needs 4, 5, 6 or 7 times a power of two")
    assert message.endswith("the nearest: data.image_size=32\n")
    assert not (tmp_path / "run").exists()
    assert train_here(tmp_path, monkeypatch, *words, "data.image_size=32", "dry_run=true") == 0


@pytest.mark.parametrize(
    ("state", "choices"),
    [
        (an_oblong_picture, ["data.fit=crop data.image_size=32", "data.fit=pad data.image_size=32"]),
        (mixed_sizes, ["data.image_size=32"]),
        (broken_picture, ["data.on_broken=skip"]),
        (one_class, ["data.folder=HERE/pictures/cat"]),
    ],
)
def test_the_advice_of_a_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    state: Callable[[Path], None],
    choices: list[str],
) -> None:
    monkeypatch.setattr(Stopwatch, "ENOUGH", 1)
    monkeypatch.setattr(Stopwatch, "SECONDS", 0.0)
    state(tmp_path)
    choices = [choice.replace("HERE", str(tmp_path)) for choice in choices]
    assert train_here(tmp_path, monkeypatch, *TINY) == 2
    advice: list[str] = re.findall(r"data\.\w+=[^\s,:;]+", capfd.readouterr().err.partition(": ")[2])
    assert set(advice) == {word for choice in choices for word in choice.split()}
    for choice in choices:
        given = dict(word.split("=", 1) for word in (*TINY, *choice.split()))
        assert train_here(tmp_path, monkeypatch, *("=".join(pair) for pair in given.items())) == 0
        told = capfd.readouterr()
        assert "the folder" in told.out
        assert "broken left out" in told.out or state is not broken_picture
