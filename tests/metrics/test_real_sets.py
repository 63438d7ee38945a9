"""Which real images `gan evaluate` reads for a generator: those of its training, read in the same way."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_bundles import make_generator, metadata

from gan.commands.real_images import given_settings
from gan.generators.bundle import FILE_NAME, TrainedGenerator, load_generator, save_bundle
from gan.metrics.evaluating import write
from gan.metrics.extractors import reading_options
from gan.metrics.real_sets import RealSets


def run_of(folder: Path, settings: dict[str, Any] | None, **data: Any) -> tuple[Path, TrainedGenerator]:
    folder.mkdir(parents=True)
    save_bundle(folder / FILE_NAME, make_generator(), metadata(data={"class_names": [], **data}))
    if settings is not None:
        (folder / "config.yaml").write_text(yaml.safe_dump({"data": settings}))
    return folder, load_generator(folder)


def asked(source: Path, generator: TrainedGenerator, data: str = "", **reading: Any) -> dict[str, Any]:
    return RealSets(data, Path("data"), {}, "cpu", reading)._asked(source, generator)


@pytest.mark.parametrize("place", ["", FILE_NAME])
def test_the_pictures_that_a_run_has_held_out_are_those_that_it_is_compared_with(place: str, tmp_path: Path) -> None:
    settings = {"name": "folder", "folder": "pictures", "held_out": 0.3, "fit": "crop"}
    run, generator = run_of(tmp_path / "run", settings, name="folder")
    found = asked(run / place, generator)
    assert (found["held_out"], found["folder"], found["fit"]) == (0.3, "pictures", "crop")
    assert asked(run / place, generator, **given_settings(held_out="others"))["held_out"] == "others"


def test_a_fraction_on_the_command_line_is_a_number_and_the_rest_a_folder() -> None:
    assert given_settings(held_out="0.25", fit="crop", split=None) == {"held_out": 0.25, "fit": "crop"}
    assert given_settings(held_out="my/pictures") == {"held_out": "my/pictures"}
    assert reading_options({"held_out": 0.25, "fit": "pad"}) == ["--fit", "pad", "--held-out", "0.25"]


def test_the_split_is_that_of_the_run_or_of_the_bundle(tmp_path: Path) -> None:
    run, generator = run_of(tmp_path / "run", {"name": "emnist", "split": "letters"}, name="emnist")
    assert asked(run, generator)["split"] == asked(run / FILE_NAME, generator)["split"] == "letters"
    alone, generator = run_of(tmp_path / "alone", None, name="emnist", split="digits")
    assert asked(alone / FILE_NAME, generator)["split"] == "digits"
    older, generator = run_of(tmp_path / "older", None, name="emnist")
    assert asked(older / FILE_NAME, generator).get("split") is None


def test_a_bundle_that_was_trained_further_gets_no_metrics_of_its_earlier_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, generator = run_of(tmp_path / "run", None, name="mnist")
    result = {"weights_sha256": generator.weights_sha256, "seed": 0, "quality": {"fcd": 3.0}}
    save_bundle(run / FILE_NAME, make_generator(seed=5), metadata(data={"class_names": [], "name": "mnist"}))
    write(run, result, force=False)
    assert "was trained further during the evaluation, so it gets no metrics" in capsys.readouterr().err
    assert not load_generator(run).metadata["quality"]
    assert json.loads((run / "quality.json").read_text()) == result
