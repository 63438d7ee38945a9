from pathlib import Path

import lightning.pytorch as L


class Diary(L.Callback):
    """Write a line to the file diary.txt of the run folder after every few epochs."""

    def __init__(self, every: int = 1):
        self.every = every

    def on_train_epoch_end(self, trainer, pl_module):
        if trainer.is_global_zero and (trainer.current_epoch + 1) % self.every == 0:
            with (Path(trainer.default_root_dir) / "diary.txt").open("a") as file:
                file.write(f"epoch {trainer.current_epoch + 1}: {pl_module.g_updates} generator updates\n")
