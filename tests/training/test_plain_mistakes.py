"""gan.GAN in a Trainer of the user's own: wrong arguments, networks and loaders, each with one message."""

import functools
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_networks import ConditionalDiscriminator, ConditionalGenerator, pair
from plain_trainers import trainer
from tiny_runs import IMAGES, few_images
from torch import nn
from torch.utils.data import DataLoader

import gan
from gan.game.gradients import UpdateRule
from gan.game.latents import Prior
from gan.game.losses import Hinge, RelativisticAverage, Wasserstein
from gan.game.networks import DCGANDiscriminator
from gan.game.penalties import R1, Clipping
from gan.game.schedules import Steps

pytestmark = pytest.mark.filterwarnings("ignore:You defined a `validation_step`", "ignore:.*does not have many workers")


def test_a_logit_for_each_image_is_expected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images())
    patches = torch.nn.Conv2d(1, 1, 3)
    with pytest.raises(gan.GanError, match=r"Conv2d: output of shape \(4, 1, 4, 4\) for 4 images given; one logit"):
        trainer(tmp_path).fit(
            gan.GAN(pair()[0], patches, prior=Prior("normal", 3)), gan.ImageData("mnist_sample", batch_size=4)
        )


def test_what_the_command_line_refuses_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rule = UpdateRule(functools.partial(torch.optim.SGD, lr=0.1), accumulate=2)
    with pytest.raises(gan.GanError, match="accumulate: 2 given, and RelativisticAverage compares every image with"):
        gan.GAN(*pair(), objective=RelativisticAverage(), discriminator_rule=rule)
    with pytest.raises(gan.GanError, match="accumulate: 2 given, and the schedule reuses the fakes of the full"):
        gan.GAN(*pair(), schedule=Steps(reuse_fakes=True), generator_rule=rule)
    with pytest.raises(
        gan.GanError, match="d_batch: no such option 'joint'; choices: concatenated, one_pass, separate"
    ):
        gan.GAN(*pair(), d_batch="joint")
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images(size=28))
    with pytest.raises(gan.GanError, match="penalty: R1 given, which needs the gradient for each image"):
        trainer(tmp_path).fit(gan.GAN(penalty=R1()), gan.ImageData("mnist_sample", batch_size=4))
    with pytest.raises(gan.GanError, match="objective: Wasserstein given, which needs a discriminator with a bounded"):
        trainer(tmp_path).fit(gan.GAN(objective=Wasserstein()), gan.ImageData("mnist_sample", batch_size=4))


@pytest.mark.parametrize("bound", ["clipping", "spectral_norm", "own"])
def test_a_wasserstein_critic_with_a_bound(bound: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gan.data.module.load", lambda *arguments, **options: few_images(size=28))
    critic = {
        "clipping": DCGANDiscriminator(image_shape=(1, 28, 28)),
        "spectral_norm": DCGANDiscriminator(image_shape=(1, 28, 28), spectral_norm=True),
        "own": nn.Sequential(nn.Flatten(), nn.Linear(784, 1)),
    }[bound]
    game = gan.GAN(None, critic, objective=Wasserstein(), penalty=Clipping() if bound == "clipping" else None)
    trainer(tmp_path).fit(game, gan.ImageData("mnist_sample", batch_size=4))
    assert game.d_updates > 0


def test_without_image_data_both_networks_are_needed(tmp_path: Path) -> None:
    with pytest.raises(gan.GanError, match=r"discriminator: none given; without gan\.ImageData, give"):
        trainer(tmp_path).fit(gan.GAN(pair()[0]), DataLoader(torch.zeros(IMAGES, 1, 6, 6)))


def test_a_classs_images_without_their_labels_are_refused(tmp_path: Path) -> None:
    game = gan.GAN(ConditionalGenerator(), ConditionalDiscriminator(), num_classes=2)
    with pytest.raises(gan.GanError, match=r"images without labels; with classes, \(images, labels\) expected"):
        trainer(tmp_path).fit(game, DataLoader(torch.zeros(8, 1, 4, 4), batch_size=4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "hinge"}, "objective: 'hinge' given, an object expected"),
        ({"objective": Hinge}, r"objective: the class Hinge given, an object expected: Hinge\(…\)"),
        ({"penalty": "r1"}, "penalty: 'r1' given, an object expected"),
        ({"generator": ConditionalGenerator}, "generator: the class ConditionalGenerator given, an object expected"),
        ({"prior": 100}, "prior: 100 given, an object expected"),
        ({"optimizer": "adam"}, "optimizer: 'adam' given, a function that makes an optimizer from parameters expected"),
    ],
)
def test_a_name_or_a_class_instead_of_an_object(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(gan.GanError, match=message):
        gan.GAN(**arguments)
    assert gan.GAN(objective=Hinge(), optimizer=functools.partial(torch.optim.Adam, lr=2e-4)).objective == Hinge()
