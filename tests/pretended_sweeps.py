"""Sweeps of jobs that only pretend to train, in this process."""

import json
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import hydra
import pytest
import yaml
from omegaconf import DictConfig

from gan.launch import hydra_job
from gan.system import signals
from gan.system.errors import ConfigError

ROOT = Path(__file__).parent.parent
SCRIPT = Path(__file__).with_name("pretended_train.py")
# As conf/, in what a sweep can tell, and composed in a tenth of the time.
CONF = {
    "config.yaml": f"""
        defaults: [_self_, {{model: mlp}}, override hydra/sweeper: grid]
        seed: 0
        dry_run: false
        run_dir: ${{hydra:runtime.output_dir}}
        resume: {{run: null, allow: []}}
        data: {{name: mnist, root: here}}
        trainer: {{max_epochs: 2, default_root_dir: "${{run_dir}}"}}
        optimizer: {{lr: 2e-4}}
        callbacks: {{quality: {{n: 2000}}}}
        hydra:
          searchpath: ["file://{ROOT / "conf"}"]
          sweep: {{dir: "multirun/${{now:%Y-%m-%d}}/${{now:%H-%M-%S}}"}}
          output_subdir: null
    """,
    "model/mlp.yaml": "name: mlp",
    "model/dcgan.yaml": "{name: dcgan, deep: 1}",
}


class Killed(BaseException):
    """As by ``kill -9``: nobody on the way takes it for anything."""


@dataclass
class Sweeps:
    """``sweeps("seed=0,1")`` gives that command with ``-m``: its exit code.

    Attributes:
        trained: the seed and learning rate of every job, in order.
        killed_at: seeds whose job is killed, once, when its settings are written. stopped_at: whose gets a SIGTERM.
        quality: of a job, by its learning rate. more: measures, too.
        broken: seeds whose job fails. hopeless: by its learning rate, whose search ends it early.
        resumed: what each job was told to go on with.
        script: that is run where a job has a process of its own.
    """

    folder: Path
    conf: Path
    patch: pytest.MonkeyPatch
    trained: list[tuple[int, float]] = field(default_factory=list)
    killed_at: set[int] = field(default_factory=set)
    stopped_at: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    quality: Callable[[float], float] = lambda lr: lr
    hopeless: Callable[[float], bool] = lambda lr: False
    more: dict[str, Callable[[float], float]] = field(default_factory=dict)
    resumed: list[object] = field(default_factory=list)
    script: Path = SCRIPT

    def __call__(self, *words: str) -> int:
        self.patch.setattr(sys, "argv", [str(self.script), "-m", *words])
        main = hydra.main(version_base="1.3", config_path=str(self.conf), config_name="config")
        return hydra_job.run_command(main(hydra_job.job(self._train)))

    def _train(self, config: DictConfig) -> int:
        settings = hydra_job.resolved(config)
        run, seed = Path(settings["run_dir"]), settings["seed"]
        run.mkdir(parents=True, exist_ok=True)
        (run / "config.yaml").write_text(yaml.safe_dump(settings))
        self.trained.append((seed, settings["optimizer"]["lr"]))
        self.resumed.append(config.resume.run)
        self._fate(seed)
        lr = settings["optimizer"]["lr"]
        ended = {"epochs": 2, "quality/fcd": self.quality(lr)} | {name: of(lr) for name, of in self.more.items()}
        (run / "run.json").write_text(json.dumps({"ended": ended}))
        if self.hopeless(lr):
            (run / "pruned.json").write_text('{"measurement": 1}')
        return 0

    def _fate(self, seed: int) -> None:
        if seed in self.killed_at:
            self.killed_at.remove(seed)
            raise Killed
        if seed in self.stopped_at:
            raise signals.Stopped(15)
        if seed in self.broken:
            raise ConfigError(f"seed: {seed} given, another one expected")

    @property
    def folders(self) -> list[Path]:
        """Of the jobs of all sweeps, by name."""
        return sorted((path.parent for path in self.folder.rglob("config.yaml")), key=lambda path: path.name)


def write_configuration(folder: Path) -> Path:
    for name, text in CONF.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder
