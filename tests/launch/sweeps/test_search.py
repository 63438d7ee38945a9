"""A search by Optuna, of jobs that only pretend to train: chosen by results, cut, gone on with, never twice."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pretended_sweeps import Killed, Sweeps

pytest.importorskip("optuna", reason="pip install -e '.[sweeps]'")

import optuna

from gan.launch.sweeps.search_storage import NAME, Storage
from gan.launch.sweeps.study import OBJECTIVES, connect

SEARCH = (
    "hydra/sweeper=optuna",
    "hydra.sweeper.trials=4",
    "optimizer.lr=tag(log,interval(1e-4,1))",
    "hydra.sweep.dir=s",
)


def best_of(sweep: Path) -> list[dict[str, float]]:
    """The values of the best trials of a search."""
    study = optuna.load_study(study_name=NAME, storage=connect(Storage(sweep)))
    return [dict(zip(study.user_attrs[OBJECTIVES], trial.values, strict=True)) for trial in study.best_trials]


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


def test_a_grid_does_not_join_a_search(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweeps(*SEARCH) == 0
    before = sorted(path.name for path in Path("s").iterdir())
    assert sweeps("seed=0,1", "hydra.sweep.dir=s") == 2
    assert "hydra.sweep.dir: s contains a search (hydra/sweeper=optuna), whose jobs" in capsys.readouterr().err
    assert (sorted(path.name for path in Path("s").iterdir()), len(sweeps.trained)) == (before, 4)


def test_given_again_it_runs_nothing_and_with_more_trials_the_rest(sweeps: Sweeps) -> None:
    assert (sweeps(*SEARCH), sweeps(*SEARCH), len(sweeps.trained)) == (0, 0, 4)
    assert (sweeps(*SEARCH, "hydra.sweeper.trials=5"), len(sweeps.trained)) == (0, 5)


def test_a_job_that_is_chosen_again_is_not_run_again_and_a_failure_does_not_end_it(sweeps: Sweeps) -> None:
    sweeps.broken = {1}
    words = ("hydra/sweeper=optuna", "hydra.sweeper.trials=6", "hydra.sweeper.sampler=random", "seed=0,1,2")
    assert sweeps(*words, "hydra.sweep.dir=s") == 2
    seeds = [seed for seed, _ in sweeps.trained]
    assert sorted(set(seeds)) == [0, 1, 2]
    assert [seeds.count(seed) for seed in (0, 2)] == [1, 1]
    assert json.loads(next(Path("s").rglob("failed.json")).read_text())["reason"].startswith("seed: 1 given")


def test_what_is_chosen_twice_at_once_is_run_once(sweeps: Sweeps) -> None:
    words = ("hydra/sweeper=optuna", "hydra.sweeper.trials=3", "hydra.sweeper.n_jobs=3", "seed=0,1")
    assert sweeps(*words, "hydra.sweeper.sampler=random", "hydra.sweep.dir=s") == 0
    assert len(list(Path("s").rglob("run.json"))) == 2  # each job has had a process of its own
    assert len(states(Path("s"))) == 3


def test_with_several_objectives_the_best_are_those_that_none_beats_in_all(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps.more = {"seconds": lambda lr: 1 / lr}
    assert sweeps(*SEARCH, "+hydra.sweeper.objectives.seconds=minimize") == 0
    best = best_of(Path("s"))
    assert len(best) == 4
    assert all(values["seconds"] == pytest.approx(1 / values["quality/fcd"]) for values in best)
    told = re.findall(r"^Best quality/fcd:  (.+), seconds:  (.+), s/.+$", capsys.readouterr().out, re.MULTILINE)
    assert told == [(f"{lr:.3g}", f"{1 / lr:.3g}") for lr in sorted(lr for _, lr in sweeps.trained)]


def test_of_several_objectives_a_job_that_another_beats_is_not_named(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps.more = {"seconds": lambda lr: 7}
    assert sweeps(*SEARCH, "+hydra.sweeper.objectives.seconds=minimize") == 0
    lowest = min(lr for _, lr in sweeps.trained)
    told = re.findall("^Best .*$", capsys.readouterr().out, re.MULTILINE)
    assert [line.rpartition(", ")[0] for line in told] == [f"Best quality/fcd:  {lowest:.3g}, seconds:  7"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.lr=0.1"], "hydra/sweeper=optuna: no setting to search"),
        (["seed=0,1", "hydra.sweeper.sampler=tp"], "hydra.sweeper.sampler"),
        (["seed=0,1", "hydra.sweeper.trials=0"], "hydra.sweeper.trials: 0 given, 1 or more expected"),
        (
            ["optimizer.lr=interval(2,1)"],
            "optimizer.lr: interval(2,1) given; the lower limit first expected: interv",
        ),
        (
            ["optimizer.lr=tag(log,interval(0,1))"],
            "optimizer.lr: tag(log,interval(0,1)) given; limits above 0 expected",
        ),
        (["optimizer.lr=interval(1,inf)"], "optimizer.lr: interval(1,inf) given; two finite numbers expected"),
        (["seed=range(3,1)"], "seed: range(3,1) given, which has no values"),
        (["model=mlp,dcgn"], "model: no such option 'dcgn'; did you mean 'dcgan'? choices: dcgan, mlp"),
        (["model.lrr=1,2"], "model.lrr: no such setting"),
        (
            ["seed=0,1", "hydra.sweeper.prune=true", "+hydra.sweeper.objectives.seconds=minimize"],
            "hydra.sweeper.prune: true given, and several objectives: ",
        ),
        (["seed=0,1", "+hydra.sweeper.n_trials=3"], "hydra.sweeper.n_trials: no such setting; did you mean 'trials'?"),
        (["seed=0,1", "~hydra.sweeper.trials"], "hydra.sweeper.trials: missing; "),
        (["seed=0,1", "hydra.sweeper.prune_after=[4]"], "hydra.sweeper.prune_after: [4] given, two integers"),
        (["seed=0,1", "hydra.sweeper.prune=maybe"], "hydra.sweeper.prune: 'maybe' given, true or false expected"),
        (
            ["seed=0,1", "+hydra.sweeper.objectives.second=minimize"],
            "hydra.sweeper.objectives: no such option 'second'; did you mean 'seconds'? choices: coverage, ",
        ),
        (
            ["seed=0,1", "callbacks.quality=null"],
            "hydra.sweeper.objectives: fcd given, which is not measured, because callbacks.quality is null",
        ),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert sweeps("hydra/sweeper=optuna", *words) == 2
    assert capsys.readouterr().err.startswith(message)
    assert list(sweeps.folder.iterdir()) == []


def states(sweep: Path) -> list[str]:
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{sweep / 'study.db'}")
    return [trial.state.name for trial in study.get_trials(deepcopy=False)]


@pytest.mark.parametrize(
    ("objective", "best"), [("recall: maximize", max), ("recall: minimize", min), ("seconds: maximize", max)]
)
def test_another_measure_can_be_the_objective(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str], objective: str, best: Callable[[list[float]], float]
) -> None:
    """The last line names the best by it, whatever the FCD, which is the lowest of the lowest rate."""
    sweeps.more = {"quality/recall": lambda lr: lr, "seconds": lambda lr: round(1000 * lr)}
    given = ["~hydra.sweeper.objectives.fcd", f"+hydra.sweeper.objectives.{objective.replace(': ', '=')}"]
    assert sweeps(*SEARCH, *given) == 0
    name = "seconds" if "seconds" in objective else "quality/recall"
    value = sweeps.more[name](best([lr for _, lr in sweeps.trained]))
    assert best_of(Path("s")) == [{name: value}]
    told = re.findall(r"^Best (.+):  (.+), (.+)$", capsys.readouterr().out, re.MULTILINE)
    assert [line[:2] for line in told] == [(name, f"{value:.3g}")]
    assert json.loads(Path(told[0][2], "run.json").read_text())["ended"][name] == value


def test_braces_for_the_objectives_are_refused_with_the_words_that_add_one(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps.more = {"quality/recall": lambda lr: lr}
    assert sweeps(*SEARCH, "hydra.sweeper.objectives={recall: maximize}") == 2
    told = capsys.readouterr().err
    assert told == ("hydra.sweeper.objectives: no such setting; to add your own: +hydra.sweeper.objectives.NAME=…\n")
    advised = told.split()[-1].replace("NAME=…", "recall=maximize")
    assert sweeps(*SEARCH, "hydra.sweeper.trials=1", advised) == 0
    assert "Best quality/fcd:  " in capsys.readouterr().out


PRUNED = ("hydra/sweeper=optuna", "hydra.sweeper.prune=true", "hydra.sweeper.sampler=random", "hydra.sweep.dir=s")


def test_a_job_that_is_ended_early_is_no_failure_and_is_not_run_again(
    sweeps: Sweeps, capsys: pytest.CaptureFixture[str]
) -> None:
    sweeps.hopeless = lambda lr: lr > 0.15
    words = (*PRUNED, "optimizer.lr=0.1,0.2,0.3", "hydra.sweeper.trials=7")
    assert sweeps(*words) == 0
    assert sorted(lr for _, lr in sweeps.trained) == [0.1, 0.2, 0.3]  # of seven choices
    assert "3 jobs: 1 finished, 0 skipped (finished before), 2 stopped early by the search, 0 failed." in (
        capsys.readouterr().out
    )
    found = states(Path("s"))
    assert set(found) == {"COMPLETE", "PRUNED"}
    assert len(found) == 7
    assert not list(Path("s").rglob("failed.json"))
    assert best_of(Path("s")) == [{"quality/fcd": 0.1}]
    assert (sweeps(*words), len(sweeps.trained)) == (0, 3)


def test_a_search_killed_after_it_has_ended_a_job_early_only_takes_note_of_it(
    sweeps: Sweeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*arguments: object, **more: object) -> None:
        raise Killed

    sweeps.hopeless = lambda lr: True
    words = (*PRUNED, "optimizer.lr=interval(0.1,1)", "hydra.sweeper.trials=2")
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "tell", killed)
        with pytest.raises(Killed):
            sweeps(*words)
    assert (states(Path("s")), len(sweeps.trained)) == (["RUNNING"], 1)
    assert sweeps(*words) == 0
    assert (states(Path("s")), len(sweeps.trained)) == (["PRUNED", "PRUNED"], 2)


def test_a_job_without_settings_fails_and_the_others_go_on(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("hydra/sweeper=optuna", "model=dcgan,mlp", "model.deep=1,2", "hydra.sweeper.trials=4", "hydra.sweep.dir=s")
    assert sweeps(*words, "hydra.sweeper.sampler=random") == 2
    assert {"COMPLETE", "FAIL"} == set(states(Path("s")))
    assert "model.deep" in capsys.readouterr().err
    assert 1 <= len(sweeps.trained) <= 2


OTHERS = [
    (["optimizer.lr=tag(log,interval(1e-4,2))"], "optimizer.lr: 0.0001 to 2 (log) given; the search in "),
    (["seed=0,1"], "seed: 0, 1 given; the search in "),
    (["optimizer.lr=1e-3", "seed=0,1"], "optimizer.lr: one value given; the search in "),
    (["trainer.max_epochs=9"], "trainer.max_epochs: 9 given; the search in "),
    (["+hydra.sweeper.objectives.seconds=minimize"], "hydra.sweeper.objectives: quality/fcd: minimize, seconds: minim"),
    (["hydra.sweeper.objectives.fcd=maximize"], "hydra.sweeper.objectives: quality/fcd: maximize given; the"),
]


def test_a_folder_with_another_search_is_refused(sweeps: Sweeps, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweeps(*SEARCH, "hydra.sweeper.trials=1") == 0
    for words, message in OTHERS:
        capsys.readouterr()
        assert sweeps(*SEARCH, *words) == 2, words
        assert capsys.readouterr().err.startswith(message)
    assert (sweeps(*SEARCH), len(sweeps.trained)) == (0, 4)
