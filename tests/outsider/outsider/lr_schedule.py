from gan.game.learning_rates import LRSchedule
from gan.system.ranges import Fraction, PositiveInt


class Halving(LRSchedule):
    """Multiply the learning rates by a factor at regular intervals.

    Args:
        every: generator updates from one change to the next.
        factor_each: factor of each change.
    """

    def __init__(self, every: PositiveInt = 1000, factor_each: Fraction = 0.5):
        self.every, self.factor_each = every, factor_each

    def factor(self, g_updates, total):
        return self.factor_each ** (g_updates // self.every)
