"""A search by Optuna, of jobs that only pretend to train: chosen by results, cut, gone on with, never twice."""

import json
from pathlib import Path

import pytest
from pretended_sweeps import Killed, Sweeps

pytest.importorskip("optuna", reason="pip install -e '.[sweeps]'")

from gan.sweeps.search import best_of

SEARCH = (
    "hydra/sweeper=optuna",
    "hydra.sweeper.trials=4",
    "optimizer.lr=tag(log,interval(1e-4,1))",
    "hydra.sweep.dir=s",
)


def test_a_search_that_is_killed_chooses_and_runs_what_one_left_alone_does(
    sweeps: Sweeps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sweeps(*SEARCH) == 0
    whole, sweeps.trained = sweeps.trained, []
    assert len({lr for _, lr in whole}) == 4
    monkeypatch.chdir(tmp_path.joinpath("s").rename(tmp_path / "before").parent)

    sweeps.killed_at = {0}
    with pytest.raises(Killed):
        sweeps(*SEARCH)
    assert sweeps(*SEARCH) == 0
    assert sweeps.trained == [whole[0], *whole]
    assert best_of(Path("s")) == [{"quality/fcd": min(lr for _, lr in whole)}]


def test_given_again_it_runs_nothing_and_with_more_trials_the_rest(sweeps: Sweeps) -> None:
    assert (sweeps(*SEARCH), sweeps(*SEARCH), len(sweeps.trained)) == (0, 0, 4)
    assert (sweeps(*SEARCH, "hydra.sweeper.trials=5"), len(sweeps.trained)) == (0, 5)


def test_a_point_that_is_chosen_again_is_not_run_again_and_a_failure_does_not_end_it(sweeps: Sweeps) -> None:
    sweeps.broken = {1}
    words = ("hydra/sweeper=optuna", "hydra.sweeper.trials=6", "hydra.sweeper.sampler=random", "seed=0,1,2")
    assert sweeps(*words, "hydra.sweep.dir=s") == 2
    seeds = [seed for seed, _ in sweeps.trained]
    assert sorted(set(seeds)) == [0, 1, 2]
    assert [seeds.count(seed) for seed in (0, 2)] == [1, 1]
    assert json.loads(next(Path("s").rglob("failed.json")).read_text())["reason"].startswith("seed: 1 given")


def test_with_several_objectives_the_best_are_those_that_none_beats_in_all(sweeps: Sweeps) -> None:
    sweeps.more = {"seconds": lambda lr: 1 / lr}
    assert sweeps(*SEARCH, "+hydra.sweeper.objectives.seconds=minimize") == 0
    best = best_of(Path("s"))
    assert len(best) == 4
    assert all(values["seconds"] == pytest.approx(1 / values["quality/fcd"]) for values in best)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.lr=0.1"], "hydra/sweeper=optuna: no setting to search"),
        (["seed=0,1", "hydra.sweeper.sampler=tp"], "hydra.sweeper.sampler"),
        (["seed=0,1", "hydra.sweeper.trials=0"], "hydra.sweeper.trials: 0 given, 1 or more expected"),
        (["optimizer.lr=interval(2,1)"], "optimizer.lr: optimizer.lr=interval(2,1): "),
        (
            ["seed=0,1", "hydra.sweeper.prune=true", "+hydra.sweeper.objectives.seconds=minimize"],
            "hydra.sweeper.prune: true given; with several objectives",
        ),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert sweeps("hydra/sweeper=optuna", *words) == 2
    assert capsys.readouterr().err.startswith(message)
    assert list(sweeps.folder.iterdir()) == []
