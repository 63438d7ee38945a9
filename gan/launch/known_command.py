"""The command of a run, which its processes write into run.json."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from gan.launch import command_line, resume
from gan.runs import file_names, run_end
from gan.runs.checkpoint_file import newest_first
from gan.runs.run_files import read_json_or_empty
from gan.runs.sweep_jobs import run_overrides
from gan.system import process


@contextlib.contextmanager
def known_command(config: DictConfig) -> Iterator[None]:
    """Inside the block, all processes know the command and the overrides of this run, for run.json.

    A run that is resumed before its first checkpoint starts again: its first command, with the changes, repeats it.
    """
    if process.is_rank() or not HydraConfig.initialized():
        yield
        return
    known = {"overrides": run_overrides(command_line.task_words())}
    folder = OmegaConf.select(config, "resume.run", default=None)
    if folder not in (None, resume.AUTO) and not newest_first(Path(folder)):
        first, changes = read_json_or_empty(Path(folder) / file_names.FACTS), command_line.current().changes
        known |= {name: [*first[name], *changes] for name in run_end.STARTED_BY if first.get(name)}
    with process.as_parent(**known):
        yield
