"""The user's own objective, penalty and augmentation are tried before training: one message names class and method."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gan.config.kinds import NONE
from gan.game.augmentation import Augmentation
from gan.game.latents import Prior
from gan.game.losses import NonSaturating
from gan.game.networks import MLPDiscriminator, MLPGenerator
from gan.game.penalties import Penalty
from gan.game.updates import Game
from gan.system.errors import ConfigError
from gan.training.own_parts import try_own_parts

SHAPE = (1, 4, 4)


class Vector(NonSaturating):
    def g_loss(self, fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
        return fake_logits


class Number(NonSaturating):
    def d_loss(self, real_logits: Tensor, fake_logits: Tensor) -> Any:
        return 1.0


class Fewer(NonSaturating):
    def g_loss(self, fake_logits: Tensor) -> Tensor:  # type: ignore[override]  # the mistake that is tested
        return fake_logits.mean()


class Nothing(Penalty):
    def penalty(self, score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Any:
        return None

    def __call__(self, score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Any:
        return None


class Mean(Penalty):
    def __call__(self, score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
        return score(real).square().mean() + score(fake).square().mean()


class Cropped(Augmentation):
    def forward(self, images: Tensor) -> Tensor:
        return images[:, :, 1:]


class Detached(Augmentation):
    def forward(self, images: Tensor) -> Tensor:
        return images.detach()


class Brighter(Augmentation):
    def forward(self, images: Tensor) -> Tensor:
        return images + 0.1


def attempt(**parts: Any) -> None:
    generator = MLPGenerator(latent_dim=4, image_shape=SHAPE, hidden=[4])
    game = Game(generator, MLPDiscriminator(image_shape=SHAPE, hidden=[4]), prior=Prior("normal", 4), **parts)
    groups = ("objective", "penalty", "augmentation")
    targets = {name: f"mine.{type(parts[name]).__name__}" if name in parts else NONE for name in groups}
    before = torch.get_rng_state()
    try_own_parts({name: {"_target_": target} for name, target in targets.items()}, game, SHAPE)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in game.parameters())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"objective": Vector()}, r"objective: mine.Vector: g_loss: a tensor of shape \(2,\) given; a tensor with one"),
        ({"objective": Number()}, r"objective: mine.Number: d_loss: 1.0 given; a tensor with one number and with grad"),
        ({"objective": Fewer()}, r"objective: mine.Fewer: TypeError: .*takes 2 positional arguments but 3 were given"),
        ({"penalty": Nothing()}, r"penalty: mine.Nothing: None given; a tensor with one number and with gradients"),
        ({"augmentation": Cropped()}, r"augmentation: mine.Cropped: a tensor of shape \(2, 1, 3, 4\) given for images"),
        ({"augmentation": Detached()}, r"augmentation: mine.Detached: a tensor of shape .* without gradients given"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(next(iter(value.values()))).__name__,
)
def test_a_part_that_a_step_cannot_use_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        attempt(**parts)


def test_parts_that_work_are_accepted() -> None:
    attempt(objective=NonSaturating(), penalty=Mean(), augmentation=Brighter())
    attempt()
