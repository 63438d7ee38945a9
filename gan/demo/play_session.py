"""The session of `gan play`: one training process, its run folders, and the commands of the page."""

import multiprocessing
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from gan.config.changed_settings import words
from gan.data.registry import ARRAY, TOY_DISTRIBUTIONS
from gan.demo.parameters import parse_int
from gan.demo.play_worker import Train, work
from gan.runs import file_names
from gan.runs.changes import POINTS
from gan.runs.run_files import is_number
from gan.system import shell
from gan.system.errors import GanError, unknown_name

DRAWN = "drawn"
DATA = (*TOY_DISTRIBUTIONS, DRAWN)
COMMANDS = ("look", "begin", "start", "pause", "step", "speed", "change", "end")
SPEEDS = (0.5, 1000.0)  # minibatches per second
MOST_STEPS = 1_000_000
MOST_DRAWN = 2000  # points drawn by hand
POINTS_MADE, SPREAD = 25_600, 0.01  # points of the dataset, around the drawn ones with this standard deviation
PATIENCE = 120.0  # seconds for an answer: the first run waits until torch is imported
BASE = (
    "experiment=two_dimensions", "callbacks=play", "logger=csv", "accelerator=cpu", "trainer.max_epochs=10_000",
    "trainer.log_every_n_steps=20",
)  # fmt: skip


class Session:
    """Starts runs, each in its own folder, and passes the commands of the page to the training process.

    Args:
        train: trains a run of these overrides: `gan.train`.
        folder: the runs are in its subfolders DATE/TIME.
    """

    def __init__(self, train: Train, folder: Path = Path("outputs")) -> None:
        self._train = train
        self._folder = folder
        self._lock = Lock()
        self._process: Any = None
        self._connection: Any = None

    def command(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Give a command, and return the state of the run after it.

        Args:
            asked: ``do`` is one of `COMMANDS`; "speed" has a ``speed``, "change" has ``settings``, "step" may have a
                ``count``, "begin" may have ``data``, ``points``, ``settings`` and ``speed``.

        Raises:
            GanError: the command or one of its values is not valid, or the training process has ended.
        """
        do = asked.get("do")
        if do not in COMMANDS:
            raise GanError(unknown_name("do", str(do)[:40], COMMANDS))
        if do == "begin":
            return self._begin(asked)
        command: dict[str, Any] = {"do": do}
        if do == "speed":
            command["speed"] = _speed(asked.get("speed"))
        elif do == "step":
            command["count"] = parse_int({"count": str(asked.get("count", 1))}, "count", 1, 1, MOST_STEPS)
        elif do == "change":
            command["settings"] = _settings(asked)
        return self._ask(command)

    def close(self) -> None:
        """End the run, and wait until its files are written."""
        with self._lock:
            if self._process is not None:
                self._connection.close()
                self._process.join(PATIENCE)
                self._process = None

    def _begin(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        name, settings, speed = asked.get("data", DATA[0]), _settings(asked), _speed(asked.get("speed"))
        if name not in DATA:
            raise GanError(unknown_name("data", str(name)[:40], DATA))
        points = _around(_drawn(asked.get("points"))) if name == DRAWN else None
        overrides = [*BASE, *words(settings)]
        folder = self._new_folder()
        if points is None:
            overrides.append(f"data={name}")
        else:
            np.save(folder / POINTS, points)
            overrides += [f"data={ARRAY}", shell.override("data.file", (folder / POINTS).resolve())]
        overrides.append(shell.override("hydra.run.dir", folder))
        try:
            return self._ask({"do": "begin", "overrides": overrides, "speed": speed})
        except GanError:
            if not (folder / file_names.SETTINGS).exists():  # the run has not begun; only our own file is in the folder
                shutil.rmtree(folder, ignore_errors=True)
            raise

    def _new_folder(self) -> Path:
        """A new folder for a run, named as by `gan train`."""
        first = self._folder / time.strftime("%Y-%m-%d") / time.strftime("%H-%M-%S")
        for number in range(1, 1000):
            folder = first if number == 1 else first.with_name(f"{first.name}-{number}")
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                continue
            except OSError as error:
                raise GanError(f"{folder} cannot be written: {error.strerror}") from error
        raise GanError(f"{first} and 998 further folders are there already; try again in a second")

    def _ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._process is None or not self._process.is_alive():
                self._start()
            try:
                self._connection.send(command)
                if not self._connection.poll(PATIENCE):
                    self._connection.close()  # the process ends its run; a late answer would belong to the next command
                    self._process = None
                    raise GanError(
                        f"the training process has not answered for {PATIENCE:.0f} s and was stopped; start a new run"
                    )
                kind, content = self._connection.recv()
            except (EOFError, OSError) as error:
                raise GanError("the training process has ended; the terminal shows why. Start a new run") from error
        if kind == "error":
            raise GanError(content)
        state: dict[str, Any] = content
        return state

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=work, args=(self._train, other), daemon=True)
        self._process.start()
        other.close()


def _settings(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a command: by path, names of options and numbers."""
    settings = asked.get("settings", {})
    if not isinstance(settings, dict) or not all(_is_value(value) for value in settings.values()):
        raise GanError("settings: values by path expected, such as {'penalty': 'r1', 'penalty.gamma': 0.1}")
    words(settings)  # raises for a path that does not exist
    return settings


def _is_value(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 2 and all(is_number(one) for one in value)
    return (
        isinstance(value, bool)
        or is_number(value)
        or (isinstance(value, str) and value.isascii() and value.replace("_", "").isalnum())
    )


def _speed(speed: Any) -> float | None:
    if speed is not None and not (is_number(speed) and SPEEDS[0] <= speed <= SPEEDS[1]):
        raise GanError(
            f"speed: {str(speed)[:40]!r} given; minibatches per second from {SPEEDS[0]:g} to {SPEEDS[1]:g} expected, "
            "or null for as many as possible"
        )
    return speed


def _drawn(points: Any) -> Sequence[Sequence[float]]:
    """The points drawn by hand, x and y from 0 to 1."""
    if not isinstance(points, list) or not 1 <= len(points) <= MOST_DRAWN:
        given = f"{len(points):,} given" if isinstance(points, list) else "none given"
        raise GanError(f"points: {given}; draw 1 to {MOST_DRAWN:,} points")
    for point in points:
        if not (isinstance(point, list) and len(point) == 2 and all(is_number(x) and 0 <= x <= 1 for x in point)):
            raise GanError(f"points: {str(point)[:40]} given; x and y from 0 to 1 expected")
    return points


def _around(points: Sequence[Sequence[float]]) -> np.ndarray:
    """A dataset of points, float32 (POINTS_MADE, 2): each drawn one is the centre of a Gaussian."""
    generator = np.random.default_rng(0)
    centres = np.asarray(points, dtype=np.float64)[np.arange(POINTS_MADE) % len(points)]
    made = centres + SPREAD * generator.standard_normal(centres.shape)
    return generator.permutation(made.clip(0, 1)).astype(np.float32)
