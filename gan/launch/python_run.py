"""Training from Python: `gan.train` runs what `gan train` runs, in the caller's process."""

import base64
import contextlib
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from gan.runs import file_names, run_folder
from gan.runs.curves import read_rows
from gan.runs.run_files import read_json, sample_grids
from gan.system import process, shell
from gan.system.errors import ConfigError, GanError, RunError, counted

if TYPE_CHECKING:
    from PIL.Image import Image

    from gan.generators.trained_generator import TrainedGenerator


PATH = "PYTHONPATH"
SWEEPS = ("-m", "--multirun", "sweep=", "hydra.mode=")  # words that begin so start several runs
ONE_RUN = "gan.train: one run at a time; for a sweep: gan train -m …"
_training = Lock()  # a run uses the command line and Hydra's state, of which a process has one


@dataclass(frozen=True)
class TrainingRun:
    """A finished run.

    Attributes:
        folder: the run folder, with all files of the run.
        trust: packages that `generator` may import for your own network.
    """

    folder: Path
    trust: tuple[str, ...] = ()

    @cached_property
    def generator(self) -> "TrainedGenerator":
        """The trained generator, on the CPU."""
        from gan.generators.bundle import load_generator

        return load_generator(self.folder, self.trust)

    @property
    def metrics(self) -> dict[str, list[float]]:
        """The table of metrics.csv by column, NaN where a row has no value: ``pandas.DataFrame(run.metrics)``."""
        rows = list(read_rows(self.folder / file_names.METRICS))
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [float(row.get(name) or math.nan) for row in rows] for name in names}

    @property
    def quality(self) -> dict[str, float]:
        """The last quality metrics, such as ``quality/fcd``; empty if nothing was measured."""
        ended = read_json(self.folder / file_names.FACTS).get("ended", {})
        return {name: value for name, value in ended.items() if name.startswith("quality/")}

    @property
    def samples(self) -> "Image":
        """The newest grid of samples.

        Raises:
            GanError: the run has none, as with ``callbacks.samples=null``.
        """
        from PIL import Image

        with Image.open(self._grid()) as picture:
            return picture.copy()

    def _grid(self) -> Path:
        grids = sample_grids(self.folder)
        if not grids:
            raise GanError(f"{self.folder}: this run has no sample grids; run.generator.sample() generates images")
        return grids[-1]

    def __repr__(self) -> str:
        ended = read_json(self.folder / file_names.FACTS).get("ended", {})
        measured = "".join(f", {name.removeprefix('quality/')} {value:.3g}" for name, value in self.quality.items())
        epochs, updates = ended.get("epochs", 0), ended.get("g_updates", 0)
        trained = f"{counted(epochs, 'epoch')}, {counted(updates, 'generator update')}"
        return f"<run {shell.short(self.folder)}: {trained}{measured}>"

    def _repr_html_(self) -> str:
        """The line and the newest grid, for a notebook."""
        import html

        line = f"<p>{html.escape(repr(self).strip('<>'))}</p>"
        try:
            data = base64.b64encode(self._grid().read_bytes()).decode()
        except GanError:
            return line
        return f'{line}<img alt="samples" src="data:image/png;base64,{data}">'


def train(
    *overrides: str, trust: tuple[str, ...] | list[str] = (), quiet: bool = False, **settings: Any
) -> TrainingRun:
    """Train a GAN, as `gan train` does: one device in this process, several by its launcher.

    A process trains one run at a time; use several processes for several runs.

    >>> run = gan.train("experiment=quickstart", "trainer.max_epochs=3")
    >>> run = gan.train(model="mlp", data="fashion", trainer={"max_epochs": 3})

    Args:
        overrides: words of the command line, such as "penalty=r1" or "resume=RUN".
        trust: packages that a resumed run may import, in addition to gan, lightning and torch.
        quiet: print nothing, not even the progress bar and alarms, unless the run fails. The run folder has the alarms.
        settings: the same as keywords; a dict has the settings of a node.

    Raises:
        GanError: with the message that the command line would print; or another thread of this process is training.
        KeyboardInterrupt: the run was interrupted; its folder can be resumed.
    """
    from gan.launch import command_line, hydra_job
    from gan.launch.train import main

    _check_overrides(overrides)
    words = [*overrides, *_words(settings), *([f"trust=[{','.join(trust)}]"] if trust else [])]
    if any(word.startswith(SWEEPS) or command_line.has_several_values(word) for word in words):
        raise ConfigError(ONE_RUN)
    if any(word.startswith("dry_run=") and not word.endswith("=false") for word in words):
        raise ConfigError("gan.train: dry_run given, which trains nothing; for a dry run: gan train … dry_run=true")
    with _alone(), _as_command(["gan", *words]), _silent() if quiet else contextlib.nullcontext():
        try:
            code = hydra_job.run_command(main, raises=True)
            folder = run_folder.claimed() or command_line.current().finished
        finally:
            run_folder.release_all()
        if code:
            raise RunError(f"the run has ended with exit code {code}; the reason is printed above")
    if folder is None:
        raise GanError("gan.train: no run was started")
    return TrainingRun(folder, tuple(trust))


def _check_overrides(overrides: Sequence[object]) -> None:
    """Raise ConfigError for what is not an override: another type, or an option such as --help."""
    for word in overrides:
        if not isinstance(word, str) or (word.startswith("-") and not word.startswith(SWEEPS)):
            raise ConfigError(
                f"gan.train: {word!r} given; overrides as strings, such as 'data=fashion', or keywords expected"
            )


def _words(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Overrides for keyword settings."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _words(value, f"{above}{name}.")
        else:
            plus = "++" if above else ""  # conf/ may not have the setting; validation finds a misspelt one
            yield f"{plus}{above}{name}={_text(value)}"


def _text(value: Any) -> str:
    """A value by Hydra's grammar."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, str | Path):
        plain = str(value)
        return plain if plain.replace("_", "").isalnum() else shell.quoted(plain)
    return str(value)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Refuse a run while another one is trained by this process."""
    if not _training.acquire(blocking=False):
        raise GanError("gan.train: a run is being trained in this process; start a process for each run")
    try:
        yield
    finally:
        _training.release()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep back what this process and its ranks print inside the block; print it if the block fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace") as held:
        try:
            with _descriptors(held.fileno()), contextlib.redirect_stdout(held), contextlib.redirect_stderr(held):
                yield
        except BaseException:
            held.seek(0)
            print(held.read(), end="", file=sys.stderr)
            raise


@contextlib.contextmanager
def _descriptors(target: int) -> Iterator[None]:
    """Inside the block, standard output and standard error, also those of child processes, are this file."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    before = {}
    for number in (1, 2):
        with contextlib.suppress(OSError):  # closed, as in a process without a terminal
            before[number] = os.dup(number)
    try:
        for number in before:
            os.dup2(target, number)
        yield
    finally:
        for number, descriptor in before.items():
            os.dup2(descriptor, number)
            os.close(descriptor)


@contextlib.contextmanager
def _as_command(words: list[str]) -> Iterator[None]:
    """Inside the block, the command line is this one, and a Hydra application of the caller is set aside.

    Several processes find the modules beside the caller's script too.
    """
    arguments, hydra, config = sys.argv, GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    path = os.pathsep.join(filter(None, [os.environ.get(PATH), sys.path[0]]))
    sys.argv = words
    GlobalHydra.instance().clear()
    HydraConfig.instance().cfg = None
    try:
        with process.variable(PATH, path):
            yield
    finally:
        sys.argv = arguments
        GlobalHydra.instance().hydra, HydraConfig.instance().cfg = hydra, config
