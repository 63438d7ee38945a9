from gan.game.losses import Objective
from gan.system.ranges import PositiveFloat


class Exponential(Objective):
    """Exponential losses of the margin.

    Args:
        sharpness: factor on the logits.
    """

    def __init__(self, sharpness: PositiveFloat = 1.0):
        self.sharpness = sharpness

    def d_loss(self, real_logits, fake_logits):
        return (-self.sharpness * real_logits).exp().mean() + (self.sharpness * fake_logits).exp().mean()

    def g_loss(self, fake_logits, real_logits):
        return (-self.sharpness * fake_logits).exp().mean()
