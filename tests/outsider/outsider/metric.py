import torch
from torchmetrics import Metric


class Brightness(Metric):
    """The mean pixel of the generated images, in 0 … 255, times ``scale``."""

    def __init__(self, scale: float = 1.0):
        super().__init__()
        self.scale = scale
        self.add_state("values", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, images):
        self.values += images.float().mean(dim=(1, 2, 3)).sum()
        self.count += len(images)

    def compute(self):
        return self.scale * self.values / self.count
