"""Initial weights from another run, for fine-tuning, and layers of the discriminator that keep them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gan.generators.bundle_file import read as read_bundle
from gan.generators.bundle_path import FILE_NAME
from gan.runs.checkpoint_io import load_any
from gan.runs.resume import newest_state
from gan.system.errors import ConfigError, GanError, counted
from gan.system.tensor_cache import digest
from gan.training.game_module import GameModule

PREFIXES = ("generator.", "discriminator.", "ema.network.")


def start_from(game: GameModule, source: str, *, needs_discriminator: bool = False) -> None:
    """Give the networks of a game the weights of a run, a checkpoint or a bundle.

    A run or a checkpoint has the weights of both networks, and of the generator's average if it has one. A bundle has
    a generator only. ``game.initial_weights`` is set to their sha256.

    Args:
        source: run folder, ``.ckpt`` file, or ``generator.safetensors``.
        needs_discriminator: whether the discriminator's weights are needed, because some of them will not be trained.

    Raises:
        ConfigError: it cannot be read, or its networks have other weights.
    """
    try:
        found = _weights(Path(source))
    except GanError as error:
        raise ConfigError(f"model.init_from: {error}") from error
    if needs_discriminator and "discriminator." not in found:
        raise ConfigError(
            f"model.freeze_d: model.init_from={source} has no discriminator, so random weights would be kept; a run "
            "folder with a checkpoint, or a checkpoint, expected"
        )
    game.initial_weights = digest(*(tensor.cpu() for tensors in found.values() for tensor in tensors.values()))
    for prefix, tensors in found.items():
        network = game.get_submodule(prefix.removesuffix(".")) if prefix != "ema.network." or game.ema else None
        if network is not None:
            _load(network, tensors, prefix.removesuffix("."), source)
    if game.ema is not None and "ema.network." not in found:
        game.ema.network.load_state_dict(game.generator.state_dict())


def _weights(path: Path) -> dict[str, dict[str, Tensor]]:
    """The tensors of each network, by its prefix in a checkpoint."""
    if path.is_file() and path.suffix != ".ckpt":
        return {"generator.": read_bundle(path)[0]}
    if path.is_dir():
        checkpoint = newest_state(path, []).checkpoint
        if checkpoint is None and (path / FILE_NAME).is_file():
            return {"generator.": read_bundle(path / FILE_NAME)[0]}
        if checkpoint is None:
            raise ConfigError(
                f"{path} has no checkpoint and no {FILE_NAME}; a run folder or one of these files expected"
            )
        path = checkpoint
    if not path.exists():
        raise ConfigError(f"{path} does not exist; a run folder, a checkpoint (.ckpt) or a {FILE_NAME} expected")
    state: Mapping[str, Any] = load_any(path).get("state_dict", {})
    found: dict[str, dict[str, Tensor]] = {}
    for prefix in PREFIXES:
        tensors = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
        found |= {prefix: tensors} if tensors else {}
    if "generator." not in found:
        raise ConfigError(f"{path} is not a checkpoint of gan.GAN")
    return found


def _load(network: nn.Module, tensors: Mapping[str, Tensor], name: str, source: str) -> None:
    here = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    there = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if here != there:
        key = next(key for key in (*here, *there) if here.get(key) != there.get(key))
        raise ConfigError(
            f"model.init_from: {source} given, but its {name} is a different network: {key} is "
            f"{there.get(key, 'missing')} there and {here.get(key, 'missing')} in this run; use the same settings of "
            "model and the same number of classes"
        )
    network.load_state_dict(tensors)


def freeze(discriminator: nn.Module, layers: int) -> None:
    """Keep the weights of the first ``layers`` layers of a discriminator's trunk, in the order in which they were made.

    The heads are always trained. A discriminator without a trunk (the user's own) keeps its last layer trained.

    Mo et al. 2020, "Freeze the Discriminator: a Simple Baseline for Fine-Tuning GANs". A layer is a module with
    weights of its own and more than one axis: a convolution or a linear layer, not a normalisation.

    Raises:
        ConfigError: the discriminator has fewer such layers.
    """
    trunk = getattr(discriminator, "trunk", None)
    within = discriminator if trunk is None else trunk
    weighted = [module for name, module in within.named_modules() if _is_layer(f".{name}.", module)]
    most = len(weighted) - (trunk is None)
    if layers > most:
        raise ConfigError(
            f"model.freeze_d: {layers} given, and at most {counted(most, 'layer')} of this discriminator can be frozen"
        )
    for module in weighted[:layers]:
        module.requires_grad_(False)


def _is_layer(path: str, module: nn.Module) -> bool:
    """Whether a module has weights with more than one axis: its own, or made by spectral normalisation."""
    if ".parametrizations." in path:  # a part of the layer whose weight it makes
        return False
    return is_parametrized(module) or any(p.dim() > 1 for p in module.parameters(recurse=False))
