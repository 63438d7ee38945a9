"""FID proper: in the features of Inception, for who has its weights. What everything else here measures is called FCD.

Heusel et al. 2017, through torchmetrics and torch-fidelity. The network was made for colour photographs of 299 x 299
pixels: grey digits are shown to it in three equal channels, enlarged.
"""

import torch
from torch import Tensor

from gan.data.sources import LoadedImages
from gan.system.errors import GanError

PART = 100  # images at a time
WANTS = "--fid needs torch-fidelity and the weights of Inception, which it downloads once: pip install -e '.[fid]'"


def inception_distance(images: Tensor, data: LoadedImages, device: str = "cpu") -> float:
    """FID of uint8 images (N, C, H, W), C 1 or 3, to all training images of a set; minutes on a CPU.

    Raises:
        GanError: torch-fidelity or its weights are not there.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    device = "cpu" if device.startswith("mps") else device  # its sums are float64, which an Apple GPU has not
    try:
        measure = FrechetInceptionDistance(feature=2048).to(device)
    except (ModuleNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())
        raise GanError(f"{WANTS} ({reason})") from error
    with torch.no_grad():
        for real, source in ((True, data.images), (False, images)):
            for part in source.split(PART):
                measure.update(part.expand(-1, 3, -1, -1).to(device), real=real)
        return float(measure.compute())
