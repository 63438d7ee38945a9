"""Classification accuracy score: how well does a classifier know real images that has seen generated ones alone?

Ravuri and Vinyals 2019, "Classification Accuracy Score for Conditional Generative Models". It falls where a class is
drawn wrong, and also where it is drawn right but always in the same way.
"""

import torch
from torch import Tensor

from gan.data.sources import LoadedImages
from gan.metrics.networks import Classifier, as_input, build
from gan.metrics.training import fit

COUNT = 60_000  # generated images: as many as MNIST and Fashion-MNIST have to train on
EPOCHS = 6


def accuracy_score(images: Tensor, labels: Tensor, data: LoadedImages, *, epochs: int = EPOCHS, seed: int = 0) -> float:
    """Accuracy on the held-out images of ``data``, 0 to 1, of a small CNN trained on ``images`` as they are.

    Args:
        images: uint8 (N, 1, H, W). labels: int64 (N,), the classes that they are meant to show.
        data: the real set; its training images are not used.
        epochs: passes over the images.
        seed: of the classifier's weights and the order of the images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build("classifier", len(data.class_names))
        random = torch.Generator().manual_seed(seed)
        fit(network, images, labels, changed=None, epochs=epochs, random=random, say=lambda _: None)
    assert isinstance(network, Classifier)
    return _accuracy(network.eval(), data)


@torch.no_grad()
def _accuracy(network: Classifier, data: LoadedImages) -> float:
    right = [
        (network(as_input(images)).argmax(1) == labels).cpu().double()
        for images, labels in zip(data.held_out_images.split(1000), data.held_out_labels.split(1000), strict=True)
    ]
    return float(torch.cat(right).mean())
