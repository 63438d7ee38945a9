"""Ears around a game: what each update touched, and what it left alone."""

import copy
from typing import Any

import lightning.pytorch as L
import torch
from torch import nn

from gan.training.module import GAN


def state(network: nn.Module) -> dict[str, Any]:
    """Weights, gradients and requires_grad of a network, copied."""
    return {
        name: (p.detach().clone(), None if p.grad is None else p.grad.clone(), p.requires_grad)
        for name, p in network.named_parameters()
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    def equal(a: Any, b: Any) -> bool:
        return torch.equal(a, b) if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) else a is b

    return all(equal(a, b) for name in one for a, b in zip(one[name], other[name], strict=True))


class WatchUpdates(L.Callback):
    """Around every update of one network, holds the other against what it was.

    Args:
        frozen: a parameter of D that the user has frozen, if any: it stays so.
    """

    def __init__(self, frozen: str | None = None) -> None:
        self.seen: list[str] = []
        self.frozen = frozen

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, GAN)
        game, seen = pl_module, self.seen
        if self.frozen:
            game.discriminator.get_parameter(self.frozen).requires_grad_(False)

        def watched(name: str, update: Any, updated: nn.Module, other: nn.Module) -> Any:
            def run(*batch: Any) -> Any:
                before, others = copy.deepcopy(state(updated)), state(other)
                updated_now = update(*batch)
                assert same(others, state(other)), f"the {name}'s update touched the other network"
                assert not same(before, state(updated)), f"the {name}'s update changed nothing"
                assert [p.requires_grad for p in updated.parameters()] == [r for _, _, r in before.values()]
                seen.append(name)
                return updated_now

            return run

        d, g = game.discriminator, game.generator
        game.update_discriminator = watched("discriminator", game.update_discriminator, d, g)  # type: ignore[method-assign]
        game.update_generator = watched("generator", game.update_generator, g, d)  # type: ignore[method-assign]
