"""What one look of `callbacks.projector` costs: 256 real and 256 fake images through D, and the files for TensorBoard.

OMP_NUM_THREADS=1 python benchmarks/projector_cost.py
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from gan.training.build import build_data, build_game, build_trainer  # noqa: E402  # of this checkout
from gan.training.callbacks import FeatureProjector  # noqa: E402

RECIPES = ("quickstart", "slides_mnist", "ten_minutes", "sngan_resnet", "r3gan")
LOOKS = 5
SHORT = ("data=mnist_sample", "logger=tensorboard", "trainer.max_epochs=1", "trainer.limit_train_batches=3")


def main() -> None:
    print(f"{torch.get_num_threads()} thread(s); medians of {LOOKS}")
    for recipe in RECIPES:
        with tempfile.TemporaryDirectory() as folder:
            seconds, size = look(recipe, Path(folder))
        print(f"{recipe:13s} {seconds:.2f} s  {size / 1e6:.2f} MB", flush=True)


def look(recipe: str, folder: Path) -> tuple[float, int]:
    """Seconds of a look, and the bytes that it leaves."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("config", [f"experiment={recipe}", *SHORT, f"run_dir={folder}"])
    settings = OmegaConf.to_container(config, resolve=True)
    assert isinstance(settings, dict)
    data = build_data(settings)
    data.setup()
    game = build_game(settings, data)
    trainer = build_trainer({**settings, "callbacks": {}})
    trainer.fit(game, datamodule=data)
    projector = FeatureProjector()
    times = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        projector.on_train_end(trainer, game)
        times.append(time.perf_counter() - began)
    written = (folder / "tensorboard" / "projector").rglob("*.*")
    return statistics.median(times), sum(path.stat().st_size for path in written)


if __name__ == "__main__":
    main()
