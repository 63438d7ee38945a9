"""Train a GAN: `python train.py --help` shows how."""

import sys
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig

from gan import endings, launch, run_folder


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
@launch.job
def main(config: DictConfig) -> int:
    """Validate, take a run folder, build, fit, report; or go on with a run that has ended early."""
    from gan import build, dry_run, parallel, preflight, ranks, summary  # here, so that --help need not wait for torch
    from gan.config import validate

    processes = 1
    with run_folder.clean_start(Path(str(config.run_dir))):
        settings, past = launch.settle(config)
        validate(settings)
        preflight.check_devices(settings["trainer"], build.batch_size(settings))
        preflight.check_compiler(settings["model"]["compile"])
        build.set_up_process()
        if settings["dry_run"]:
            print(dry_run.show(settings, sys.argv[1:]))
            dry_run.remove_empty(Path(settings["run_dir"]))
            return 0

        data = build.build_data(settings)
        if endings.started_by_us():
            parallel.use_prepared(data)
        data.setup()
        preflight.check_minibatches(settings["trainer"]["limit_train_batches"], len(data.train_dataloader()))
        if endings.is_first() and not endings.started_by_us():  # by us: our parent has taken the folder
            settings = launch.take_run_folder(config, settings, past)
        if not parallel.inside_a_launch():
            processes = parallel.process_count(settings["trainer"]["devices"], settings["trainer"]["accelerator"])
        if processes == 1:
            game = build.build_game(settings, data)
            trainer = build.build_trainer(settings, past)
    checkpoint = past.checkpoint if past else None
    if processes > 1:
        return ranks.launch(__file__, launch.child_arguments(Path(settings["run_dir"]), checkpoint), processes)

    if trainer.is_global_zero:
        summary.record(settings, data, trainer, Path(settings["run_dir"]), past)
        print(summary.before(settings, data, game, trainer, past))
    began = time.monotonic()
    with summary.early_end(trainer):
        trainer.fit(game, datamodule=data, ckpt_path=checkpoint)
    if trainer.is_global_zero:
        seconds = summary.training_seconds(trainer, time.monotonic() - began)
        summary.record_end(trainer, Path(settings["run_dir"]), seconds)
        print(summary.after(data, trainer, seconds))
    return 0


if __name__ == "__main__":
    sys.exit(launch.run_command(main))
