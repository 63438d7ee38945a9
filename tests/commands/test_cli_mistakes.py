"""What `gan sample` says to mistakes: one line, exit code 2, nothing written and nothing overwritten."""

from pathlib import Path

import pytest
from gan_command import GanCommand, command_in, in_a_process
from tiny_bundles import conditional_bundle, points_bundle, whole_bundle


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return whole_bundle(tmp_path).parent


@pytest.fixture
def gan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


def test_a_mistake_from_a_shell_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = in_a_process("sample", "outputs/none", folder=tmp_path)
    message = "outputs/none: there is no such file or folder; give a run folder or a file generator.safetensors\n"
    assert (done.returncode, done.stderr, done.stdout) == (2, message, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("out", "named"), [("x.png", "x.png"), ("x.npy", "x.npy"), ("x", "x/00000.png")])
def test_what_is_there_and_differs_is_kept(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], out: str, named: str
) -> None:
    (tmp_path / named).parent.mkdir(exist_ok=True)
    (tmp_path / named).write_bytes(b"mine")
    call = ("sample", run, "--n", 2, "--out", out)
    assert gan(*call) == 2
    told = capsys.readouterr()
    expected = f"--out: {named} exists with other content; give another name, or --force to overwrite\n"
    assert (told.err, told.out) == (expected, "")
    assert (tmp_path / named).read_bytes() == b"mine"
    assert not (tmp_path / "x" / "00001.png").exists()  # nor is a part of the new ones written
    assert gan(*call, "--force") == 0
    assert (tmp_path / named).read_bytes() != b"mine"


@pytest.mark.parametrize("device", ["nonsense", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    assert gan("sample", run, "--device", device) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"--device: '{device}' given; cpu or a device of this machine expected (")
    assert told.count("\n") == 1
    assert not (tmp_path / "samples.png").exists()


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("sample", ""), "gan"),
        (("sample", "run", "--out", ""), "--out"),
        (("sample", "run", "--out="), "--out"),
        (("sample", "run", "--device", ""), "--device"),
        (("evaluate", "run", ""), "gan"),
        (("evaluate", "run", "--folder", ""), "--folder"),
        (("report", "", "run"), "gan"),
    ],
)
def test_an_empty_word_is_not_the_current_folder(
    words: tuple[str, ...], where: str, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan(*words) == 2
    expected = f"{where}: an empty word given, perhaps of a shell variable that is not set; a value expected\n"
    assert capsys.readouterr().err == expected
    assert list(tmp_path.iterdir()) == []


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
    expected = (
        f"{tmp_path}: this folder has no generator.safetensors; it is not a run folder, or its run has not started\n"
    )
    assert capsys.readouterr().err == expected


# What is not a command


OPTIONS = (
    "--batch-size, --class, --device, --force, --gray-r, --grid, --help, --labels, --n, --out, --reject, --scale, "
    "--seed, --truncation, --trust"
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sedd", "3"], f"gan sample: no such option '--sedd'; did you mean '--seed'? choices: {OPTIONS}"),
        (["--zzzzzz"], f"gan sample: no such option '--zzzzzz'; choices: {OPTIONS}"),
        (["--n", "0"], "gan sample: invalid value for '--n': "),
        (["--n", "many"], "gan sample: invalid value for '--n': "),
        (["--seed", "-1"], "gan sample: invalid value for '--seed': "),
        (["--batch-size", "0"], "gan sample: invalid value for '--batch-size': "),
        (["--truncation", "x"], "gan sample: invalid value for '--truncation': "),
        (["--seed"], "gan: option '--seed' requires an argument; see gan --help"),
        (["another"], "gan sample: got unexpected extra argument(s) (another); see gan sample --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_in_an_option_is_one_line(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert gan("sample", run, *arguments) == 2
    told = capsys.readouterr()
    if message.endswith(": "):  # then typer's own words, which differ between its versions
        assert told.err.startswith(message)
        assert told.err.endswith("; see gan sample --help\n")
        assert told.err.count("\n") == 1
    else:
        assert told.err == message + "\n"
    assert told.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_no_source(gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("sample") == 2
    told = capsys.readouterr().err
    assert told.startswith("gan sample: missing argument ")
    assert told.endswith("; see gan sample --help\n")


def test_an_unknown_command(gan: GanCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert gan("smaple") == 2
    told = capsys.readouterr().err
    assert told.startswith("gan: no such command 'smaple'; did you mean 'sample'? choices: ")
    assert told.count("\n") == 1


def test_no_command_is_answered_with_the_help(tmp_path: Path) -> None:
    done = in_a_process(folder=tmp_path)
    assert done.returncode == 2
    assert "sample" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


# What goes with what


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "8"], "--grid: '8' given; rows x columns expected, such as 4x10, each from 1 to 9999"),
        (["--grid", "0x3"], "--grid: '0x3' given; rows x columns expected, such as 4x10, each from 1 to 9999"),
        (["--grid", "2x3", "--n", "7"], "--grid: 2x3 has 6 images, and --n is 7; leave one of them out"),
        (
            ["--grid", "2x3", "--out", "x.npy"],
            "--grid: a grid is a picture, and --out is x.npy; a name that ends in .png expected",
        ),
        (["--class", "3"], "class: this generator was trained without classes; a class cannot be requested"),
        (["--truncation", "1.5"], "truncation: 1.5 given; above 0 and at most 1 expected"),
        (["--truncation", "nan"], "truncation: nan given; above 0 and at most 1 expected"),
    ],
)
def test_what_does_not_go_together(
    run: Path, tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert gan("sample", run, *arguments) == 2
    assert capsys.readouterr().err == message + "\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("Saddle", "class 'Saddle': there is no such class; did you mean 'Sandal'? classes: 0 Bag, 1 Coat, 2 Sandal"),
        ("3", "class 3: there is no such class; classes: 0 Bag, 1 Coat, 2 Sandal"),
        ("Bag,hat", "class 'hat': there is no such class; classes: 0 Bag, 1 Coat, 2 Sandal"),
        ("Bag,", "class '': there is no such class; classes: 0 Bag, 1 Coat, 2 Sandal"),
    ],
)
def test_a_class_that_does_not_exist(
    tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], asked: str, message: str
) -> None:
    run = conditional_bundle(tmp_path, ("Bag", "Coat", "Sandal"))
    assert gan("sample", run, "--class", asked) == 2
    told = capsys.readouterr().err
    assert told == message + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gray-r"], "--gray-r: this generator generates 2-D points, not images"),
        (["--grid", "2x2"], "--grid: this generator generates 2-D points, not images"),
        (
            ["--out", "folder"],
            "--out: folder: 2-D points are written to one file, .png (a picture) or .npy (an array)",
        ),
    ],
)
def test_points_are_no_images(
    tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert gan("sample", points_bundle(tmp_path), *arguments) == 2
    assert capsys.readouterr().err == message + "\n"


# Tracebacks


def test_a_traceback_is_shown_where_it_is_asked_for(
    tmp_path: Path, gan: GanCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    for call in (("--debug", "sample", "none"), ("--debug", "sample", "none", "--sedd")):
        assert gan(*call) == 2
        assert capsys.readouterr().err.startswith("Traceback (most recent call last)")
        assert gan(*call[1:]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_the_variable_that_train_py_knows_asks_for_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    done = in_a_process("sample", "none", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Traceback (most recent call last)")
    assert "BundleError: none: there is no such file or folder" in done.stderr


def test_a_bug_keeps_its_traceback(run: Path, gan: GanCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.generators.trained_generator.TrainedGenerator.sample", lambda self, *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gan("sample", run)
