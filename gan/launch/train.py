"""Training command: the story of a run. `python train.py …` and `gan train …` call it."""

import sys
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from gan.config.options.conf_files import CONF
from gan.launch import hydra_job
from gan.runs import run_folder
from gan.system import process


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
@hydra_job.job
def main(config: DictConfig) -> int:
    """Validate the settings, claim a run folder, build, train and report; or resume an interrupted run."""
    processes = 1
    with run_folder.undo_on_failure(Path(HydraConfig.get().runtime.output_dir)):
        from gan.launch import dry_run, preflight, results, summary
        from gan.training import build, heartbeat, strategy  # here: --help must not wait for torch

        settings, past = hydra_job.resolve(config)
        preflight.check_devices(settings["trainer"], build.batch_size(settings))
        preflight.check_compiler(settings["model"]["compile"], settings["trainer"]["accelerator"])
        preflight.check_folders(settings)
        build.set_up_process()
        if settings["dry_run"]:
            print(dry_run.show(settings, sys.argv[1:]))
            return 0

        beat = heartbeat.begin()
        data = build.build_data(settings)
        if process.is_rank():
            strategy.use_prepared(data)
        data.setup()
        preflight.check_data(settings, data)
        if process.is_first() and not process.is_rank():  # the launcher has claimed the folder of a rank
            settings = hydra_job.claim_run_folder(config, settings, past)
        if not strategy.inside_a_launch():
            processes = strategy.process_count(settings["trainer"]["devices"], settings["trainer"]["accelerator"])
        if processes == 1:
            game = build.build_game(settings, data, with_weights=past is None or past.checkpoint is None)
            trainer = build.build_trainer(settings, past, beat)
    checkpoint = past.checkpoint if past else None
    if processes > 1:
        return hydra_job.launch(Path(settings["run_dir"]), checkpoint, processes)

    if trainer.is_global_zero:
        summary.record(settings, data, game, trainer, past)
        print(summary.before(settings, data, game, trainer, past))
    began = time.monotonic()
    with summary.early_end(trainer):
        trainer.fit(game, datamodule=data, ckpt_path=checkpoint)
    if trainer.is_global_zero:
        seconds = summary.training_seconds(trainer, time.monotonic() - began)
        summary.record_end(trainer, Path(settings["run_dir"]), seconds)
        print(results.after(data, trainer, seconds))
    return 0


def run() -> int:
    """Run the command line of this process, and return its exit code."""
    return hydra_job.run_command(main)
