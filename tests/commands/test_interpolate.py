"""`gan interpolate`: the frames, and the files that they become."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
from gan_command import GanCommand
from PIL import Image, ImageSequence

from gan.generators.bundle import load_generator
from gan.generators.pictures import enlarged, grid


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_an_array_has_every_frame(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("interpolate", run, "--seeds", "5, 2,9", "--steps", 3, "--out", "walk.npy") == 0
    assert np.array_equal(np.load(tmp_path / "walk.npy"), load_generator(run).latent_walk([5, 2, 9], steps=3))


def test_a_strip_has_one_row_from_each_point_to_the_next(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("interpolate", run, "--seeds", "0,1,2", "--steps", 2, "--loop", "--out", "walk.png") == 0
    frames = load_generator(run).latent_walk([0, 1, 2], steps=2, loop=True)
    rows = frames[[0, 1, 2, 2, 3, 4, 4, 5, 0]]
    assert np.array_equal(pixels(tmp_path / "walk.png"), grid(rows, columns=3)[0])


@pytest.mark.parametrize(("loop", "count"), [([], 7), (["--loop"], 12)])
def test_an_animation_by_default(run: Path, tmp_path: Path, gan: GanCommand, loop: list[str], count: int) -> None:
    assert gan("interpolate", run, "--steps", 6, "--fps", 10, *loop) == 0
    frames = load_generator(run).latent_walk([0, 1], steps=6, loop=bool(loop))
    with Image.open(tmp_path / "walk.gif") as picture:
        assert picture.info["loop"] == 0
        found = [(np.asarray(frame.convert("L")), frame.info["duration"]) for frame in ImageSequence.Iterator(picture)]
    assert sum(duration for _, duration in found) == count * 100  # equal frames may have become one
    assert np.array_equal(found[0][0], enlarged(frames[0], 32)[0])
    assert np.array_equal(found[-1][0], enlarged(frames[-1], 32)[0])


@pytest.mark.parametrize(
    ("seeds", "asked", "anchors", "labels"),
    [
        ("3", "0,Sandal", [3, 3], [0, 2]),
        ("3,4,5", "bag,1", [3, 4, 5], [0, 1, 0]),
        ("3,4", "Coat, long", [3, 4], 1),
        ("3,4", None, [3, 4], None),
    ],
)
def test_classes_and_seeds_are_taken_in_turn(
    clothes: Path, tmp_path: Path, gan: GanCommand, seeds: str, asked: str | None, anchors: list[int], labels: object
) -> None:
    of_class = [] if asked is None else ["--class", asked]
    assert gan("interpolate", clothes, "--seeds", seeds, "--steps", 2, "--out", "x.npy", *of_class) == 0
    expected = load_generator(clothes).latent_walk(anchors, steps=2, labels=labels)  # type: ignore[arg-type]
    assert np.array_equal(np.load(tmp_path / "x.npy"), expected)


def test_options_reach_the_frames(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    call = ("interpolate", run, "--steps", 2, "--method", "linear", "--gray-r", "--scale", 2, "--out", "x.npy")
    assert gan(*call) == 0
    expected = enlarged(255 - load_generator(run).latent_walk([0, 1], steps=2, method="linear"), 2)
    assert np.array_equal(np.load(tmp_path / "x.npy"), expected)


def test_json(clothes: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("interpolate", clothes, "--steps", 2, "--class", "0,2", "--out", "x.npy", "--json") == 0
    expected = {"out": "x.npy", "frames": 3, "seeds": [0, 1], "classes": ["0", "2"], "loop": False, "truncation": None}
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("out", "fps", "message"),
    [
        ("x.png", 7, "--fps: only an animation has frames per second, and --out is x.png; .gif or .mp4 expected"),
        ("x.gif", 60, "--fps: 60 given; a GIF has 2 to 25; --out FILE.mp4 may have 1 to 100"),
    ],
)
def test_frames_per_second_that_would_have_no_effect_are_refused(
    run: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], out: str, fps: int, message: str
) -> None:
    assert gan("interpolate", run, "--steps", 2, "--out", out, "--fps", fps) == 2
    assert capsys.readouterr().err.strip() == message


def test_what_is_there_is_kept_without_force(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    (tmp_path / "walk.gif").write_bytes(b"mine")
    assert gan("interpolate", run, "--steps", 2) == 2
    assert (tmp_path / "walk.gif").read_bytes() == b"mine"
    assert gan("interpolate", run, "--steps", 2, "--force") == 0
    assert gan("interpolate", run, "--steps", 2) == 0  # the same bytes again


def fake_ffmpeg(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_ffmpeg_is_given_rgb_frames(
    run: Path, tmp_path: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ffmpeg(tmp_path, f'echo "$@" > {tmp_path}/asked; for last; do :; done; cat > "$last"', monkeypatch)
    assert gan("interpolate", run, "--steps", 2, "--scale", 2, "--fps", 7, "--out", "x.mp4") == 0
    frames = enlarged(load_generator(run).latent_walk([0, 1], steps=2), 2)
    assert (tmp_path / "x.mp4").read_bytes() == frames.repeat(3, axis=1).transpose(0, 2, 3, 1).tobytes()
    asked = (tmp_path / "asked").read_text()
    assert "-f rawvideo -pix_fmt rgb24 -s 10x8 -r 7 -i -" in asked


def test_an_ffmpeg_that_fails_or_is_not_there(
    run: Path, tmp_path: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_ffmpeg(tmp_path, "echo 'Unknown encoder\nlibx264' >&2; exit 1", monkeypatch)
    assert gan("interpolate", run, "--steps", 2, "--out", "x.mp4") == 2
    assert capsys.readouterr().err == "ffmpeg has failed: Unknown encoder libx264\n"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gan("interpolate", run, "--steps", 2, "--out", "x.mp4") == 2
    expected = "MP4 needs ffmpeg, which is not on the PATH: install it, or write a .gif instead\n"
    assert capsys.readouterr().err == expected
    assert not (tmp_path / "x.mp4").exists()


def test_points_are_no_pictures(points: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("interpolate", points) == 2
    assert capsys.readouterr().err.endswith("generates 2-D points, not images: there is nothing to animate\n")


def test_a_sweep_of_truncation(run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("interpolate", run, "--truncation", "0.4,1.2", "--steps", 4, "--out", "sweep.npy", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["truncation"], told["frames"]) == ([0, 0], [0.4, 1.2], 5)
    generator = load_generator(run)
    z = generator.latents(1, seed=0)
    expected = [generator.decode(z * psi)[0].astype(int) for psi in (0.4, 0.6, 0.8, 1.0, 1.2)]
    assert np.abs(np.load(tmp_path / "sweep.npy") - np.stack(expected)).max() <= 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("0.4,3", "truncation: 3.0 given; above 0 and at most 2 expected"),
        ("0,1", "truncation: 0.0 given; above 0 and at most 2 expected"),
        ("0.4,x", "--truncation: '0.4,x' given; numbers such as 0.4 with commas between them expected"),
        ("0.4", "an interpolation needs 2 or more images; 1 given"),
    ],
)
def test_truncations_that_are_none(
    given: str, reason: str, run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("interpolate", run, "--truncation", given, "--out", "x.npy") == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "x.npy").exists()
