"""Checkpoints that describe their game: what is built again, what must be given, and what is refused."""

import functools
import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from plain_networks import ConditionalDiscriminator, ConditionalGenerator, Halved, pair
from tiny_runs import Play, few_images

import gan
from gan.game.augmentation import AdaptiveAugmentation, InstanceNoise, Pixels
from gan.game.ema import GeneratorEMA
from gan.game.gradients import UpdateRule
from gan.game.latents import Prior
from gan.game.learning_rates import Cosine
from gan.game.losses import AuxiliaryLosses, Hinge, LeastSquares, NonSaturating
from gan.game.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from gan.game.penalties import R1, Clipping
from gan.game.schedules import AlternatingEpochs, Steps
from gan.training.description import NotDescribed, build, node_of

KEPT = Path(__file__).parents[1] / "kept_runs" / "247fcdb"
SHAPE = (1, 6, 6)


def networks() -> tuple[MLPGenerator, MLPDiscriminator]:
    return MLPGenerator(latent_dim=5, image_shape=SHAPE, hidden=[4]), MLPDiscriminator(image_shape=SHAPE, hidden=[4])


def trained(game: gan.GAN, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """A checkpoint of the game after a few updates in a Trainer."""
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images())
    quiet = dict.fromkeys(("enable_progress_bar", "enable_model_summary", "enable_checkpointing", "logger"), False)
    trainer = L.Trainer(accelerator="cpu", max_epochs=1, default_root_dir=str(folder), limit_val_batches=0, **quiet)  # type: ignore[arg-type]
    trainer.fit(game, gan.ImageData("mnist_sample", batch_size=4))
    trainer.save_checkpoint(folder / "game.ckpt")
    return folder / "game.ckpt"


def same_weights(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    ours, theirs = one.state_dict(), two.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    "thing",
    [
        *(NonSaturating(), LeastSquares(real_target=0.9), Hinge(), R1(gamma=0.5, every=4), Clipping(limit=0.1)),
        *(Steps(n_critic=3), AlternatingEpochs(2, 1), Cosine(warmup=3, networks=("generator",))),
    ],
    ids=repr,
)
def test_an_object_becomes_a_node_and_again_the_object(thing: Any) -> None:
    assert node_of(build(node_of(thing))) == node_of(thing)
    assert type(build(node_of(thing))) is type(thing)


def test_a_node_is_what_a_configuration_has() -> None:
    assert node_of(R1(gamma=10.0)) == {"_target_": "gan.game.penalties.R1", "gamma": 10.0, "every": 1}
    network = DCGANGenerator(latent_dim=8, image_shape=(1, 28, 28), base_channels=4)
    assert node_of(network) == {
        "_target_": "gan.game.networks.dcgan.DCGANGenerator", "latent_dim": 8, "image_shape": [1, 28, 28],
        "base_channels": 4,
    }  # fmt: skip
    assert isinstance(build(node_of(network)), DCGANGenerator)
    discriminator = DCGANDiscriminator(image_shape=(1, 28, 28), num_classes=3, conditioning="projection")
    assert build(node_of(discriminator)).conditional


@pytest.mark.parametrize("thing", [pair()[0], ConditionalDiscriminator(), functools.partial(print), object])
def test_what_is_not_known_is_not_guessed(thing: Any) -> None:
    if thing is object:
        local = type("Local", (), {})
        local.__qualname__ = "test.<locals>.Local"
        thing = local()
    with pytest.raises(NotDescribed):
        node_of(thing)


def test_all_parts_of_a_game_are_built_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    generator, discriminator = networks()
    game = gan.GAN(
        generator,
        discriminator,
        prior=Prior("uniform", 5),
        objective=LeastSquares(real_target=0.9),
        penalty=R1(gamma=0.5, every=2),
        schedule=Steps(n_critic=2),
        lr_schedule=Cosine(warmup=2),
        augmentation=AdaptiveAugmentation(Pixels(-1.0, 1.0), policy=("translation",), every=2),
        ema=GeneratorEMA(generator, halflife_images=100),
        d_batch="concatenated",
        instance_noise=InstanceNoise(0.1, images=1000),
        auxiliary_losses=AuxiliaryLosses(class_weight=0.5),
        seed=3,
        generator_rule=UpdateRule(functools.partial(torch.optim.SGD, lr=0.01), clip_norm=1.0, accumulate=2),
        discriminator_rule=UpdateRule(functools.partial(torch.optim.Adam, lr=0.02, betas=(0.0, 0.9))),
    )
    loaded = gan.GAN.load_from_checkpoint(trained(game, monkeypatch, tmp_path))
    assert same_weights(loaded, game)
    names = ("prior", "objective", "penalty", "schedule", "instance_noise", "d_batch")
    for name in (*names, "auxiliary_losses", "seed", "num_classes", "turns", "d_updates", "g_updates", "images_seen"):
        assert getattr(loaded, name) == getattr(game, name), name
    assert node_of(loaded.lr_schedule) == node_of(game.lr_schedule)
    assert (loaded.generator_rule.clip_norm, loaded.generator_rule.accumulate) == (1.0, 2)
    rules = (loaded.generator_rule, loaded.discriminator_rule)
    assert [type(optimizer).__name__ for optimizer in loaded.configure_optimizers()] == ["Adam", "SGD"]
    assert [rule.optimizer.keywords["lr"] for rule in rules] == [0.01, 0.02]  # type: ignore[attr-defined]


def test_loading_draws_no_random_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = trained(gan.GAN(*networks()), monkeypatch, tmp_path)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    gan.GAN.load_from_checkpoint(path)
    assert torch.equal(torch.rand(3), expected)


def test_a_network_that_is_not_described_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    game = gan.GAN(*pair(), prior=Prior("normal", 3))
    path = trained(game, monkeypatch, tmp_path)
    with pytest.raises(gan.GanError) as raised:
        gan.GAN.load_from_checkpoint(path)
    unknown = "the checkpoint does not know the arguments of Sequential; give it: gan.GAN.load_from_checkpoint(PATH"
    assert str(raised.value).splitlines() == [
        f"{path}: generator: {unknown}, generator=…)",
        f"discriminator: {unknown}, discriminator=…)",
    ]
    generator, discriminator = pair()
    with pytest.raises(gan.GanError, match="no such setting; did you mean 'generator'"):
        gan.GAN.load_from_checkpoint(path, generater=generator, discriminator=discriminator)
    loaded = gan.GAN.load_from_checkpoint(path, generator=generator, discriminator=discriminator, weights_only=True)
    assert same_weights(loaded, game)


def test_an_argument_that_is_no_attribute_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = trained(gan.GAN(networks()[0], ConditionalDiscriminator()), monkeypatch, tmp_path)
    with pytest.raises(gan.GanError, match="does not know 'width' of ConditionalDiscriminator, which has no attribute"):
        gan.GAN.load_from_checkpoint(path)
    gan.GAN.load_from_checkpoint(path, discriminator=ConditionalDiscriminator())


def test_a_class_of_another_package_needs_trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    game = gan.GAN(ConditionalGenerator(width=7), networks()[1], penalty=Halved(gamma=0.5))
    path = trained(game, monkeypatch, tmp_path)
    with pytest.raises(gan.GanError, match=r'add trust=\["plain_networks"\]') as raised:
        gan.GAN.load_from_checkpoint(path)
    assert "penalty._target_: 'plain_networks.Halved' given" in str(raised.value)
    loaded = gan.GAN.load_from_checkpoint(path, trust=["plain_networks"])
    assert same_weights(loaded, game)
    assert loaded.penalty == game.penalty
    monkeypatch.setenv("GAN_TRUST", "plain_networks")
    assert same_weights(gan.GAN.load_from_checkpoint(path), game)


@pytest.mark.parametrize(
    ("part", "node", "message"),
    [
        ("penalty", {"_target_": "torch.hub.load", "repo_or_dir": "x", "model": "y"}, "a Penalty expected"),
        ("generator", {"_target_": "torch.load", "f": "x"}, "a Module expected"),
        ("objective", {"_target_": "os.system", "command": "true"}, r'trust=\["os"\]'),
        ("penalty", {"_target_": "gan.game.penalties.R1", "gama": 1.0}, "did you mean 'gamma'"),
        ("penalty", {"_target_": "gan.game.penalties.R1", "gamma": -1.0}, "greater than 0"),
    ],
    ids=lambda value: value["_target_"] if isinstance(value, dict) else None,
)
def test_a_description_that_someone_has_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: str, node: dict[str, Any], message: str
) -> None:
    path = trained(gan.GAN(*networks()), monkeypatch, tmp_path)
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["description"][part] = node
    torch.save(checkpoint, path)
    with pytest.raises(gan.GanError, match=message):
        gan.GAN.load_from_checkpoint(path)


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1], {"thing": Path("x")}], ids=str)
def test_files_that_are_no_checkpoint_of_a_game(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(gan.GanError, match=r"other\.ckpt: not a (readable )?checkpoint"):
        gan.GAN.load_from_checkpoint(tmp_path / "other.ckpt")
    with pytest.raises(gan.GanError, match=r"none\.ckpt: No such file"):
        gan.GAN.load_from_checkpoint(tmp_path / "none.ckpt")


def test_the_checkpoint_of_a_run_needs_no_data(play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = play("ema=standard", "penalty=r1", "trainer.max_epochs=1")
    run.trainer.save_checkpoint(tmp_path / "run.ckpt")
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: pytest.fail("read the data"))
    loaded = gan.GAN.load_from_checkpoint(tmp_path / "run.ckpt")
    assert same_weights(loaded, run.game)
    assert (loaded.penalty, loaded.g_updates) == (run.game.penalty, run.game.g_updates)
    with pytest.raises(gan.GanError, match="penalty given, but the checkpoint of a run describes all parts"):
        gan.GAN.load_from_checkpoint(tmp_path / "run.ckpt", penalty=R1())


@pytest.mark.parametrize("place", ["data", "penalty", "callbacks"])
def test_a_class_in_the_settings_of_a_run_is_not_imported_without_trust(
    play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    """Settings of the images are used for runs of earlier versions; those of callbacks are not used at all."""
    play("trainer.max_epochs=1").trainer.save_checkpoint(tmp_path / "run.ckpt")
    checkpoint = torch.load(tmp_path / "run.ckpt", weights_only=True)
    checkpoint["hyper_parameters"][place] = {"_target_": "strange_package.Thing", "batch_size": 4}
    checkpoint["description"] = {}  # as of an earlier version, for which the images are read
    torch.save(checkpoint, tmp_path / "changed.ckpt")
    (tmp_path / "strange_package.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images())
    if place == "callbacks":
        gan.GAN.load_from_checkpoint(tmp_path / "changed.ckpt")
    else:
        with pytest.raises(
            gan.GanError, match=rf"{place}\._target_: 'strange_package.Thing' given\nA checkpoint imports"
        ):
            gan.GAN.load_from_checkpoint(tmp_path / "changed.ckpt")
    assert "strange_package" not in sys.modules


def test_checkpoints_of_earlier_versions() -> None:
    path = KEPT / "finished" / "checkpoints" / "last.ckpt"
    loaded = gan.GAN.load_from_checkpoint(path)
    saved = torch.load(path, weights_only=True)
    assert loaded.g_updates == saved["game"]["g_updates"] > 0
    weights = loaded.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in saved["state_dict"].items())
