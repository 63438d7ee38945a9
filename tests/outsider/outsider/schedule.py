from gan.game.schedules import Schedule, StepPlan
from gan.system.ranges import PositiveInt


class WarmStart(Schedule):
    """Update only the discriminator first, then both networks.

    Args:
        updates: discriminator updates before the first generator update.
    """

    def __init__(self, updates: PositiveInt = 100):
        self.updates = updates

    def plan(self, epoch, d_updates):
        return StepPlan(discriminator=True, generator=d_updates >= self.updates)
