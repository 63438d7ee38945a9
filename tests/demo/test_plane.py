"""What is drawn of a run on 2-D points, compared with the run itself."""

import math
from typing import Any

import pytest
import torch
from tiny_runs import Compose

from gan.data.module import ImageData
from gan.demo.plane import ARROWS, CELLS, DRAWN, REACH, view
from gan.training.build import build_data, build_game
from gan.training.game_module import GameModule


@pytest.fixture
def game_and_data(compose_settings: Compose) -> Any:
    def made(*words: str) -> tuple[GameModule, ImageData]:
        settings = compose_settings("experiment=two_dimensions", "data=ring", *words)
        data = build_data(settings)
        data.setup()
        return build_game(settings, data), data

    return made


def test_points_surface_and_modes_are_those_of_the_game(game_and_data: Any) -> None:
    game, data = game_and_data()
    drawn = view(game, data)
    assert (len(drawn["real"]), len(drawn["fake"]), len(drawn["arrows"])) == (DRAWN, DRAWN, ARROWS)
    assert torch.tensor(drawn["real"]).norm(dim=1).sub(0.8).abs().max() < 0.05  # the ring, normalised
    assert drawn["modes"] == {"covered": 0, "of": 8, "good": 0.0}
    side = (torch.arange(CELLS) + 0.5) / CELLS * 2 * REACH - REACH
    lowest_row = torch.stack([side, torch.full((CELLS,), float(side[0]))], dim=1).view(-1, 2, 1, 1)
    logits = game.discriminator(lowest_row).logits if hasattr(game.discriminator(lowest_row), "logits") else None
    expected = game.discriminate(lowest_row, torch.zeros(CELLS, dtype=torch.int64)).logits if logits is None else logits
    assert drawn["surface"]["logits"][:CELLS] == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_generator_on_the_modes_covers_them(game_and_data: Any) -> None:
    class OnTheRing(torch.nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            angle = (torch.arange(len(z)) % 8) * math.pi / 4
            return 0.8 * torch.stack([angle.cos(), angle.sin()], dim=1).view(-1, 2, 1, 1)

    game, data = game_and_data()
    game.generator = OnTheRing()
    assert view(game, data)["modes"] == {"covered": 8, "of": 8, "good": 1.0}


@pytest.mark.parametrize("objective", ["non_saturating", "minimax", "least_squares", "relativistic_paired"])
def test_an_arrow_is_the_direction_in_which_the_loss_falls(game_and_data: Any, objective: str) -> None:
    game, data = game_and_data(f"objective={objective}")
    drawn = view(game, data)
    fake = torch.tensor(drawn["arrows"], dtype=torch.float64)
    points, arrows = fake[:, :2], fake[:, 2:]
    game.double()
    labels = torch.zeros(1, dtype=torch.int64)
    real = torch.tensor(drawn["real"][0], dtype=torch.float64).view(1, 2, 1, 1)

    def loss(point: torch.Tensor) -> float:
        logit = game.discriminate(point.view(1, 2, 1, 1), labels).logits.double()
        return game.objective.g_loss(logit, game.discriminate(real, labels).logits.double()).item()

    step = 0.01 * arrows[0] / arrows[0].norm()
    slope = (loss(points[0] - step) - loss(points[0] + step)) / 0.02
    assert slope == pytest.approx(arrows[0].norm().item(), rel=0.05, abs=1e-4)


def test_a_look_changes_nothing(game_and_data: Any) -> None:
    game, data = game_and_data("penalty=r1")
    before = {name: value.clone() for name, value in game.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    view(game, data)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in game.state_dict().items())
    assert all(parameter.grad is None for parameter in game.parameters())
    assert game.training


def test_numbers_that_are_not_finite_can_be_sent(game_and_data: Any) -> None:
    game, data = game_and_data()
    with torch.no_grad():
        next(iter(game.generator.parameters())).fill_(math.nan)
        next(iter(game.discriminator.parameters())).fill_(math.inf)
    drawn = view(game, data)
    assert all(math.isfinite(value) for point in drawn["fake"] for value in point)
    assert all(math.isfinite(value) for value in drawn["surface"]["logits"])
