"""A run's place in its study: what the runs before it make of its measures; and files that are no study."""

from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="pip install -e '.[sweeps]'")

from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from gan.launch.sweeps import study
from gan.launch.sweeps.search_storage import Storage
from gan.system.errors import ConfigError, RunError

LR = {"optimizer.lr": FloatDistribution(0.1, 1.0)}
NAN = float("nan")


def place_after(sweep: Path, finished: list[list[float]], direction: str = "minimize") -> study.RunningTrial:
    """The place of a new run, after runs with these measures; the fourth and later may be ended from the first on."""
    account = study.opened(Storage(sweep), {"quality/fcd": direction})
    for values in finished:
        trial = account.ask(LR)
        for measurement, value in enumerate(values, 1):
            trial.report(value, measurement)
        account.tell(trial, values[-1])
    return study.RunningTrial(Storage(sweep), account.ask(LR).number, first_points=3, first_measurements=1)


@pytest.mark.parametrize(
    ("direction", "value", "hopeless"),
    [("minimize", 5.5, True), ("minimize", 4.5, False), ("maximize", 4.5, True), ("maximize", 5.5, False)],
)
def test_what_is_worse_than_the_median_at_the_same_measurement_is_hopeless(
    tmp_path: Path, direction: str, value: float, hopeless: bool
) -> None:
    place = place_after(tmp_path, [[9.0, 1.0], [5.0, 2.0], [1.0, 3.0]], direction)
    assert not place.is_hopeless()
    place.report(1, value)
    assert place.is_hopeless() == hopeless
    assert place.reported == {1: value}
    assert place.others(1) == (5.0, 3)
    assert place.others(2) == (2.0, 3)


def test_a_better_value_before_counts_and_the_next_measurement_is_held_against_the_next(tmp_path: Path) -> None:
    place = place_after(tmp_path, [[9.0, 1.0], [5.0, 2.0], [1.0, 3.0]])
    place.report(1, 1.5)
    place.report(2, 2.5)
    assert not place.is_hopeless()
    again = study.RunningTrial(Storage(tmp_path), 3, 3, 1)  # as of a process that has taken over
    assert again.reported == {1: 1.5, 2: 2.5}


def test_the_first_runs_and_measurements_that_no_other_has_end_nothing(tmp_path: Path) -> None:
    place = place_after(tmp_path / "few", [[1.0], [1.0]])
    place.report(1, 99.0)
    assert not place.is_hopeless()
    place = place_after(tmp_path / "short", [[1.0]] * 3)
    place.report(2, 99.0)
    assert not place.is_hopeless()
    assert place.others(2)[1] == 0


def test_a_run_whose_measures_are_no_numbers_is_hopeless(tmp_path: Path) -> None:
    place = place_after(tmp_path, [[1.0]] * 3)
    place.report(1, NAN)
    assert place.is_hopeless()


def test_a_pruned_run_is_no_measure_for_others(tmp_path: Path) -> None:
    place = place_after(tmp_path, [[5.0]] * 3)
    account = study.opened(Storage(tmp_path), {"quality/fcd": "minimize"})
    hopeless = account.ask(LR)
    hopeless.report(99.0, 1)
    account.tell(hopeless, state=TrialState.PRUNED)
    place.report(1, 6.0)
    assert place.is_hopeless()
    assert place.others(1) == (5.0, 3)


def test_a_file_that_is_no_study_is_told(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("mine, and no database\n" * 100)
    with pytest.raises(ConfigError, match=r"study\.db, cannot be used: file is not a database; give another folder"):
        study.opened(Storage(tmp_path), {"quality/fcd": "minimize"})


def test_an_account_that_can_no_longer_be_written_ends_the_search_in_our_words(tmp_path: Path) -> None:
    account = study.opened(Storage(tmp_path), {"quality/fcd": "minimize"})
    account.set_user_attr("name", "value")
    storage = account._storage._backend.engine
    storage.dispose()
    (tmp_path / "study.db").write_bytes(b"x" * 8192)
    with pytest.raises(RunError, match=r"cannot be written: .*run the command again"), study.kept(Storage(tmp_path)):
        account.set_user_attr("name", "another")


def test_a_run_whose_end_was_told_is_awaited_no_more(tmp_path: Path) -> None:
    place = place_after(tmp_path, [])
    assert place.is_awaited
    study.opened(Storage(tmp_path), {"quality/fcd": "minimize"}).tell(0, state=TrialState.PRUNED)
    assert not study.RunningTrial(Storage(tmp_path), 0, 3, 1).is_awaited
    assert not study.RunningTrial(Storage(tmp_path), 1, 3, 1).is_awaited  # there is none
