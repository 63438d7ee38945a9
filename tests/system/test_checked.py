"""Constructors that check their arguments: the same ranges and words in Python as in a configuration."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from torch import Tensor, nn

import gan
from gan.game.augmentation import DiffAugment
from gan.game.ema import GeneratorEMA
from gan.game.learning_rates import Linear
from gan.game.losses import NonSaturating
from gan.game.penalties import R1, Clipping, Penalty, Score
from gan.game.schedules import Steps


@dataclass(frozen=True)
class Mine(Penalty):
    weight: float = 1.0

    def __call__(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        return self.weight * real.sum()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R1(gamma=-1), "R1.gamma: -1 given, greater than 0 expected"),
        (
            lambda: R1(gamma=-1, every=0),
            "R1.gamma: -1 given, greater than 0 expected\nR1.every: 0 given, 1 or more expected",
        ),
        (lambda: Clipping(-3), "Clipping.limit: -3 given, greater than 0 expected"),
        (lambda: NonSaturating(real_target=2), "NonSaturating.real_target: 2 given, in (0, 1] expected"),
        (lambda: Linear(warmup=-1), "Linear.warmup: -1 given, 0 or more expected"),
        (lambda: Steps(n_critic=0), "Steps.n_critic: 0 given, 1 or more expected"),
        (lambda: DiffAugment(probability=2), "DiffAugment.probability: 2 given, in [0, 1] expected"),
        (lambda: GeneratorEMA(nn.Identity(), -3), "GeneratorEMA.halflife_images: -3 given, greater than 0 expected"),
        (lambda: Mine("heavy"), "Mine.weight: 'heavy' given, a number expected"),
    ],
)
def test_a_wrong_argument_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(gan.GanError) as refused:
        make()
    assert str(refused.value) == message


def test_objects_are_copied_and_pickled() -> None:
    assert copy.deepcopy(R1(gamma=2)) == pickle.loads(pickle.dumps(R1(gamma=2))) == R1(gamma=2)
    average = pickle.loads(pickle.dumps(GeneratorEMA(nn.Linear(1, 1), 5)))
    assert average.halflife_images == 5
