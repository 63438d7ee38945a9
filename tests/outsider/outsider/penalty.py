from dataclasses import dataclass

from gan.game.penalties import Penalty, image_gradients
from gan.system.ranges import PositiveFloat


@dataclass(frozen=True)
class ZeroCentred(Penalty):
    """A penalty on the slope of D at real images, with the norm instead of its square.

    Attributes:
        weight: weight of the penalty.
    """

    weight: PositiveFloat = 1.0

    def __call__(self, score, real, fake):
        return self.weight * image_gradients(score, real).norm(dim=1).mean()
