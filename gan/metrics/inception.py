"""FID, in the features of Inception. It needs the weights of Inception; all other Fréchet distances here are FCD.

Heusel et al. 2017, with torchmetrics and torch-fidelity. Inception expects colour photographs of 299 x 299 pixels, so
grey images are repeated to three equal channels and enlarged.
"""

import torch
from torch import Tensor

from gan.data.sources import LoadedImages
from gan.system.devices import without_tf32
from gan.system.errors import GanError

PART = 100  # images at a time
WANTS = "--fid needs torch-fidelity and the weights of Inception, which it downloads once: pip install torch-fidelity"


def inception_distance(images: Tensor, data: LoadedImages, device: str = "cpu") -> float:
    """FID between uint8 images (N, C, H, W), C 1 or 3, and all training images of a dataset; minutes on a CPU.

    Raises:
        GanError: torch-fidelity or its weights are missing.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    device = "cpu" if device.startswith("mps") else device  # its sums are float64, which Apple GPUs do not support
    try:
        measure = FrechetInceptionDistance(feature=2048).to(device)
    except (ModuleNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())
        raise GanError(f"{WANTS} ({reason})") from error
    with torch.no_grad(), without_tf32():
        for real, source in ((True, data.images), (False, images)):
            for part in source.split(PART):
                measure.update(part.expand(-1, 3, -1, -1).to(device), real=real)
        return float(measure.compute())
