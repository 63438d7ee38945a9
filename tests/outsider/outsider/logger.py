import json

from lightning.pytorch.loggers.logger import Logger


class JSONLines(Logger):
    """Write every row of metrics as a line of metrics.jsonl in the folder ``save_dir``."""

    name, version = "json lines", ""

    def __init__(self, save_dir: str):
        super().__init__()
        self.path = f"{save_dir}/metrics.jsonl"

    def log_hyperparams(self, params, *args, **kwargs):
        pass

    def log_metrics(self, metrics, step=None):
        with open(self.path, "a") as file:
            file.write(json.dumps({"step": step, **metrics}) + "\n")
