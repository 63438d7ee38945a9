"""A run that is watched: how far it is, what is drawn, and that only its own files are shown."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from asking import Serve

from gan.demo import run_status
from gan.generators.pictures import png
from gan.runs.reading import read_run
from gan.system.errors import GanError

HEAD = "step,epoch,images_seen,g_updates,train/d_loss,train/images_per_second,epoch/d_loss,quality/fcd\n"


def write_run(folder: Path, rows: str, *, data: str = "mnist_sample", **trainer: object) -> Path:
    """A run that has not ended; the rows are those of its metrics.csv."""
    folder.mkdir(parents=True)
    settings = {"data": {"name": data}, "trainer": {"max_steps": -1, "limit_train_batches": 1.0, **trainer}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    (folder / "run.json").write_text('{"command": ["train.py", "seed=1"]}')
    (folder / "metrics.csv").write_text(HEAD + rows)
    return folder


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """As a process that trains in it holds a run folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield
    os.close(descriptor)


def status(folder: Path) -> dict[str, object]:
    """Of a run that is on."""
    run = read_run(folder)
    with held(folder):
        return run_status.status(run, run.changed + 1.0)


def test_before_the_first_epoch_has_ended_the_set_says_how_long_the_run_is(tmp_path: Path) -> None:
    told = status(write_run(tmp_path / "run", "1,0,4500,50,0.5,100,,\n2,0,9000,60,0.5,300,,\n", max_epochs=4))
    assert (told["state"], told["images"], told["images_in_all"], told["share"]) == ("running", 9000, 36_000, 0.25)
    assert told["left"] == 27_000 / 200


def test_then_the_epoch_itself(tmp_path: Path) -> None:
    rows = "1,0,500,50,0.5,100,,\n2,0,1000,60,,,0.4,\n3,1,1500,70,0.5,100,,\n"
    assert status(write_run(tmp_path / "run", rows, max_epochs=4))["images_in_all"] == 4000


def test_a_run_by_updates(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", "1,0,500,50,0.5,100,,\n", data="ring", max_epochs=-1, max_steps=200)
    assert status(folder)["images_in_all"] == 2000


def test_where_the_end_is_not_known_none_is_told(tmp_path: Path) -> None:
    told = status(write_run(tmp_path / "run", "1,0,500,50,0.5,100,,\n", data="folder", max_epochs=4))
    assert (told["images_in_all"], told["share"], told["left"]) == (None, None, None)


def test_the_length_of_a_run_that_overfits_is_known_once_an_epoch_has_ended(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", "1,0,500,50,0.5,100,,\n", max_epochs=4, overfit_batches=2)
    assert status(folder)["images_in_all"] is None


def test_a_run_that_has_only_begun_or_was_cut_short(tmp_path: Path) -> None:
    begun = status(write_run(tmp_path / "begun", "", max_epochs=4))
    assert (begun["images"], begun["share"], begun["charts"], begun["grids"]) == (None, 0.0, [], [])
    folder = write_run(tmp_path / "cut", "1,0,4500,50,0.5,100,,\n", max_epochs=4)
    (folder / "run.json").write_text('{"cut": {"by": "SIGTERM"}}')
    cut = run_status.status(read_run(folder), 0.0)
    assert (cut["state"], cut["why"], cut["left"], cut["share"]) == ("interrupted", "SIGTERM", None, 0.125)


def test_charts_have_what_was_logged_and_nothing_that_json_lacks(tmp_path: Path) -> None:
    rows = "1,0,100,1,0.5,10,,\n2,0,200,2,nan,10,,\n3,0,300,3,inf,10,,\n4,0,400,4,,,,7.25\n"
    charts = status(write_run(tmp_path / "run", rows, max_epochs=4))["charts"]
    assert isinstance(charts, list)
    losses, distances, speed = charts
    assert losses["lines"] == [{"name": "D's loss", "x": [100, 200, 300], "y": [0.5, None, None]}]
    assert distances["lines"][0]["y"] == [7.25]
    assert (distances["title"], distances["log"]) == ("Fréchet distance (lower is better)", True)
    assert speed["title"] == "images per second"


def test_a_finished_run_with_alarms_and_measures(tmp_path: Path, serve: Serve) -> None:
    folder = write_run(tmp_path / "run", "1,0,100,1,0.5,10,,\n", max_epochs=1)
    (folder / "run.json").write_text('{"ended": {"seconds": 5, "images_seen": 100, "g_updates": 1}}')
    (folder / "alarms.json").write_text('[{"message": "D is always right", "step": 3}]')
    (folder / "quality.json").write_text('{"quality": {"fcd": 1.5, "copied": NaN, "missing": []}}')
    told = serve([], runs=[folder])("/api/run?run=0").json
    assert (told["state"], told["share"], told["alarms"]) == ("finished", 1.0, ["D is always right"])
    assert told["measured"] == {"fcd": 1.5}


def test_grids_are_pictures_of_this_folder_alone(tmp_path: Path, serve: Serve) -> None:
    import numpy as np

    folder = write_run(tmp_path / "run", "", max_epochs=1)
    (folder / "samples").mkdir()
    picture = png(np.full((1, 4, 4), 9, np.uint8))
    (folder / "samples" / "epoch_0000.png").write_bytes(picture)
    (tmp_path / "elsewhere.png").write_bytes(picture)
    (folder / "samples" / "epoch_0001.png").symlink_to(tmp_path / "elsewhere.png")
    (folder / "samples" / "epoch_0002.png").write_bytes(b"secret")
    ask = serve([], runs=[folder])
    assert ask("/api/run").json["grids"] == ["epoch_0000", "epoch_0001", "epoch_0002"]
    assert ask("/api/grid.png?grid=0").content == picture
    for number in (1, 2):
        told = f"grid: epoch_000{number}.png is not a PNG of this run"
        assert ask(f"/api/grid.png?grid={number}").error == told
    with pytest.raises(GanError, match="grid: 3 given; this run has 3"):
        run_status.grid(read_run(folder), 3)


def test_a_run_that_is_gone_is_told(tmp_path: Path, serve: Serve) -> None:
    folder = write_run(tmp_path / "run", "", max_epochs=1)
    ask = serve([], runs=[folder])
    (folder / "run.json").unlink()
    assert ask("/api/run").error == f"{folder}: not a run folder; config.yaml and run.json expected"
