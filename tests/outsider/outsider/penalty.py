from dataclasses import dataclass

from gan.game.penalties import Penalty, image_gradients
from gan.system.ranges import PositiveFloat


@dataclass(frozen=True)
class ZeroCentred(Penalty):
    """A penalty on the gradient norm of D at real images (R1 uses the squared norm).

    Attributes:
        weight: weight of the penalty.
    """

    weight: PositiveFloat = 1.0

    def __call__(self, score, real, fake):
        return self.weight * image_gradients(score, real).norm(dim=1).mean()
