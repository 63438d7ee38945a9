"""What an alarm is: a condition of the game that has been seen for long enough, from when on, and what to try."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Moment(NamedTuple):
    """A moment of a run: the epoch, counted from 1, and how many generator updates there have been."""

    epoch: int
    update: int

    def __str__(self) -> str:
        return f"epoch {self.epoch} (generator update {self.update:,})"


@dataclass
class Alarm:
    """Something that went wrong in the game, in words.

    Attributes:
        name: what it is, such as "mode collapse".
        seen: what was seen, with the numbers.
        since: when it was seen first.
        settings: two or three changes of settings to try, each as on the command line.
        over: when it was no longer seen; None: it still is.
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
        """In one line."""
        when = f"since {self.since}" if self.over is None else f"from {self.since} to {self.over}"
        return f"{self.name}, {when}: {self.seen}. {to_try(self.settings)}".rstrip()

    @property
    def end(self) -> str:
        """The line that says that it is over."""
        return f"OVER {self.name}, since {self.over}; it was seen from {self.since} on."

    def plain(self) -> dict[str, Any]:
        """In plain containers, for JSON and for checkpoints."""
        moments = {name: moment and moment._asdict() for name, moment in (("since", self.since), ("over", self.over))}
        return {**asdict(self), "settings": list(self.settings), **moments}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> "Alarm":
        over = plain["over"] and Moment(**plain["over"])
        return cls(plain["name"], plain["seen"], Moment(**plain["since"]), list(plain["settings"]), over)


def to_try(settings: Sequence[str]) -> str:
    """A sentence; "" where there is nothing to try."""
    return f"Try: {' | '.join(settings)}" if settings else ""


@dataclass
class Debounce:
    """One condition over time. What is seen once may be chance: it counts when it has been so for a while.

    Attributes:
        needed: generator updates for which a condition must hold before it counts, and be gone before it is over.
        on: does it count?
        turned: since when the last looks have said the opposite of ``on``; None: they do not.
    """

    needed: int
    on: bool = False
    turned: Moment | None = None

    def update(self, seen: bool, now: Moment) -> Moment | None:
        """Take note of what is seen now.

        Returns:
            If this changes ``on``, the moment since when it has been so; else None.
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
