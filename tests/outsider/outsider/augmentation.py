import torch

from gan.game.augmentation import Augmentation
from gan.system.ranges import Fraction


class Mirror(Augmentation):
    """Mirror images left to right.

    Args:
        probability: probability for each image.
    """

    def __init__(self, probability: Fraction = 0.5):
        super().__init__()
        self.probability = probability

    def forward(self, images):
        chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < self.probability
        return torch.where(chosen, images.flip(3), images)
