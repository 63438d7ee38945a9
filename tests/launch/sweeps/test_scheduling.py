"""Scheduling: the next job starts as soon as a slot is free, and a search chooses it from all results until then."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import virtual_pool
from pretended_sweeps import Sweeps
from virtual_pool import KilledSweep

pytest.importorskip("optuna", reason="pip install -e '.[sweeps]'")

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from gan.launch.sweeps.choices import UNSEEN
from gan.launch.sweeps.search_storage import NAME, Storage
from gan.launch.sweeps.study import connect

SEARCH = ("hydra/sweeper=optuna", "optimizer.lr=tag(log,interval(1e-4,1))", "hydra.sweep.dir=s")
LENGTHS = (8.0, 1.0, 2.0, 1.0)


def by_seed(words: Sequence[str]) -> float:
    return LENGTHS[int(next(word for word in words if word.startswith("seed=")).partition("=")[2]) % 4]


def by_rate(words: Sequence[str]) -> float:
    """Lengths that follow no pattern: from the digits of the learning rate."""
    rate = next(word for word in words if word.startswith("optimizer.lr="))
    return 1.0 + int(rate[-2:]) % 7


def trials() -> list[FrozenTrial]:
    return list(optuna.load_study(study_name=NAME, storage=connect(Storage(Path("s")))).get_trials())


def test_in_a_grid_no_worker_waits_for_a_longer_job_of_another(sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = virtual_pool.use(monkeypatch, by_seed)
    assert sweeps("seed=range(8)", "hydra.sweeper.n_jobs=4") == 0
    assert [began for began, _ in clock.begun] == [0, 0, 0, 0, 1, 1, 2, 2]
    assert clock.now == 9  # in batches of four: 16


def test_in_a_search_no_worker_waits_while_there_are_trials_also_after_a_kill(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = virtual_pool.use(monkeypatch, by_rate)
    clock.killed_at = 5.0
    words = (*SEARCH, "hydra.sweeper.n_jobs=3", "hydra.sweeper.trials=9")
    with pytest.raises(KilledSweep):
        sweeps(*words)
    assert set(clock.busy) == {3}
    before = trials()
    cut = [trial.params["optimizer.lr"] for trial in before if not trial.state.is_finished()]
    assert len(cut) == 3

    clock = virtual_pool.use(monkeypatch, by_rate)
    assert sweeps(*words) == 0
    rates = [float(word.partition("=")[2]) for _, words in clock.begun for word in words if "optimizer.lr=" in word]
    assert rates[:3] == cut
    assert set(clock.busy[:-2]) == {3}
    lengths = [by_rate(words) for _, words in clock.begun]
    assert clock.now <= sum(lengths) / 3 + max(lengths)
    after = trials()
    assert [trial.params for trial in after[: len(before)]] == [trial.params for trial in before]
    assert [trial.state.name for trial in after] == ["COMPLETE"] * 9
    assert len({lr for _, lr in sweeps.trained}) == len(sweeps.trained) == 9  # none is trained twice


def test_a_trial_says_which_results_it_was_chosen_without_and_follows_from_the_others(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    virtual_pool.use(monkeypatch, by_rate)
    assert sweeps(*SEARCH, "hydra.sweeper.n_jobs=3", "hydra.sweeper.trials=13") == 0
    done = trials()
    assert [trial.user_attrs[UNSEEN] for trial in done[:3]] == [[], [0], [0, 1]]
    assert {len(trial.user_attrs[UNSEEN]) for trial in done[2:]} == {2}
    for trial in done:
        assert chosen_again(trial, done[: trial.number], trial.user_attrs[UNSEEN]) == trial.params
    for trial in done[:10]:  # TPE begins with ten random trials
        assert chosen_again(trial, done[: trial.number], []) == trial.params
    assert any(chosen_again(trial, done[: trial.number], []) != trial.params for trial in done[10:])


def chosen_again(trial: FrozenTrial, before: list[FrozenTrial], unseen: list[int]) -> dict[str, float]:
    """The parameters that a new study chooses in place of a trial, after the trials before it."""
    sampler = optuna.samplers.TPESampler(seed=1000 * trial.number, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    for one in before:
        known = dict(value=one.value) if one.number not in unseen else dict(state=TrialState.RUNNING)
        study.add_trial(create_trial(params=one.params, distributions=one.distributions, **known))
    return dict(study.ask(trial.distributions).params)
