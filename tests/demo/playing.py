"""A session of `gan play` whose training runs in a thread of this process."""

import threading
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from gan.demo.play_session import BASE, Session
from gan.demo.play_worker import Worker
from gan.launch.python_run import train

SMALL = (
    "data.batch_size=32",
    "model.generator.hidden=[8]",
    "model.discriminator.hidden=[8]",
    "callbacks.quality.n=200",
)


def train_small(*overrides: str) -> Any:
    """Small networks: the first words are those of every game, which an experiment's settings follow."""
    return train(*BASE, *SMALL, *overrides[len(BASE) :])


class ThreadSession(Session):
    """As `Session`, without a second process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(train_small, folder)

    def _start(self) -> None:
        self._connection, other = Pipe()
        self._process = Thread(target=Worker(self._train, other).run)
        self._process.start()


class Thread(threading.Thread):
    """A thread that dies with this process."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(daemon=True, **arguments)
