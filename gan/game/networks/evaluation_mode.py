"""A network in evaluation mode for a while: dropout off, batch norm with its running statistics, no TF32."""

import contextlib
from collections.abc import Iterator

from torch import nn

from gan.system.devices import without_tf32


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Set eval mode inside the block, and full float32 on a GPU. Afterwards everything is as before."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with without_tf32():
            yield
    finally:
        for module, training in modes.items():
            module.training = training
