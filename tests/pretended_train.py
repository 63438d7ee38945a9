"""A train.py that only pretends: it leaves what a run leaves, or has the fate that FATES, as JSON, has for its seed."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from gan.launch import hydra_job
from gan.system import process, signals
from gan.system.errors import ConfigError

FATES = "PRETENDED_FATES"
SLEEPS = "PRETENDED_SLEEPS"  # seconds that jobs take, in turn by their number: "8 1 2 1"
SEEN = ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES")


@hydra.main(version_base="1.3", config_path=None, config_name="config")
@hydra_job.job
def main(config: DictConfig) -> int:
    settings = hydra_job.resolved(config)
    run, fate = Path(settings["run_dir"]), json.loads(os.environ.get(FATES, "{}")).get(str(settings["seed"]), "")
    if fate == "broken":
        raise ConfigError(f"seed: {settings['seed']} given, another one expected")
    (run / "config.yaml").write_text(yaml.safe_dump(settings))
    (run / "process").write_text(str(os.getpid()))
    if fate == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "endless" or (fate == "endless once" and not (run / "stopped").exists()):
        wait_until_stopped(run)
    if fate.startswith("meets "):
        meet(run, fate.split()[1])
    if lengths := os.environ.get(SLEEPS, "").split():
        time.sleep(float(lengths[HydraConfig.get().job.num % len(lengths)]))
    seen = {name: os.environ.get(name) for name in SEEN}
    facts = {"ended": {"epochs": 2}, "seen": seen, "resume": config.resume.run, "command": process.current().is_job}
    (run / "run.json").write_text(json.dumps(facts))
    return 0


def meet(run: Path, seed: str) -> None:
    """Wait for another job, which is there only if both run at the same time."""
    last = time.monotonic() + 100
    while not list(run.parent.glob(f"seed-{seed}_*/process")):
        if time.monotonic() > last:
            raise ConfigError(f"seed {seed} is not there")
        time.sleep(0.05)


def wait_until_stopped(run: Path) -> None:
    try:
        time.sleep(1000)
    except signals.Stopped as stop:
        (run / "stopped").write_text(stop.name)
        raise


if __name__ == "__main__":
    sys.exit(hydra_job.run_command(main))
