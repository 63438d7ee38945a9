import json
from pathlib import Path

from lightning.pytorch.loggers.logger import Logger


class JSONLines(Logger):
    """Write every row of metrics as a line of metrics.jsonl in the folder ``save_dir``."""

    name, version = "json lines", ""

    def __init__(self, save_dir: str):
        super().__init__()
        self.file = Path(save_dir) / "metrics.jsonl"

    def log_hyperparams(self, params, *args, **kwargs):
        pass

    def log_metrics(self, metrics, step=None):
        with self.file.open("a") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")
