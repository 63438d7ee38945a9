"""Alarms of a run, and the debouncing of their conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Moment(NamedTuple):
    """A moment of a run: the epoch, counted from 1, and the number of generator updates."""

    epoch: int
    update: int

    def __str__(self) -> str:
        return f"epoch {self.epoch} (generator update {self.update:,})"


@dataclass
class Alarm:
    """A problem of training.

    Attributes:
        name: the problem, such as "mode collapse".
        seen: the observation, with its numbers.
        since: the first observation.
        settings: two or three suggested changes of settings, as typed on the command line.
        over: the end of the problem; None if it still exists.
    """

    name: str
    seen: str
    since: Moment
    settings: Sequence[str] = ()
    over: Moment | None = None

    def __str__(self) -> str:
        return f"ALARM {self.message}"

    @property
    def message(self) -> str:
        """The alarm in one line."""
        when = f"since {self.since}" if self.over is None else f"from {self.since} to {self.over}"
        return f"{self.name}, {when}: {self.seen}. {to_try(self.settings)}".rstrip()

    @property
    def end(self) -> str:
        """The line that reports the end of the problem."""
        return f"OVER {self.name}, since {self.over}; it began in {self.since}."

    def plain(self) -> dict[str, Any]:
        """The alarm in plain containers, for JSON and checkpoints."""
        moments = {name: moment and moment._asdict() for name, moment in (("since", self.since), ("over", self.over))}
        return {**asdict(self), "settings": list(self.settings), **moments}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Alarm":
        over = plain["over"] and Moment(**plain["over"])
        return cls(plain["name"], plain["seen"], Moment(**plain["since"]), list(plain["settings"]), over)


def to_try(settings: Sequence[str]) -> str:
    """The suggestions as a sentence; "" if there are none."""
    return f"Try: {' | '.join(settings)}" if settings else ""


@dataclass
class Debounce:
    """A condition over time, which changes only after it has been observed for a while.

    Attributes:
        needed: generator updates for which the condition must hold to switch on, or not hold to switch off.
        on: the debounced state.
        turned: the first of the latest observations that differ from ``on``; None if the last one agrees.
    """

    needed: int
    on: bool = False
    turned: Moment | None = None

    def update(self, seen: bool, now: Moment) -> Moment | None:
        """Add an observation.

        Returns:
            If this changes ``on``, the first moment of the new state; else None.
        """
        if seen == self.on:
            self.turned = None
            return None
        self.turned = self.turned or now
        if now.update - self.turned.update < self.needed:
            return None
        since, self.turned, self.on = self.turned, None, seen
        return since

    def plain(self) -> dict[str, Any]:
        return {"on": self.on, "turned": self.turned and self.turned._asdict()}

    def restore(self, plain: Mapping[str, Any]) -> None:
        self.on, self.turned = plain["on"], plain["turned"] and Moment(**plain["turned"])
