"""Train a GAN: `python train.py --help` shows how."""

import sys
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig

from gan import launch


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
@launch.job
def main(config: DictConfig) -> int:
    """Validate, build, fit, report."""
    from gan import build, parallel, summary  # here, so that --help need not wait for torch
    from gan.config import validate

    settings = launch.resolved(config)
    run_dir = Path(settings["run_dir"])
    one_of_several = parallel.inside_a_launch()
    with launch.clean_start(run_dir):
        validate(settings)
        parallel.check_devices(settings["trainer"], settings["data"]["batch_size"])
        build.set_up_process()
        data = build.build_data(settings)
        data.prepare_data()
        processes = parallel.process_count(settings["trainer"]["devices"], settings["trainer"]["accelerator"])
        if processes > 1 and not one_of_several:
            launch.claim_run_folder(settings)
            return parallel.launch(__file__, launch.child_arguments(run_dir), processes)

        data.setup()
        game = build.build_game(settings, data.image_shape)
        trainer = build.build_trainer(settings)
        if trainer.is_global_zero and not parallel.started_by_us():  # by us: our parent has claimed it
            launch.claim_run_folder(settings)

    if trainer.is_global_zero:
        summary.record(settings, data, trainer, run_dir)
        print(summary.before(settings, data, game, trainer))
    began = time.monotonic()
    trainer.fit(game, datamodule=data)
    if trainer.is_global_zero:
        print(summary.after(data, trainer, time.monotonic() - began))
    return 0


if __name__ == "__main__":
    sys.exit(launch.run_command(main))
