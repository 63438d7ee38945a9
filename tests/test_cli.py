"""`gan sample`: what it writes, that it writes the same again, and what it says to mistakes."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan import cli
from gan.bundle import FILE_NAME, describe, load_generator, save_bundle
from gan.networks import build_generator
from gan.pictures import grid

ROOT = Path(__file__).parent.parent
SETTINGS = {"hidden": [8], "activation": "relu", "negative_slope": 0.0, "dropout": 0.0}
GanCommand = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a generator."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = build_generator("mlp", latent_dim=16, image_shape=(1, 4, 5), **SETTINGS)
    metadata = describe("mlp", SETTINGS, latent_dim=16, prior="normal", image_shape=(1, 4, 5), mean=0.5, std=0.5)
    save_bundle(tmp_path / "run" / FILE_NAME, generator, metadata)
    return tmp_path / "run"


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    """``gan("sample", …)``: the console script in this process, in ``tmp_path``; its exit code."""

    def command(*arguments: object) -> int:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gan", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert isinstance(end.value.code, int)
        return end.value.code

    return command


def in_a_process(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from gan.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_grid_from_a_shell(run: Path, tmp_path: Path) -> None:
    done = in_a_process("sample", run, "--n", 6, "--seed", 3, "--out", "grid.png", folder=tmp_path)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "6 images, seed 3: grid.png\n")
    assert np.array_equal(pixels(tmp_path / "grid.png"), grid(load_generator(run).sample(6, seed=3))[0])


def test_a_mistake_from_a_shell_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = in_a_process("sample", "outputs/none", folder=tmp_path)
    message = "outputs/none: there is no such file or folder; give a run folder or a file generator.safetensors\n"
    assert (done.returncode, done.stderr, done.stdout) == (2, message, "")
    assert list(tmp_path.iterdir()) == []


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


def test_by_default_64_images_of_seed_0_in_a_grid(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run) == 0
    assert np.array_equal(pixels(tmp_path / "samples.png"), grid(load_generator(run).sample(64, seed=0))[0])


def test_a_bundle_by_itself_and_folders_that_are_not_there_yet(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run / FILE_NAME, "--n", 1, "--out", "new/deep/x.PNG") == 0
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


@pytest.mark.parametrize(("out", "named"), [("x.png", "x.png"), ("x.npy", "x.npy"), ("x", "x/00000.png")])
def test_what_is_there_and_differs_is_kept(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], out: str, named: str
) -> None:
    (tmp_path / named).parent.mkdir(exist_ok=True)
    (tmp_path / named).write_bytes(b"mine")
    call = ("sample", run, "--n", 2, "--out", out)
    assert gan(*call) == 2
    told = capsys.readouterr()
    expected = f"--out: {named} exists and would change; give another name, or --force to overwrite\n"
    assert (told.err, told.out) == (expected, "")
    assert (tmp_path / named).read_bytes() == b"mine"
    assert not (tmp_path / "x" / "00001.png").exists()  # nor is a part of the new ones written
    assert gan(*call, "--force") == 0
    assert (tmp_path / named).read_bytes() != b"mine"


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

    def decode(self: object, z: torch.Tensor, *, batch_size: int) -> np.ndarray:
        asked.append(batch_size)
        return np.zeros((len(z), 1, 4, 5), np.uint8)

    monkeypatch.setattr("gan.bundle.TrainedGenerator.decode", decode)
    assert gan("sample", run, "--n", 3, "--batch-size", 2) == 0
    assert asked == [2]


def test_device_reaches_the_generator(run: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("gan.bundle.TrainedGenerator.to", lambda self, device: asked.append(device) or self)
    assert gan("sample", run, "--n", 1, "--device", "cpu") == 0
    assert asked == ["cpu"]


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "", "cpu:x"])
def test_a_device_that_is_not_there(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    assert gan("sample", run, "--device", device) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"--device: '{device}' given, cpu or a device that this machine has expected (")
    assert told.count("\n") == 1
    assert not (tmp_path / "samples.png").exists()


@pytest.mark.parametrize("device", ["meta", "hpu"])
def test_a_device_that_torch_knows_by_name_only(run: Path, gan: GanCommand, device: str) -> None:
    assert gan("sample", run, "--device", device) == 2


@pytest.mark.parametrize("out", ["x.jpg", "x.npz", "x.GIF"])
def test_an_ending_that_it_cannot_write(
    run: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    assert gan("sample", run, "--out", out) == 2
    ending = Path(out).suffix
    expected = f"--out: {out}: '{ending}' given; .png (a grid), .npy (an array) or a folder's name expected\n"
    assert capsys.readouterr().err == expected


def test_a_folder_may_have_a_dot_in_its_name(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 1, "--out", "run.1") == 0
    assert (tmp_path / "run.1" / "00000.png").exists()


def test_a_file_where_a_folder_should_be(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_bytes(b"mine")
    assert gan("sample", run, "--n", 1, "--out", "taken") == 2
    assert capsys.readouterr().err == "--out: taken cannot be written: File exists\n"
    assert (tmp_path / "taken").read_bytes() == b"mine"


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_where_a_file_should_be(run: Path, tmp_path: Path, gan: GanCommand, force: list[str]) -> None:
    (tmp_path / "x.png").mkdir()
    assert gan("sample", run, "--n", 1, "--out", "x.png", *force) == 2


def test_a_folder_that_is_no_run(tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("sample", tmp_path) == 2
    expected = f"{tmp_path}: this folder has no generator.safetensors; is it a run folder, and has its run begun?\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ot", "x.png"], ["No such option", "--ot", "--out"]),
        (["--n", "0"], ["--n", "greater than or equal to 1"]),
        (["--n", "many"], ["--n", "valid integer"]),
        (["--seed", "-1"], ["--seed", "greater than or equal to 0"]),
        (["--batch-size", "0"], ["--batch-size", "greater than or equal to 1"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_a_mistake_in_an_option_is_named(
    run: Path,
    tmp_path: Path,
    gan: GanCommand,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
) -> None:
    assert gan("sample", run, *arguments) == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert [word for word in words if word not in told] == []
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_unknown_command(gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("smaple") == 2
    assert "smaple" in capsys.readouterr().err


def test_help_names_every_option_and_does_not_wait_for_torch(tmp_path: Path) -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from gan.cli import main\n"
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
    for option in ("--out", "--n", "--seed", "--device", "--gray-r", "--batch-size", "--force"):
        assert option in done.stdout


def test_the_array_on_the_disk_is_a_plain_npy_file(run: Path, tmp_path: Path, gan: GanCommand) -> None:
    assert gan("sample", run, "--n", 2, "--out", "x.npy") == 0
    expected = io.BytesIO()
    np.save(expected, load_generator(run).sample(2))
    assert (tmp_path / "x.npy").read_bytes() == expected.getvalue()
