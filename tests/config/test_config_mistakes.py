"""Settings that cannot run: every mistake is told in words that mend it, and all of them at once."""

import inspect
from collections.abc import Callable
from typing import Any

import lightning.pytorch as L
import pytest
import torch
from config_problems import problems
from tiny_runs import Compose


def settings_of(called: Callable[..., Any], *also: str) -> str:
    return ", ".join(sorted([*inspect.signature(called).parameters, *also]))


def settings_of_optimizer(called: Callable[..., Any], *also: str) -> str:
    """Without the parameters of the network, which are no setting."""
    return ", ".join(sorted({*inspect.signature(called).parameters, *also} - {"params"}))


# The command line's words, and the one message that they get
RULE = ("clip_norm", "accumulate")
ADAM = settings_of_optimizer(torch.optim.Adam, *RULE)
ADAM_OF_BOTH = settings_of_optimizer(torch.optim.Adam, *RULE, "generator", "discriminator")
TRAINER = settings_of(L.Trainer)
NETWORK = "activation, conditioning, dropout, hidden, negative_slope, normalization"
TOP = (
    "augmentation, callbacks, data, dry_run, ema, game, logger, lr_schedule, model, objective, optimizer, penalty, "
    "run_dir, schedule, seed, trainer"
)
MISSPELT = {
    "+data.batch_sise=3": "data.batch_sise: no such setting; did you mean 'batch_size'? settings: batch_size, "
    "batch_size_of, class_order, dataset, download, drop_last, file, fit, flip, folder, held_out, image_channels, "
    "image_size, mean, name, of, on_broken, on_missing, root, shuffle, split, std",
    "+model.latent_dimm=3": "model.latent_dimm: no such setting; did you mean 'latent_dim'? settings: "
    "channels_last, clusters, codes, compile, discriminator, freeze_d, generator, init_from, latent_dim, prior",
    "+model.generator.dropuot=0.1": "model.generator.dropuot: no such setting; did you mean 'dropout'? "
    f"settings: {NETWORK}",
    "+model.discriminator.widths=[8]": f"model.discriminator.widths: no such setting; settings: {NETWORK}, "
    "spectral_norm",
    "+objective.real_targt=1": "objective.real_targt: no such setting; did you mean 'real_target'? settings: "
    "real_target",
    "+game.d_bach=one_pass": "game.d_bach: no such setting; did you mean 'd_batch'? settings: auxiliary_losses, "
    "d_batch, instance_noise",
    "+game.instance_noise.sdt=0.1": "game.instance_noise.sdt: no such setting; did you mean 'std'? settings: images, "
    "std",
    "game.d_batch=joint": "game.d_batch: no such option 'joint'; choices: concatenated, one_pass, separate",
    "game.instance_noise.std=-0.1": "game.instance_noise.std: -0.1 given, 0 or more expected",
    "game.instance_noise.images=0": "game.instance_noise.images: 0 given, 1 or more expected",
    "game.auxiliary_losses.class_weight=-1": "game.auxiliary_losses.class_weight: -1 given, 0 or more expected",
    "+schedule.n_critc=2": "schedule.n_critc: no such setting; did you mean 'n_critic'? settings: n_critic, "
    "reuse_fakes",
    "+optimizer.lrr=1": f"optimizer.lrr: no such setting; did you mean 'lr'? settings: {ADAM_OF_BOTH}",
    "+optimizer.generator.beta=1": f"optimizer.generator.beta: no such setting; did you mean 'betas'? settings: {ADAM}",
    "+trainer.max_epoch=3": f"trainer.max_epoch: no such setting; did you mean 'max_epochs'? settings: {TRAINER}",
    "+callbacks.samples.cuont=3": "callbacks.samples.cuont: no such setting; did you mean 'count'? "
    "settings: count, points, scale",
    "+logger.csv.folder=x": "logger.csv.folder: no such setting; settings: save_dir",
    "+sede=1": f"sede: no such setting; did you mean 'seed'? settings: {TOP}",
    "+wandb=1": f"wandb: no such setting; settings: {TOP}",
}
WRONG_NAME = {
    "data.name=mnsit": "data.name: no such option 'mnsit'; did you mean 'mnist'? choices: array, "
    "cifar10, emnist, fashion, fashion_sample, folder, grid, kmnist, mnist, mnist_sample, qmnist, ring, stacked_mnist, "
    "torchvision",
    "data.on_missing=stop": "data.on_missing: no such option 'stop'; choices: error, sample",
    "model.generator._target_=gan.game.networks.MPLGenerator": "model.generator._target_: "
    "'gan.game.networks.MPLGenerator' given, and gan.game.networks has no 'MPLGenerator'; did you mean 'MLPGenerator'?",
    "model.prior=norm": "model.prior: no such option 'norm'; did you mean 'normal'? choices: normal, uniform",
    "model.generator.activation=gelu": "model.generator.activation: no such option 'gelu'; did you mean 'relu'? "
    "choices: leaky_relu, relu",
    "objective._target_=gan.game.losses.Minmax": "objective._target_: 'gan.game.losses.Minmax' given, and "
    "gan.game.losses has no 'Minmax'; did you mean 'Minimax'?",
    "schedule._target_=gan.game.schedules.Step": "schedule._target_: 'gan.game.schedules.Step' given, and "
    "gan.game.schedules has no 'Step'; did you mean 'Steps'?",
    "optimizer._target_=torch.optim.Adan": "optimizer._target_: 'torch.optim.Adan' given, and torch.optim has no "
    "'Adan'; did you mean 'Adam'?",
    "callbacks.samples._target_=gan.callbacks.Sample": "callbacks.samples._target_: 'gan.callbacks.Sample' given, and "
    "gan.callbacks has no 'Sample'; did you mean 'SampleGrids'?",
    "optimizer._target_=torch": "optimizer._target_: 'torch' given, a dotted name such as package.module.Class "
    "expected",
}
WRONG_TYPE = {
    "seed=abc": "seed: 'abc' given, an integer from 0 to 2**32 - 1 expected",
    "seed=null": "seed: None given, an integer from 0 to 2**32 - 1 expected",
    "seed=true": "seed: True given, an integer from 0 to 2**32 - 1 expected",
    "data.batch_size=abc": "data.batch_size: 'abc' given, an integer expected",
    "data.batch_size=1.5": "data.batch_size: 1.5 given, an integer expected",
    "data.batch_size=true": "data.batch_size: True given, an integer expected",
    "data.shuffle=maybe": "data.shuffle: 'maybe' given, true or false expected",
    "data.root=5": "data.root: 5 given, a string expected; to give it as a string: 'data.root=\"5\"'",
    "data.split=3": "data.split: 3 given, a string or null expected; to give it as a string: 'data.split=\"3\"'",
    "model.generator.hidden=8": "model.generator.hidden: 8 given, a list of integers expected",
    "model.generator.hidden=[8,a]": "model.generator.hidden: [8, 'a'] given, a list of integers expected",
    "model.generator=null": "model.generator: None given, a node with a _target_ expected",
    "model.discriminator=5": "model.discriminator: 5 given, a node with a _target_ expected",
    "objective.real_target=high": "objective.real_target: 'high' given, a number expected",
    "schedule.n_critic=2.5": "schedule.n_critic: 2.5 given, an integer expected",
    "trainer.max_epochs=abc": "trainer.max_epochs: 'abc' given, an integer or null expected",
    "trainer.deterministic=maybe": "trainer.deterministic: 'maybe' given, true or false or warn or null expected",
    "callbacks.samples.count=1.5": "callbacks.samples.count: 1.5 given, an integer expected",
    "callbacks.samples=5": "callbacks.samples: 5 given, a node with a _target_ expected",
    "logger.csv.save_dir=5": "logger.csv.save_dir: 5 given, a string expected; to give it as a string: "
    "'logger.csv.save_dir=\"5\"'",
    "~optimizer._target_": "optimizer: a node with a _target_ expected",
}
OUT_OF_RANGE = {
    "seed=-1": "seed: -1 given, an integer from 0 to 2**32 - 1 expected",
    "seed=4294967296": "seed: 4294967296 given, an integer from 0 to 2**32 - 1 expected",
    "data.batch_size=0": "data.batch_size: 0 given, 1 or more expected",
    "data.mean=nan": "data.mean: nan given, a finite number expected",
    "data.std=inf": "data.std: inf given, a finite number expected",
    "data.std=0": "data.std: 0 given, greater than 0 expected",
    "model.latent_dim=0": "model.latent_dim: 0 given, 1 to 65,536 expected",
    "model.generator.hidden=[]": "model.generator.hidden: [] given, 1 to 256 of them, each 1 to 65,536 expected",
    "model.generator.hidden=[8,0]": "model.generator.hidden: [8, 0] given, 1 to 256 of them, each 1 to 65,536 expected",
    "model.discriminator.dropout=1": "model.discriminator.dropout: 1 given, in [0, 1) expected",
    "model.discriminator.negative_slope=-1": "model.discriminator.negative_slope: -1 given, 0 or more expected",
    "objective.real_target=0": "objective.real_target: 0 given, in (0, 1] expected",
    "objective.real_target=1.1": "objective.real_target: 1.1 given, in (0, 1] expected",
    "schedule.n_critic=0": "schedule.n_critic: 0 given, 1 or more expected",
    "optimizer.lr=-1": "optimizer.lr: -1 given, a number greater than 0 expected",
    "optimizer.discriminator.lr=-1": "optimizer.discriminator.lr: -1 given, a number greater than 0 expected",
    "optimizer.betas=[0.5,1.5]": "optimizer.betas: [0.5, 1.5] given, numbers in [0, 1) expected",
    "+optimizer.generator.betas=[-1,0.9]": "optimizer.generator.betas: [-1.0, 0.9] given, numbers in [0, 1) expected",
    "+trainer.min_epochs=30": "trainer.min_epochs: 30 given, at most trainer.max_epochs, 20, expected",
    "trainer.max_epochs=0": "trainer.max_epochs: 0 given, 1 or more expected (or -1 with trainer.max_steps, in "
    "generator updates, or trainer.max_time)",
    "trainer.max_time=00:00:00:00": "trainer.max_time: '00:00:00:00' given, a time above 0 as DD:HH:MM:SS (days, "
    "hours, minutes, seconds), such as 00:01:30:00, or {hours: 1}, or null expected",
    "trainer.max_epochs=-1": "trainer.max_epochs: -1 given, 1 or more expected (or -1 with trainer.max_steps, in "
    "generator updates, or trainer.max_time)",
}
NOT_FOR_US = {
    "optimizer._target_=os.system": "optimizer._target_: 'os.system' given, an Optimizer expected",
    "callbacks.samples._target_=subprocess.run": "callbacks.samples._target_: 'subprocess.run' given, a Callback "
    "expected",
    "logger.csv._target_=torchevil.Logger": "logger.csv._target_: 'torchevil.Logger' given, and there is no module "
    "'torchevil' on Python's path (PYTHONPATH=FOLDER adds a folder to it; only training looks in the current folder)",
    "trainer._target_=builtins.exec": "trainer._target_: 'builtins.exec' given, a Trainer expected",
    "penalty._target_=gan.game.losses.Hinge": "penalty._target_: 'gan.game.losses.Hinge' given, a Penalty expected",
    "objective._target_=gan.game.none": "objective._target_: 'gan.game.none' given, an Objective expected",
    "+trainer.gradient_clip_val=0.5": "trainer.gradient_clip_val: 0.5 given; use "
    "optimizer.clip_norm (or optimizer.generator.clip_norm, optimizer.discriminator.clip_norm)",
    "+trainer.accumulate_grad_batches=2": "trainer.accumulate_grad_batches: 2 given; use "
    "optimizer.accumulate, the number of parts of a minibatch",
    "trainer.strategy=fsdp": "trainer.strategy: 'fsdp' given, auto or ddp (both are our data-parallel strategy, "
    "gan.training.strategy) expected",
}


@pytest.mark.parametrize(
    ("override", "message"), [*(MISSPELT | WRONG_NAME | WRONG_TYPE | OUT_OF_RANGE | NOT_FOR_US).items()]
)
def test_a_mistake_gets_its_message_and_no_other(compose_settings: Compose, override: str, message: str) -> None:
    assert problems(compose_settings(override)) == [message]


def test_a_missing_node_is_named_and_a_missing_setting_has_its_default(compose_settings: Compose) -> None:
    assert problems(compose_settings("~model.generator")) == ["model.generator: missing"]
    assert problems(compose_settings("~schedule.n_critic", "~game.auxiliary_losses.class_weight", "~model.codes")) == []


@pytest.mark.parametrize("name", ["seed", "run_dir"])
def test_a_missing_part_is_named(compose_settings: Compose, name: str) -> None:
    settings = compose_settings()
    del settings[name]
    assert problems(settings) == [f"{name}: missing"]


def test_an_argument_that_is_missing_is_named(compose_settings: Compose) -> None:
    settings = compose_settings()
    del settings["logger"]["csv"]["save_dir"]
    assert problems(settings) == ["logger.csv.save_dir: missing"]


def test_all_problems_are_told_at_once(compose_settings: Compose) -> None:
    mistakes = {
        "seed=-1": OUT_OF_RANGE["seed=-1"],
        "data.batch_size=abc": WRONG_TYPE["data.batch_size=abc"],
        "data.std=0": OUT_OF_RANGE["data.std=0"],
        "+model.generator.dropuot=0.1": MISSPELT["+model.generator.dropuot=0.1"],
        "objective.real_target=0": OUT_OF_RANGE["objective.real_target=0"],
        "schedule.n_critic=0": OUT_OF_RANGE["schedule.n_critic=0"],
        "+optimizer.lrr=1": MISSPELT["+optimizer.lrr=1"],
        "trainer.max_epochs=abc": WRONG_TYPE["trainer.max_epochs=abc"],
        "callbacks.samples.count=1.5": WRONG_TYPE["callbacks.samples.count=1.5"],
        "logger.csv.save_dir=5": WRONG_TYPE["logger.csv.save_dir=5"],
    }
    assert problems(compose_settings(*mistakes)) == list(mistakes.values())


@pytest.mark.parametrize(
    "override",
    [
        "trainer=5",
        "trainer.devices=abc",
        "trainer.devices=0",
        "trainer.accelerator=xyz",
        "trainer.log_every_n_steps=0",
        "trainer.limit_train_batches=1.5",
        "callbacks.samples.count=0",
        "callbacks.progress.refresh_every=0",
        "callbacks.monitor._target_=torch.nn.Identity",
        "run_dir=null",
    ],
)
def test_a_mistake_that_lightning_would_find_late(compose_settings: Compose, override: str) -> None:
    settings = {**compose_settings(), "run_dir": None} if override == "run_dir=null" else compose_settings(override)
    assert problems(settings) != []


@pytest.mark.parametrize("override", ["optimizer.generator=5", "optimizer.generator=abc", "optimizer.betas=[0.5]"])
def test_a_mistake_that_python_would_find(compose_settings: Compose, override: str) -> None:
    assert problems(compose_settings(override)) != []


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=nan", "optimizer.lr: nan given, a finite number expected"),
        ("optimizer.generator.lr=nan", "optimizer.generator.lr: nan given, a finite number expected"),
        ("optimizer.generator.lr=abc", "optimizer.generator.lr: 'abc' given, a number expected"),
    ],
)
def test_a_number_of_the_optimizer_that_is_none(compose_settings: Compose, override: str, message: str) -> None:
    assert problems(compose_settings(override)) == [message]
