"""One bad file among many runs: that run is named as unreadable, and the others are reported."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gan_command import GanCommand, command_in
from written_runs import write_run

from gan.runs.reading import read_run
from gan.runs.run_files import MOST_BYTES, RunFileError, read_settings

Damage = Callable[[Path], None]


def _content(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content) and None


def _link(target: str) -> Damage:
    def linked(path: Path) -> None:
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    return linked


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MOST_BYTES[path.suffix] + 1)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


ALIASES = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n".encode() for n in range(1, 12)
)
MERGES = b"a0: &a0 {x: 1}\n" + b"".join(
    f"a{n}: &a{n} {{'<<': 1, <<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n".encode() for n in range(1, 12)
)
ANY_FILE = {
    "a pipe": _pipe,
    "a device": _link("/dev/zero"),
    "a terminal": _link("/dev/tty"),
    "links in a circle": lambda path: _link(path.name)(path),
    "a huge file": _huge,
    "a folder": _folder,
}
YAML = {
    "aliases": _content(ALIASES),
    "merges": _content(MERGES),
    "a circle": _content(b"a: &a [*a]\n"),
    "deep": _content(b"[" * 100_000),
    "rather deep": _content(b"a: " + b"[" * 200 + b"]" * 200),
    "not UTF-8": _content(b"seed: \xff\xfe\n"),
    "a number for minutes": _content(b"seed: 1" + b":1" * 100_000),
    "a number for ever": _content(b"seed: " + b"1" * 5000),
    "a large number": _content(b"seed: " + b"1" * 90),
    "a date": _content(b"seed: 2026-01-01\n"),
    "an object": _content(b"seed: !!python/object/apply:os.system [true]\n"),
    "empty": _content(b""),
}
JSON = {
    "deep": _content(b"[" * 100_000),
    "rather deep": _content(b'{"a": ' * 200 + b"1" + b"}" * 200),
    "not UTF-8": _content(b'{"a": "\xff"}'),
    "a number for ever": _content(b'{"a": ' + b"1" * 5000 + b"}"),
    "a large number": _content(b'{"a": ' + b"1" * 400 + b"}"),
    "cut off": _content(b'{"a": '),
}
CSV = {"a long field": _content(b"images_seen,train/d_loss\n" + b"1" * 131_073 + b",1\n")}
FILES = {
    "config.yaml": YAML,
    "run.json": JSON,
    "quality.json": JSON,
    "quality_rejection.json": JSON,
    "failed.json": JSON,
    "pruned.json": JSON,
    "metrics.csv": CSV,
}
CASES = [(file, what, damage) for file, own in FILES.items() for what, damage in {**ANY_FILE, **own}.items()]


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """A test that hangs fails."""

    def told(number: int, frame: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, told)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def gan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GanCommand:
    return command_in(tmp_path, monkeypatch)


@pytest.mark.parametrize("file", FILES)
def test_every_damage_is_told_by_the_files_name(file: str, tmp_path: Path) -> None:
    for number, (_, what, damage) in enumerate(case for case in CASES if case[0] == file):
        folder = write_run(tmp_path / str(number), ended=False)
        damage(folder / file)
        with pytest.raises(RunFileError) as error:  # of a run that is going on metrics.csv is read for all that is said
            assert read_run(folder).curves, what
        assert str(error.value).startswith(f"{folder / file}: cannot be read: "), what
        assert "\n" not in str(error.value)
        assert len(str(error.value)) < len(str(folder)) + 500, what


@pytest.mark.parametrize("damage", [*ANY_FILE.values(), *JSON.values(), _content(b"")])
def test_damaged_alarms_are_told_in_their_place(damage: Damage, tmp_path: Path, gan: GanCommand) -> None:
    folder = write_run(tmp_path / "run")
    damage(folder / "alarms.json")
    (line,) = read_run(folder).alarms
    assert line.startswith(f"{folder / 'alarms.json'}: cannot be read: ")
    assert gan("show", "run") == 0


@pytest.fixture
def many(tmp_path: Path) -> list[Path]:
    """A good run among damaged ones, one for each file and damage of a few kinds."""
    write_run(tmp_path / "runs" / "good", fcd=3.0)
    bad = []
    for number, (file, what, damage) in enumerate(CASES):
        if what in ("a pipe", "a device", "links in a circle", "aliases", "deep", "not UTF-8", "a long field"):
            folder = write_run(tmp_path / "runs" / f"bad-{number}", ended=False)
            damage(folder / file)
            bad.append(folder / file)
    return bad


def test_a_report_and_a_list_name_what_they_cannot_read_and_tell_of_the_rest(
    many: list[Path], gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gan("report", "runs") == 0
    told = capsys.readouterr().out
    markdown = (tmp_path / "report.md").read_text()
    assert f"Runs that cannot be read, and are missing in the rest of this page: {len(many)}." in markdown
    for path in many:
        name = path.parent.name
        assert f"  {name}: {path.relative_to(tmp_path)}: cannot be read: " in told
        assert f"| {name} |" in markdown
    assert "3.00" in told
    assert gan("runs", "runs") == 0
    out, err = capsys.readouterr()
    assert out.count("runs/") == 1
    assert len(err.splitlines()) == len(many)
    for path in many:
        assert gan("show", path.parent) == 2
        assert capsys.readouterr().err.startswith(f"{path}: cannot be read: ")


def test_where_no_run_can_be_read_a_report_says_why(
    gan: GanCommand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (write_run(tmp_path / "runs" / "one") / "run.json").write_text("{")
    for command in ("report", "watch"):
        assert gan(command, "runs") == 2
        assert "runs/one/run.json: cannot be read: " in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("run.json", {"ended": {"seconds": "long", "images_seen": [1], "g_updates": None, "quality/fcd": "x"}}),
        ("run.json", {"ended": 3, "data": [1], "git": "x", "machine": 1, "versions": [], "command": 7, "started": []}),
        ("run.json", {"failed": "x", "cut": [], "resumed": 3, "overrides": {"a": 1}, "command": ["train.py", "-m"]}),
        ("quality.json", {"quality": {"extractors": [1], "missing": 3, "fcd": "low", "n": {}, "data": []}}),
        ("quality.json", {"quality": {"fcd": float("nan"), "kid": float("inf")}}),
        ("alarms.json", [1, None, {"message": {"a": 1}}]),
        ("pruned.json", {"quality/fcd": "x", "measurement": [], "median": {}, "finished_runs": "x"}),
        ("failed.json", {"reason": ["x"]}),
    ],
)
def test_values_of_other_kinds_than_a_run_writes_end_no_command(
    file: str, content: object, gan: GanCommand, tmp_path: Path
) -> None:
    write_run(tmp_path / "runs" / "good", fcd=3.0)
    (write_run(tmp_path / "runs" / "odd", fcd=2.0, lr=1) / file).write_text(json.dumps(content))
    assert gan("report", "runs") == 0
    assert gan("runs", "runs") == 0
    assert gan("show", "runs/odd") == 0
    assert gan("show", "runs/odd", "--json") == 0


def test_pictures_that_are_none_are_left_out(gan: GanCommand, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"\x89PNG secret")
    damages: list[Damage] = [*ANY_FILE.values(), _content(b"no picture"), _link(str(tmp_path / "secret.png"))]
    for number, damage in enumerate(damages):
        folder = write_run(tmp_path / "runs" / str(number), fcd=3.0, lr=number)
        damage(folder / "samples" / "epoch_0002.png")
        damage(folder / "samples" / "real.png")
        damage(folder / "samples" / "fixed_latents.npz")
        assert gan("show", folder) == 0
    assert gan("report", "runs") == 0
    assert "<figcaption>0" not in (tmp_path / "report.html").read_text()
    assert "data:image/png" not in (tmp_path / "report.html").read_text()


def test_aliases_that_are_few_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("betas: &b [0.5, 0.999]\ng: {betas: *b}\n")
    assert read_settings(tmp_path / "config.yaml") == {"betas": [0.5, 0.999], "g": {"betas": [0.5, 0.999]}}
