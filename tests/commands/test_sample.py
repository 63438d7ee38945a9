"""`gan sample`: what it writes, and that it writes the same again."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from gan_command import ROOT, GanCommand, command_in, in_a_process
from PIL import Image
from tiny_bundles import conditional_bundle, points_bundle, whole_bundle

from gan.generators.bundle import FILE_NAME, load_generator
from gan.generators.pictures import grid, scatter
from gan.system.errors import counted


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path).parent


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_grid_from_a_shell(run: Path, tmp_path: Path) -> None:
    done = in_a_process("sample", run, "--n", 6, "--seed", 3, "--scale", 1, "--out", "grid.png", folder=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "6 images, seed 3: grid.png\n")
    assert np.array_equal(pixels(tmp_path / "grid.png"), grid(load_generator(run).sample(6, seed=3))[0])


def test_an_array_has_every_image_as_it_is(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 7, "--seed", 1, "--out", "x.npy") == 0
    images = np.load(tmp_path / "x.npy", allow_pickle=False)
    assert images.dtype == np.uint8
    assert images.shape == (7, 1, 4, 5)
    assert np.array_equal(images, load_generator(run).sample(7, seed=1))


def test_a_folder_has_one_png_for_each_image_in_order(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 12, "--out", "pictures") == 0
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == [f"{index:05d}.png" for index in range(12)]
    for name, image in zip(names, load_generator(run).sample(12), strict=True):
        assert np.array_equal(pixels(tmp_path / "pictures" / name), image[0])


def test_images_of_another_call_in_the_folder_are_not_mixed_with_new_ones(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("sample", run, "--n", 4, "--out", "d") == 0
    before = {path: path.read_bytes() for path in (tmp_path / "d").iterdir()}
    for words in (["--n", 2], ["--n", 2, "--seed", 1, "--force"]):
        assert gan("sample", run, *words, "--out", "d") == 2
        assert capsys.readouterr().err == (
            "--out: d has 2 images of another call, such as 00002.png, which would be mixed with these; "
            "give another folder\n"
        )
    assert {path: path.read_bytes() for path in (tmp_path / "d").iterdir()} == before
    (tmp_path / "d" / "notes.png").write_bytes(b"")  # not of a call
    assert gan("sample", run, "--n", 4, "--seed", 1, "--force", "--out", "d") == 0


def test_by_default_64_images_of_seed_0_in_a_grid(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--scale", 1) == 0
    assert np.array_equal(pixels(tmp_path / "samples.png"), grid(load_generator(run).sample(64, seed=0))[0])


def test_a_bundle_by_itself_and_folders_that_are_not_there_yet(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run / FILE_NAME, "--n", 1, "--scale", 1, "--out", "new/deep/x.PNG") == 0
    assert pixels(tmp_path / "new" / "deep" / "x.PNG").shape == (4, 5)


@pytest.mark.parametrize("out", ["x.png", "x.npy", "x"])
def test_the_same_call_again_gives_the_same_bytes_and_needs_no_force(
    run: Path, tmp_path: Path, gan: GanCommand, out: str
) -> None:
    def contents() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    call = ("sample", run, "--n", 5, "--seed", 2, "--out", out)
    assert gan(*call) == 0
    first = contents()
    torch.rand(3)
    assert gan(*call) == 0
    assert contents() == first


def test_another_seed_gives_other_images(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    for seed in (0, 1):
        assert gan("sample", run, "--n", 5, "--seed", seed, "--out", f"{seed}.npy") == 0
    assert not np.array_equal(np.load(tmp_path / "0.npy"), np.load(tmp_path / "1.npy"))


def test_gray_r_is_dark_on_white(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 3, "--out", "a.npy") == 0
    assert gan("sample", run, "--n", 3, "--out", "b.npy", "--gray-r") == 0
    assert np.array_equal(np.load(tmp_path / "b.npy"), 255 - np.load(tmp_path / "a.npy"))


def test_gray_r_has_white_between_the_images_too(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 4, "--out", "a.png") == 0
    assert gan("sample", run, "--n", 4, "--out", "b.png", "--gray-r") == 0
    assert np.array_equal(pixels(tmp_path / "b.png"), 255 - pixels(tmp_path / "a.png"))


def test_batch_size_reaches_the_generator(run: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def decode(self: object, z: torch.Tensor, labels: None, *, batch_size: int) -> np.ndarray:
        asked.append(batch_size)
        return np.zeros((len(z), 1, 4, 5), np.uint8)

    monkeypatch.setattr("gan.generators.trained_generator.TrainedGenerator.decode", decode)
    assert gan("sample", run, "--n", 3, "--batch-size", 2) == 0
    assert asked == [2]


def test_device_reaches_the_generator(run: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "gan.generators.trained_generator.TrainedGenerator.to", lambda self, device: asked.append(device) or self
    )
    assert gan("sample", run, "--n", 1, "--device", "cpu") == 0
    assert asked == ["cpu"]


def test_a_folder_may_have_a_dot_in_its_name(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 1, "--out", "run.1") == 0
    assert (tmp_path / "run.1" / "00000.png").exists()


def test_help_names_every_option_and_does_not_wait_for_torch(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from gan.commands.main import main\n"
        "try: main()\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "sample", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip().endswith("False")
    for option in (
        "--out",
        "--n",
        "--seed",
        "--device",
        "--gray-r",
        "--batch-size",
        "--class",
        "--truncation",
        "--grid",
        "--scale",
        "--force",
    ):
        assert option in done.stdout


def test_the_array_on_the_disk_is_a_plain_npy_file(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 2, "--out", "x.npy") == 0
    expected = io.BytesIO()
    np.save(expected, load_generator(run).sample(2))
    assert (tmp_path / "x.npy").read_bytes() == expected.getvalue()


# Classes, truncation, the grid


def test_a_grid_of_rows_and_columns(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--grid", "2x5", "--seed", 1, "--scale", 1) == 0
    images = load_generator(run).sample(10, seed=1)
    assert np.array_equal(pixels(tmp_path / "samples.png"), grid(images, columns=5)[0])
    assert gan("sample", run, "--grid", "2x5", "--n", "10", "--seed", 1, "--scale", 1) == 0


def test_a_grid_is_enlarged_so_that_it_can_be_seen(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    """By default to at least 500 pixels across; the pixels stay sharp."""
    exact = grid(load_generator(run).sample(64))[0]
    assert gan("sample", run, "--out", "default.png") == 0
    assert gan("sample", run, "--scale", 3, "--out", "3.png") == 0
    assert exact.shape == (46, 54)
    assert np.array_equal(pixels(tmp_path / "default.png"), exact.repeat(10, 0).repeat(10, 1))
    assert np.array_equal(pixels(tmp_path / "3.png"), exact.repeat(3, 0).repeat(3, 1))


def test_a_wide_grid_is_not_enlarged(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--grid", "1x72") == 0
    assert pixels(tmp_path / "samples.png").shape == (4, 502)


@pytest.mark.parametrize("out", ["x.npy", "x"])
def test_only_a_grid_is_enlarged(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert gan("sample", run, "--scale", 2, "--out", out) == 2
    expected = f"--scale: only a grid is enlarged, and --out is {out}; a name that ends in .png expected\n"
    assert capsys.readouterr().err == expected
    assert not (tmp_path / out).exists()


def test_truncation_reaches_the_generator(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 3, "--truncation", "0.5", "--out", "x.npy") == 0
    assert np.array_equal(np.load(tmp_path / "x.npy"), load_generator(run).sample(3, truncation=0.5))


CLOTHES = ("Bag", "Coat, long", "Sandal")


@pytest.mark.parametrize(
    ("asked", "labels"),
    [("2", 2), ("bag", 0), ("Coat, long", 1), ("Sandal,0", [2, 0]), (" 1 , sandal ", [1, 2])],
)
@pytest.mark.parametrize("option", ["--class", "--labels"])
def test_images_of_a_class(tmp_path: Path, gan: GanCommand, option: str, asked: str, labels: object) -> None:
    run = conditional_bundle(tmp_path, CLOTHES)
    assert gan("sample", run, "--n", 5, option, asked, "--out", "x.npy") == 0
    expected = load_generator(run).sample(5, labels=labels)  # type: ignore[arg-type]
    assert np.array_equal(np.load(tmp_path / "x.npy"), expected)


def test_by_default_each_column_is_one_class(
    tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    run = conditional_bundle(tmp_path, CLOTHES)
    assert gan("sample", run, "--n", 6, "--scale", 1) == 0
    images = load_generator(run).sample(6, labels=[0, 1, 2])
    assert np.array_equal(pixels(tmp_path / "samples.png"), grid(images, columns=3)[0])
    assert capsys.readouterr().out == "6 images, seed 0: samples.png\n"
    assert gan("sample", run, "--n", 4, "--class", "bag", "--scale", 1, "--force") == 0
    assert pixels(tmp_path / "samples.png").shape == (10, 12)  # as square as can be
    assert capsys.readouterr().out == "4 images of class bag, seed 0: samples.png\n"


def test_by_default_a_grid_of_classes_has_whole_rows(tmp_path: Path, gan: GanCommand) -> None:
    run = conditional_bundle(tmp_path, CLOTHES)
    assert gan("sample", run, "--scale", "1") == 0
    images = load_generator(run).sample(63)
    assert np.array_equal(pixels(tmp_path / "samples.png"), grid(images, columns=3)[0])
    assert gan("sample", run, "--n", "64", "--scale", "1", "--force") == 0
    assert np.array_equal(pixels(tmp_path / "samples.png"), grid(load_generator(run).sample(64), columns=3)[0])


def test_points_of_the_plane_are_a_picture_or_floats(
    tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    run = points_bundle(tmp_path)
    points = load_generator(run).sample(9)
    assert points.dtype == np.float32
    assert gan("sample", run, "--n", 9) == 0
    assert gan("sample", run, "--n", 9, "--out", "x.npy") == 0
    assert np.array_equal(pixels(tmp_path / "samples.png").transpose(2, 0, 1), scatter(points))
    assert np.array_equal(np.load(tmp_path / "x.npy"), points)
    assert capsys.readouterr().out == "9 points, seed 0: samples.png\n9 points, seed 0: x.npy\n"
    assert gan("sample", run, "--scale", 2) == 2
    assert capsys.readouterr().err == "--scale: this generator makes 2-D points, not images\n"


def test_one_is_no_plural(run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("sample", run, "--n", 1) == 0
    assert capsys.readouterr().out == "1 image, seed 0: samples.png\n"
    assert gan("sample", run, "--grid", "1x1", "--n", 2) == 2
    assert capsys.readouterr().err == "--grid: 1x1 has 1 image, and --n is 2; leave one of them out\n"
    (run / "config.yaml").write_text("seed: 0\n")
    (run / "run.json").write_text("{}")
    assert gan("runs", run, "--filter", "seed=1") in (0, 1)
    assert "No runs match the filter (1 checked)." in capsys.readouterr().out
    counts = {"epoch": "epochs", "minibatch": "minibatches", "class": "classes", "update": "updates"}
    assert [(counted(1, one), counted(1200, one)) for one in counts] == [
        (f"1 {one}", f"1,200 {several}") for one, several in counts.items()
    ]
