"""The training process of `gan play`: trains one run after another, and answers commands between minibatches."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from gan.runs.curves import Curve, thinned
from gan.system import signals
from gan.system.errors import GanError

if TYPE_CHECKING:
    import lightning.pytorch as L

    from gan.training.callbacks.changes import Changes
    from gan.training.game_module import GameModule

LOOK = 0.2  # seconds between two checks for a signal while the run is paused
QUIET = 90.0  # seconds without a command after which the run is paused: no page is open
MOST_POINTS = 300  # of a curve
Command = dict[str, Any]
Train = Callable[..., Any]  # gan.train, given by the command: this package does not know gan.launch


def work(train: Train, connection: Connection) -> None:
    """Train until the other end of the connection is closed."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C of a terminal goes only to the server, which ends the run in order
    Worker(train, connection).run()


@dataclass
class Pace:
    """When the next minibatch is trained.

    Attributes:
        paused: no minibatch is trained, except those of ``steps``.
        speed: minibatches per second; None for as many as possible.
        steps: minibatches to train while paused.
        heard: clock time of the last command.
    """

    paused: bool = True
    speed: float | None = None
    steps: int = 0
    heard: float = field(default_factory=time.monotonic)
    _next: float = 0.0

    @property
    def runs(self) -> bool:
        """Whether a minibatch is trained before the next command."""
        return self.steps > 0 or not self.paused

    def wait(self) -> float | None:
        """Seconds until the next minibatch; None: not before a command."""
        if time.monotonic() - self.heard > QUIET:
            self.paused, self.steps = True, 0
        if not self.runs:
            return None
        return 0.0 if self.speed is None else max(0.0, self._next - time.monotonic())

    def begin(self) -> None:
        """A minibatch begins."""
        self.steps = max(0, self.steps - 1)
        if self.speed is not None:
            self._next = time.monotonic() + 1 / self.speed


@dataclass
class Losses:
    """The losses in metrics.csv so far, for the chart of the page."""

    curves: dict[str, Curve] = field(default_factory=lambda: {"d_loss": Curve(), "g_loss": Curve()})

    def __call__(self, trainer: "L.Trainer", game: "GameModule", latest: dict[str, float]) -> None:
        for name, curve in self.curves.items():
            if name in latest:
                curve.x.append(game.turns)
                curve.values.append(latest[name])

    def plain(self) -> list[dict[str, Any]]:
        return [{"name": name, **thinned(curve, MOST_POINTS).plain()} for name, curve in self.curves.items()]


class Worker:
    """Trains the runs that the page starts, and controls them.

    Each command gets one answer: ("state", what the page shows) or ("error", a message).

    Args:
        train: called with the overrides of a run.
        connection: to the server.
    """

    def __init__(self, train: Train, connection: Connection) -> None:
        self._train = train
        self._connection = connection
        self._state: dict[str, Any] = {"state": "none"}
        self._owes_answer = False
        self._next: Command | None = None  # starts the next run
        self._pace = Pace()
        self._losses: Losses | None = None

    def run(self) -> None:
        while (command := self._next or self._receive()) is not None:
            self._next = None
            if command["do"] == "begin":
                self._pace, self._losses = Pace(speed=command["speed"]), None
                self._play(command)
            else:
                self._answer()

    def _receive(self) -> Command | None:
        """The next command; None if the server has gone."""
        try:
            command: Command = self._connection.recv()
        except (EOFError, OSError):
            return None
        self._owes_answer = True
        self._pace.heard = time.monotonic()
        return command

    def _answer(self, error: str = "") -> None:
        self._owes_answer = False
        with contextlib.suppress(OSError):  # the server has gone: the next `_receive` notices it
            self._connection.send(("error", error) if error else ("state", self._state))

    def _play(self, command: Command) -> None:
        """Train one run to its end."""
        from gan.training.callbacks.changes import steered

        try:
            with (
                steered(self._attend),
                open(os.devnull, "w", encoding="utf-8") as nowhere,
                contextlib.redirect_stdout(nowhere),
            ):
                self._train(*command["overrides"])  # it prints what the page shows
            self._state |= {"state": "ended"}
        except (GanError, KeyboardInterrupt) as error:
            why = str(error) or "stopped by a signal"
            if self._losses is None:  # the run has not started
                self._answer(why)
                return
            self._state |= {"state": "failed", "why": why}
        if self._owes_answer and self._next is None:
            self._answer()

    def _attend(self, changes: "Changes", trainer: "L.Trainer", game: "GameModule") -> None:
        """Answer commands until the next minibatch is due; called before the first minibatch and after each one."""
        if self._losses is None:
            self._losses = Losses()
            _monitor(trainer).listeners.append(self._losses)
        if self._owes_answer:  # of "begin" or "step"
            self._look(changes, trainer, game)
        while not trainer.should_stop:
            wait = self._pace.wait()
            if self._connection.poll(LOOK if wait is None else wait):
                self._obey(self._receive(), changes, trainer, game)
            elif wait is not None or signals.pending():
                break
        self._pace.begin()
        if trainer.should_stop:
            self._look(changes, trainer, game, answers=False)

    def _obey(self, command: Command | None, changes: "Changes", trainer: "L.Trainer", game: "GameModule") -> None:
        match command:
            case None | {"do": "end"}:
                changes.end(trainer, game)
            case {"do": "begin"}:
                self._next = command
                changes.end(trainer, game)
            case {"do": "step", "count": count}:
                self._pace.paused, self._pace.steps = True, count
                if count > 1:  # one step is answered when it is made
                    self._look(changes, trainer, game)
            case {"do": "change", "settings": settings}:
                try:
                    changes.make(trainer, game, settings)
                    self._look(changes, trainer, game)
                except GanError as error:
                    self._answer(str(error))
            case {"do": do}:
                if do == "speed":
                    self._pace.speed = command["speed"]
                elif do in ("start", "pause"):
                    self._pace.paused, self._pace.steps = do == "pause", 0
                self._look(changes, trainer, game)

    def _look(self, changes: "Changes", trainer: "L.Trainer", game: "GameModule", answers: bool = True) -> None:
        """Update the state that the page shows, and answer with it."""
        from gan.config.changed_settings import changeable
        from gan.demo.plane import view

        assert self._losses is not None
        data: Any = trainer.datamodule  # type: ignore[attr-defined]  # set by a connector
        self._state = {
            "state": "running" if self._pace.runs else "paused",
            "run": trainer.default_root_dir,
            "data": data.loaded.name,
            "minibatches": game.turns,
            "g_updates": game.g_updates,
            "d_updates": game.d_updates,
            "speed": self._pace.speed,
            "settings": changeable(changes.settings),
            "changes": [str(change) for change in changes.made],
            "losses": self._losses.plain(),
            **view(game, data),
        }
        if answers:
            self._answer()


def _monitor(trainer: "L.Trainer") -> Any:
    from gan.training.callbacks.monitor import GameMonitor
    from gan.training.trainer_parts import callback_of

    return callback_of(trainer, GameMonitor)
