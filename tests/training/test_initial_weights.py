"""Fine-tuning: networks that start from the weights of another run (``model.init_from``, ``model.freeze_d``)."""

import shutil
from pathlib import Path

import pytest
import torch
import yaml
from train_command import Train, run_train, train_here, train_in

from gan.game.ema import GeneratorEMA
from gan.game.latents import Prior
from gan.game.networks import DCGANDiscriminator, MLPDiscriminator, MLPGenerator
from gan.game.penalties import Clipping
from gan.game.updates import Game
from gan.generators.bundle import load_generator
from gan.runs.checkpoint_io import load
from gan.system.errors import ConfigError
from gan.training.game_module import GameModule
from gan.training.initial_weights import freeze, start_from

SMALL = ("model.generator.hidden=[8]", "model.discriminator.hidden=[8,8]", "trainer.limit_train_batches=3")
QUIET = ("callbacks.quality=null", "callbacks.projector=null", "trainer.max_epochs=1", "data.batch_size=32")


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Train:
    run = train_in(tmp_path, monkeypatch, capfd)
    return lambda *words: run(*SMALL, *QUIET, *words)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    words = (*SMALL, *QUIET, "data=mnist_sample", "ema=standard", "ema.rampup=null", "hydra.run.dir=source")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert train_here(folder, monkeypatch, *words) == 0
    return folder / "source"


@pytest.fixture
def source(tmp_path: Path, trained: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "source"))


def game(seed: int, *, ema: bool = True, hidden: int = 8) -> GameModule:
    torch.manual_seed(seed)
    generator = MLPGenerator(latent_dim=100, image_shape=(1, 28, 28), hidden=[hidden])
    discriminator = MLPDiscriminator(image_shape=(1, 28, 28), hidden=[8, 8], dropout=0.3)
    average = GeneratorEMA(generator) if ema else None
    return GameModule(generator, discriminator, prior=Prior("normal", 100), ema=average)


def weights(checkpoint: Path, prefix: str) -> dict[str, torch.Tensor]:
    state = load(checkpoint)["state_dict"]
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def equal(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("place", ["", "checkpoints/last.ckpt"])
def test_both_networks_and_the_average_get_the_weights_of_a_run(source: Path, place: str) -> None:
    made, last = game(5), source / "checkpoints" / "last.ckpt"
    start_from(made, str(source / place))
    assert equal(made.generator.state_dict(), weights(last, "generator."))
    assert equal(made.discriminator.state_dict(), weights(last, "discriminator."))
    assert made.ema is not None
    assert equal(made.ema.network.state_dict(), weights(last, "ema.network."))
    assert not equal(made.ema.network.state_dict(), made.generator.state_dict())
    start_from(game(6, ema=False), str(source))


def test_latest_is_resolved_before_the_run_begins(train: Train, source: Path) -> None:
    shutil.copytree(source, source.parent / "outputs/2026-01-01/00-00-00")
    words = ("data=mnist_sample", "ema=standard", "model.init_from=latest", "hydra.run.dir=outputs/2026-01-02/00-00-00")
    assert train(*words).returncode == 0
    settings = yaml.safe_load((source.parent / "outputs/2026-01-02/00-00-00/config.yaml").read_text())
    assert settings["model"]["init_from"] == "outputs/2026-01-01/00-00-00"


def test_a_bundle_gives_its_generator_to_the_generator_and_its_average(source: Path) -> None:
    made = game(5)
    before = {name: tensor.clone() for name, tensor in made.discriminator.state_dict().items()}
    start_from(made, str(source / "generator.safetensors"))
    expected = load_generator(source).generator.state_dict()
    assert equal(made.generator.state_dict(), expected)
    assert made.ema is not None
    assert equal(made.ema.network.state_dict(), expected)
    assert equal(made.discriminator.state_dict(), before)


def test_layers_are_not_frozen_at_random_weights(train: Train, source: Path) -> None:
    with pytest.raises(ConfigError, match=r"model.freeze_d: .* has no discriminator, so random weights would be kept"):
        start_from(game(5), str(source / "generator.safetensors"), needs_discriminator=True)
    ended = train("data=mnist_sample", "model.freeze_d=1")
    assert ended.returncode == 2
    assert "starts from random weights; model.init_from=RUN expected too" in ended.stderr


def test_other_networks_are_refused_with_the_first_difference(source: Path) -> None:
    with pytest.raises(ConfigError, match=r"generator is a different network: .* is \(8, 100\) there and \(9, 100\)"):
        start_from(game(5, hidden=9), str(source))


def test_a_source_that_does_not_exist_or_is_something_else_is_refused(tmp_path: Path, source: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for name, message in {
        "absent": "does not exist; a run folder, a checkpoint",
        "empty": "has no checkpoint and no generator.safetensors",
        "text.ckpt": "text.ckpt",
        "source/config.yaml": "not a safetensors file",
    }.items():
        with pytest.raises(ConfigError, match=f"model.init_from: .*{message}"):
            start_from(game(5), str(tmp_path / name))


def test_training_starts_from_the_weights_and_can_be_resumed_without_them(train: Train, source: Path) -> None:
    slow = ("data=fashion_sample", "optimizer.lr=1e-9", "ema=standard", "model.init_from=source", "hydra.run.dir=tuned")
    assert train(*slow).returncode == 0
    last = source.parent / "tuned" / "checkpoints" / "last.ckpt"
    for prefix in ("generator.", "discriminator."):
        before, after = weights(source / "checkpoints" / "last.ckpt", prefix), weights(last, prefix)
        assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    shutil.rmtree(source)
    assert train("resume=tuned", "trainer.max_epochs=2").returncode == 0


def test_a_wrong_source_is_one_message_and_leaves_nothing_behind(train: Train, tmp_path: Path) -> None:
    ended = train("data=mnist_sample", "model.init_from=nowhere", "hydra.run.dir=tuned")
    assert ended.returncode == 2
    assert "model.init_from: nowhere does not exist; a run folder, a checkpoint (.ckpt) or" in ended.stderr
    assert not (tmp_path / "tuned").exists()


@pytest.mark.slow
def test_a_wrong_source_that_two_processes_find_leaves_nothing_behind_either(tmp_path: Path) -> None:
    words = ("data=mnist_sample", "trainer.devices=2", "model.init_from=nowhere")
    ended = run_train(tmp_path, *SMALL, *QUIET, *words, "hydra.run.dir=tuned")
    assert ended.returncode == 2
    assert ended.stderr.startswith("model.init_from: nowhere does not exist; a run folder, a checkpoint (.ckpt) or")
    assert not (tmp_path / "tuned").exists()


@pytest.mark.slow
def test_the_same_in_a_run_that_is_resumed_before_it_wrote_anything_keeps_its_settings(source: Path) -> None:
    interrupted = source.parent / "interrupted"
    interrupted.mkdir()
    settings = (source / "config.yaml").read_text()
    (interrupted / "config.yaml").write_text(settings.replace("init_from: null", "init_from: nowhere"))
    again = ("resume=interrupted", "trainer.devices=2", "resume.allow=[trainer.devices]")
    ended = run_train(source.parent, *again)
    assert ended.returncode == 2
    assert "model.init_from: nowhere does not exist" in ended.stderr
    assert "init_from: nowhere" in (interrupted / "config.yaml").read_text()


def test_frozen_layers_keep_their_weights(train: Train, source: Path) -> None:
    words = ("data=fashion_sample", "model.init_from=source", "model.freeze_d=1", "hydra.run.dir=tuned")
    assert train(*words).returncode == 0
    before = weights(source / "checkpoints" / "last.ckpt", "discriminator.")
    after = weights(source.parent / "tuned" / "checkpoints" / "last.ckpt", "discriminator.")
    changed = [not torch.equal(before[name], after[name]) for name in before if name.endswith("weight")]
    assert changed == [False, True, True]


def test_clipping_does_not_change_frozen_layers() -> None:
    networks = game(0)
    made = Game(networks.generator, networks.discriminator, prior=Prior("normal", 100), penalty=Clipping(limit=0.001))
    freeze(made.discriminator, 1)
    before = {name: tensor.clone() for name, tensor in made.discriminator.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in made.discriminator.parameters() if p.requires_grad], lr=0.1)
    assert made.update_discriminator(torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.int64), optimizer)
    after = made.discriminator.state_dict()
    first, second, *_ = (name for name in before if name.endswith("weight"))
    assert torch.equal(after[first], before[first])
    assert after[second].abs().max() <= 0.0011


@pytest.mark.parametrize("spectral_norm", [False, True])
def test_layers_are_counted_from_the_image(spectral_norm: bool) -> None:
    made = DCGANDiscriminator(image_shape=(1, 28, 28), base_channels=4, spectral_norm=spectral_norm)
    freeze(made, 1)
    of_first = [parameter for name, parameter in made.named_parameters() if name.startswith("trunk.layers.0.")]
    assert len(of_first) > 1  # the bias too
    assert not any(parameter.requires_grad for parameter in of_first)
    frozen = [name for name, parameter in made.named_parameters() if not parameter.requires_grad]
    assert {name.split(".")[2] for name in frozen} == {"0"}
    with pytest.raises(ConfigError, match=r"freeze_d: 9 given, and at most 2 layers of this discriminator can be"):
        freeze(made, 9)
