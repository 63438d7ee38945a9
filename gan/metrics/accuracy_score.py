"""Classification accuracy score: accuracy on real images of a classifier that was trained only on generated images.

Ravuri and Vinyals 2019, "Classification Accuracy Score for Conditional Generative Models". It decreases if images of a
class are wrong, and also if they are right but all alike.
"""

import torch
from torch import Tensor

from gan.data.sources import LoadedImages
from gan.metrics.networks import Classifier, as_input, build
from gan.metrics.training import fit

COUNT = 60_000  # generated images: the number of training images of MNIST and Fashion-MNIST
EPOCHS = 6


def accuracy_score(images: Tensor, labels: Tensor, data: LoadedImages, *, epochs: int = EPOCHS, seed: int = 0) -> float:
    """Accuracy, 0 to 1, on the held-out images of ``data`` of a small CNN trained on ``images`` without augmentation.

    Args:
        images: uint8 (N, 1, H, W). labels: int64 (N,), the requested classes.
        data: the real dataset; its training images are not used.
        epochs: passes over the images.
        seed: random seed of the classifier's weights and of the order of the images.
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
