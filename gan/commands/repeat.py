"""`gan repeat`: repeats a run from its saved settings, or a published result, and compares the numbers."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from gan.commands.arguments import Trust, one_run
from gan.config.trust import check_literal, check_trust
from gan.runs import file_names
from gan.runs.run_files import read_bytes, read_json_or_empty, read_settings, write_json
from gan.system import shell
from gan.system.errors import GanError, counted
from gan.system.files import write_bytes
from gan.system.process import GAN_TRAIN, gan_train
from gan.system.trust import trusted, untrusted

FACTS = ("versions", "git", "machine", "init_from")  # of run.json: possible differences of runs with the same settings
UNKNOWN = "null"  # the text of a missing fact, as of git outside of a clone
OTHER_NUMBERS = 1  # exit code


def repeat(
    run: Annotated[Path | None, typer.Argument(help="A run folder, or latest.", callback=one_run)] = None,
    published: Annotated[
        str | None, typer.Option(metavar="NAME", help="A published result instead of a run; list: prints the names.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="With --published: which of its seeds. By default the first.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the repetition. By default RUN-repeated (for a job of a sweep: beside the sweep), and with "
            "--published a folder in outputs."
        ),
    ] = None,
    trust: Trust = None,
) -> None:
    """Repeat a run, and check whether its numbers are the same.

    They are compared bit for bit; if they differ, the first update that differs is named.

    If settings were changed during training (gan play), they are changed again after the same minibatches.
    The exit code is 0 if all numbers are the same, 1 if not. The same command resumes an interrupted repetition.

    With --published, train and evaluate a result of docs/results.md. If the numbers differ, as on another processor,
    the exit code is 0 if all metrics are within the range that the published seeds predict.
    """
    if (run is None) == (published is None):
        raise GanError("gan repeat: give a run folder, or --published NAME")
    if run is None:
        _repeat_published(str(published), seed, out)
        return
    if seed is not None:
        raise GanError("--seed: only with --published; a run is repeated with its own seed")
    settings = _settings(run)
    check_literal(settings, "the config.yaml of a run")
    check_trust([*untrusted(settings, trusted())], trusted(), lambda packages: f"--trust {','.join(packages)}")
    _check_repeatable(run)  # after the check of trust: its advice trusts the packages of the run
    second = out or _second_folder(run.resolve())
    if second.resolve() == run.resolve():
        raise GanError(f"--out: {second} is the run itself; give another folder")
    if not (second / file_names.SETTINGS).exists():
        if second.exists() and any(second.iterdir()):
            raise GanError(f"--out: {second} is not empty; give another folder")
        _begin(run, second, settings)
    elif not _are_same(_settings(second, as_in=run), settings):
        raise GanError(f"--out: {second} contains another run, which is not overwritten; give another folder")
    if code := _train(second):
        raise typer.Exit(code)
    agree, lines = verdict(run, second)
    print("\n".join(lines))
    raise typer.Exit(0 if agree else OTHER_NUMBERS)


def _are_same(one: Mapping[str, Any], two: Mapping[str, Any]) -> bool:
    """Whether settings, of any version, are those of the same run: a run that begins again writes the present paths."""
    from gan.config.saved_settings import in_this_version

    return in_this_version(one) == in_this_version(two)


def _second_folder(run: Path) -> Path:
    """The folder of the repetition: beside the run; for a job of a sweep beside the sweep, whose jobs are compared."""
    from gan.launch.sweeps.folder import RECORD

    in_sweep = (run.parent / RECORD).exists()
    name = f"{run.name}-repeated"
    return Path(shell.short(run.parent.with_name(f"{run.parent.name}-{name}") if in_sweep else run.with_name(name)))


def _repeat_published(name: str, seed: int | None, out: Path | None) -> None:
    """Train and evaluate a published result, and exit with 0 if the repetition confirms it."""
    from gan.report import published
    from gan.runs.reading import read_run

    if name == "list":
        for each in published.read().values():
            print(f"{each.name}: {shell.command(*GAN_TRAIN, *each.overrides)}")
        return
    row = published.named(name)
    before = row.of_seed(seed)
    folder = out or Path("outputs") / f"{row.name}-seed{before.seed}"
    # The number of threads decides in which order a processor adds up, so it is part of the result.
    threads = {"OMP_NUM_THREADS": str(before.machine["threads"])}
    words = [*row.overrides, f"seed={before.seed}", shell.override("hydra.run.dir", folder), "resume=auto"]
    # With --data, a missing dataset is an error; without, the bundled sample would replace it and give other metrics.
    options = [word for name, value in before.evaluation.items() for word in (f"--{name}", str(value))]
    options += ["--cas"] if "accuracy_score" in before.quality else []
    evaluate = [*gan_train()[:-1], "evaluate", str(folder), *options, "--force"]
    for command in ([*gan_train(), *words], evaluate):
        if code := _run(command, threads):
            raise typer.Exit(code)
    again = read_run(folder)
    is_confirmed, lines = published.compare(row, before.seed, again)
    print("\n".join([*lines, *_differences({"versions": before.versions, "machine": before.machine}, again.facts)]))
    raise typer.Exit(0 if is_confirmed else OTHER_NUMBERS)


def verdict(run: Path, second: Path) -> tuple[bool, list[str]]:
    """Whether two finished runs have the same numbers, and the lines to print."""
    from gan.config.free_settings import changed_when_resumed
    from gan.config.moved import updated
    from gan.runs.comparison import LAST, first_difference, last_checkpoints, rows

    lines = [
        f"The run was resumed with a change, which is not repeated: {what}"
        for _, what in changed_when_resumed(read_json_or_empty(run / file_names.FACTS), _settings(run))
    ]
    before, now = rows(run), rows(second)
    where = first_difference(before, now)
    if where is not None:
        lines.append(f"Different numbers, first at {where}")
    elif (run / LAST).exists() and (places := last_checkpoints(run, second, ignore_new=True, updated=updated)):
        lines.append(f"The rows of metrics.csv are identical, but the checkpoints differ: {', '.join(places[:3])}")
        where = places[0]
    else:
        checkpoint = " and the last checkpoint" if (run / LAST).exists() else ""
        lines.append(f"The same numbers, bit for bit: {counted(len(before), 'row')} of metrics.csv{checkpoint}.")
    return where is None, lines + _differences(
        read_json_or_empty(run / file_names.FACTS), read_json_or_empty(second / file_names.FACTS)
    )


def _settings(run: Path, as_in: Path | None = None) -> dict[str, Any]:
    """The settings of config.yaml; ``as_in``: with the paths of a run in that folder."""
    from gan.runs.moved_settings import in_folder

    try:
        settings = read_settings(run / file_names.SETTINGS)
    except OSError as error:
        raise GanError(f"{run}: not a run folder (no readable config.yaml); a run folder expected") from error
    if not isinstance(settings.get("run_dir"), str):
        raise GanError(f"{run}: its config.yaml contains no settings of a run")
    return in_folder(settings, (as_in or run).resolve())


def _check_repeatable(run: Path) -> None:
    from gan.runs.comparison import rows
    from gan.runs.run_end import how_to_resume

    if not read_json_or_empty(run / file_names.FACTS).get("ended"):
        raise GanError(f"{run}: this run has not ended. {how_to_resume(run)}")
    if not rows(run):
        raise GanError(f"{run}: has no metrics.csv to compare with; it was run without logger=csv or logger=default")


def _begin(run: Path, second: Path, settings: dict[str, Any]) -> None:
    """Write the settings to the second folder: a run without a checkpoint, which starts when it is resumed."""
    import yaml

    from gan.runs.changes import REPEATED
    from gan.runs.moved_settings import in_folder
    from gan.runs.run_end import STARTED_BY

    content = yaml.safe_dump(in_folder(settings, second.resolve()), sort_keys=False).encode()
    try:
        for path in (run / name for name in REPEATED):
            if path.exists():
                write_bytes(second / path.name, read_bytes(path))
        started = {
            name: value for name, value in read_json_or_empty(run / file_names.FACTS).items() if name in STARTED_BY
        }
        write_json(second / file_names.FACTS, started)
        write_bytes(second / file_names.SETTINGS, content)
    except OSError as error:
        raise GanError(f"--out: {second} cannot be written: {error.strerror}") from error


def _train(folder: Path) -> int:
    return _run([*gan_train(), f"resume={folder}"])


def _run(command: list[str], variables: Mapping[str, str] | None = None) -> int:
    """Run Python with these arguments in a new process, and return its exit code."""

    def forward(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT and process is not None:  # a terminal sends SIGINT to both processes
            process.send_signal(number)

    process: subprocess.Popen[bytes] | None = None
    handlers = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        process = subprocess.Popen([sys.executable, *command], env={**os.environ, **(variables or {})})
        return process.wait()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _differences(run: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Differences of two run.json, such as "different in the two runs: versions.torch: 2.11.0 -> 2.12.1"."""
    from gan.report.settings import flat

    names = [name for name in FACTS if name in run]
    before, now = (flat({name: facts.get(name) for name in names}) for facts in (run, second))
    return [
        f"  different in the two runs: {path}: {before.get(path, UNKNOWN)} -> {now.get(path, UNKNOWN)}"
        for path in dict.fromkeys([*before, *now])
        if before.get(path, UNKNOWN) != now.get(path, UNKNOWN)
    ]
