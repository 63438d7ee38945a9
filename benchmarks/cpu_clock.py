"""A callback for benchmarks/alternating.py: the CPU time of training."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as L


class CPUClock(L.Callback):
    """Writes images and CPU seconds (user and system, all threads) into ``file``: of training, and of its end.

    The process stops itself after a warm-up, which is not counted. Training ends with the last minibatch. Its end is
    what follows: the last pictures, curves, checkpoint and bundle. The clock is the last of the callbacks, so it
    includes what the others do.
    """

    def __init__(self, file: str, warm_up: int) -> None:
        self.file, self.warm_up = Path(file), warm_up
        self.images, self.began, self.trained = 0, 0.0, 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.images += len(batch[0])
        if trainer.fit_loop.total_batch_idx + 1 == self.warm_up:
            os.kill(os.getpid(), signal.SIGSTOP)  # until the benchmark lets it go on
            self.images, self.began = 0, time.process_time()
        self.trained = time.process_time()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        ended = time.process_time()
        self.file.write_text(f"{self.images} {self.trained - self.began} {ended - self.trained}")
