import pytest
from torch import nn

from gan.game.networks.evaluation_mode import evaluating


def test_evaluating_restores_the_mode_of_every_part_also_after_an_error() -> None:
    network = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(1)))
    network[1][1].eval()  # a part that is frozen stays frozen
    before = [module.training for module in network.modules()]
    assert before == [True, True, True, True, False]
    with evaluating(network):
        assert not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == before
    with pytest.raises(RuntimeError), evaluating(network):
        raise RuntimeError
    assert [module.training for module in network.modules()] == before
