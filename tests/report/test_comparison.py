"""Which runs belong together, which is the best, and in what they differ."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from written_runs import write_quality, write_run

from gan.report.contents import document
from gan.report.document import Table
from gan.report.markdown import markdown
from gan.report.measures import FCD, formatted
from gan.report.ranking import rankings
from gan.report.settings import ABSENT, by_seed, changes_of, differences, flat, label, settings_of
from gan.report.tables import labels, ranking_table, rejection_table, settings_blocks
from gan.runs.reading import Run, find_runs, read_run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    """Two learning rates with two seeds each, the second better; and one with a penalty, not measured."""
    write_run(tmp_path / "0", lr=1e-4, seed=0, fcd=20.0)
    write_run(tmp_path / "1", lr=1e-4, seed=1, fcd=30.0)
    write_run(tmp_path / "2", lr=4e-4, seed=0, fcd=5.0)
    write_run(tmp_path / "3", lr=4e-4, seed=1, fcd=4.0)
    write_run(tmp_path / "4", penalty={"name": "r1", "gamma": 10}, lr=1e-4)
    return find_runs([tmp_path])


def test_settings_are_text_by_their_path() -> None:
    settings = {"a": {"b": [1, 2], "c": None, "d": {}}, "e": "x", "f": True, "g": 1e-4}
    assert flat(settings) == {"a.b": "[1,2]", "a.c": "null", "a.d": "{}", "e": "x", "f": "true", "g": "0.0001"}


def test_where_files_lie_is_no_difference(runs: list[Run]) -> None:
    found = differences([settings_of(run) for run in runs[:2]])
    assert found.paths == ["seed"]
    assert found.equal["optimizer.lr"] == "0.0001"
    assert "run_dir" not in found.equal


def test_a_folder_whose_name_only_begins_alike_is_a_difference(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "12-00-00"))
    other, own = str(tmp_path / "12-00-00-2"), str(tmp_path / "12-00-00" / "samples")
    found = settings_of(replace(run, settings={**run.settings, "other": other, "own": own}))
    assert found["other"] == other
    assert "own" not in found


def test_settings_that_change_together_count_once(runs: list[Run]) -> None:
    found = differences([settings_of(run) for run in runs])
    assert found.distinct() == {"penalty._target_": ["penalty.gamma"], "optimizer.lr": ["optimizer.generator.lr"]}
    assert found.values[0]["penalty.gamma"] == ABSENT
    assert label(found.values[4], found.distinct()) == "penalty=r1 optimizer.lr=0.0001"


def test_runs_that_differ_in_the_seed_alone_are_one_group(runs: list[Run]) -> None:
    assert [[run.name for run in group] for group in by_seed(runs)] == [["0", "1"], ["2", "3"], ["4"]]


def test_the_best_group_is_the_first_and_the_unmeasured_the_last(runs: list[Run]) -> None:
    (ranking,) = rankings(runs)
    assert [[run.name for run in group] for group in ranking.groups] == [["3", "2"], ["0", "1"], ["4"]]
    assert ranking.measure == FCD
    assert ranking.best == ranking.groups[0]


def test_the_ranking_has_mean_and_spread_and_number_of_seeds(runs: list[Run]) -> None:
    table = ranking_table(rankings(runs)[0], now=0)
    rows = [dict(zip(table.head, row, strict=True)) for row in table.rows]
    assert [row["FCD"] for row in rows] == ["4.50 ± 6.35", "25.0 ± 63.5", "-"]
    assert [row["seeds"] for row in rows] == ["2", "2", "1"]
    assert rows[0]["settings"] == "penalty=none optimizer.lr=0.0004"
    assert (rows[0]["images"], rows[0]["G updates"], rows[0]["minutes"]) == ("200", "1,234", "1.50 ± 0.00")


def test_a_run_whose_settings_changed_is_a_configuration_of_its_own(tmp_path: Path) -> None:
    for seed in range(4):
        write_run(tmp_path / str(seed), seed=seed, fcd=3.0 + seed)
    resumed, longer = (json.loads((tmp_path / name / "run.json").read_text()) for name in "12")
    resumed["resumed"] = [{"g_updates": 5, "changed": ["optimizer.lr: 1e-05 -> 0.001", "trainer.max_epochs: 1 -> 2"]}]
    longer["resumed"] = [{"g_updates": 5, "changed": ["trainer.max_epochs: 1 -> 2"]}]
    (tmp_path / "1" / "run.json").write_text(json.dumps(resumed))
    (tmp_path / "2" / "run.json").write_text(json.dumps(longer))
    (tmp_path / "3" / "changes.json").write_text('[{"minibatches": 100, "settings": {"objective": "hinge"}}]')
    (ranking,) = rankings(find_runs([tmp_path]))
    assert [[run.name for run in group] for group in ranking.groups] == [["0", "2"], ["1"], ["3"]]
    assert [labels(ranking.all_runs)[name] for name in "0123"] == ["", "(changed)", "", "(changed)"]
    written = markdown(document(ranking.all_runs, now=0.0), "files")[""].decode()
    assert "1: changed at generator update 5: optimizer.lr: 1e-05 -" in written
    assert "3: changed after minibatch 100: objective=hinge" in written
    assert "trainer.max_epochs: 1" not in written


def test_the_length_counts_as_a_change_if_the_learning_rates_depend_on_it(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    facts = json.loads((folder / "run.json").read_text())
    facts["resumed"] = [{"g_updates": 5, "changed": ["trainer.max_epochs: 1 -> 2"]}]
    (folder / "run.json").write_text(json.dumps(facts))
    assert changes_of(read_run(folder)) == []
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    settings["lr_schedule"] = {"_target_": "gan.game.learning_rates.Cosine"}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    assert changes_of(read_run(folder)) == ["at generator update 5: trainer.max_epochs: 1 -> 2"]


def test_searched_settings_are_all_shown(tmp_path: Path) -> None:
    for number, (lr, gamma) in enumerate([(1e-4, 0.1), (2e-4, 0.2), (3e-4, 0.3)]):
        folder = write_run(tmp_path / str(number), fcd=3.0, lr=lr, penalty={"name": "r1", "gamma": gamma})
        facts = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(
            json.dumps({**facts, "overrides": [f"optimizer.lr={lr}", f"penalty.gamma={gamma}"]})
        )
    named = labels(find_runs([tmp_path]))
    assert named["1"] == "penalty.gamma=0.2 optimizer.lr=0.0002"


def test_the_same_seed_twice_is_one_seed(tmp_path: Path) -> None:
    for name in "ab":
        write_run(tmp_path / name)
    table = ranking_table(rankings(find_runs([tmp_path]))[0], now=0)
    assert dict(zip(table.head, table.rows[0], strict=True))["seeds"] == "1 (2 runs)"


def test_runs_measured_with_rejection_sampling_have_a_table_of_their_own(tmp_path: Path) -> None:
    plain, rejecting = (write_run(tmp_path / name, fcd=3.0) for name in ("plain", "rejecting"))
    assert rejection_table(rankings([read_run(plain)])[0]) == []
    (rejecting / "quality_rejection.json").write_text(json.dumps({"quality": {"fcd": 2.0, "recall": 0.5}}))
    ranking = rankings([read_run(plain), read_run(rejecting)])[0]
    (table,) = rejection_table(ranking)
    assert isinstance(table, Table)
    assert table.head == ["run, with rejection sampling (gan evaluate --reject)", "FCD", "recall"]
    assert table.rows == [["rejecting", "2.00", "0.500"]]
    assert "rejection sampling" in str(markdown(document([read_run(rejecting)], now=0.0), "files"))


def test_a_run_that_became_nan_is_not_the_best(tmp_path: Path) -> None:
    write_run(tmp_path / "a", lr=1, fcd=math.nan)
    write_run(tmp_path / "b", lr=2, fcd=9.0)
    (ranking,) = rankings(find_runs([tmp_path]))
    assert [run.name for run in ranking.runs] == ["b", "a"]
    assert "not finite" in ranking_table(ranking, now=0).rows[1]


def test_runs_of_different_data_are_ranked_apart(tmp_path: Path) -> None:
    write_run(tmp_path / "a", data="mnist", fcd=9.0)
    write_run(tmp_path / "b", data="fashion", fcd=1.0)
    write_run(tmp_path / "c", data="mnist", lr=2, fcd=3.0)
    found = rankings(find_runs([tmp_path]))
    assert {ranking.data: [run.name for run in ranking.runs] for ranking in found} == {
        "mnist": ["c", "a"],
        "fashion": ["b"],
    }


def test_without_quality_json_the_measure_that_was_logged_ranks(tmp_path: Path) -> None:
    for name, fcd in {"a": 9, "b": 4}.items():
        folder = write_run(tmp_path / name, lr=fcd)
        (folder / "metrics.csv").write_text(f"images_seen,quality/fcd\n64,1\n128,{fcd}\n")
    (ranking,) = rankings(find_runs([tmp_path]))
    assert [run.name for run in ranking.runs] == ["b", "a"]
    assert "FCD in training" in ranking_table(ranking, now=0).head


def test_points_are_ranked_by_the_modes_that_they_found(tmp_path: Path) -> None:
    for name, modes in {"a": 3, "b": 8}.items():
        write_quality(write_run(tmp_path / name, lr=modes, data="ring"), modes=modes, high_quality=0.5)
    (ranking,) = rankings(find_runs([tmp_path]))
    assert [run.name for run in ranking.runs] == ["b", "a"]


def test_runs_that_differ_in_much_are_called_by_their_command(tmp_path: Path) -> None:
    for name in ("dcgan", "wgan"):
        command = ["train.py", f"experiment={name}", "data=mnist", "seed=0", "optimizer.lr=3"]
        folder = write_run(tmp_path / name, command=command)
        more = "".join(f"setting_{index}: {name}\n" for index in range(13))
        (folder / "config.yaml").write_text((folder / "config.yaml").read_text() + more)
    assert labels(find_runs([tmp_path])) == {"dcgan": "dcgan", "wgan": "wgan"}


def test_one_run_alone_has_all_of_its_settings_folded(runs: list[Run]) -> None:
    (folded,) = settings_blocks(runs[:1])
    assert "Settings (" in folded.title  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "whole", "text"),
    [
        ([0.1234], False, "0.123"),
        ([12.34], False, "12.3"),
        ([1.0, 2.0], False, "1.50 ± 6.35"),
        ([0.0, 0.0], True, "0"),
        ([0.0, 1.0], True, "0.5 ± 6.4"),
        ([18_000.0], True, "18,000"),
        ([None, 2.0], False, "2.00"),
        ([None], False, "-"),
        ([1.0, math.inf], False, "not finite"),
    ],
)
def test_numbers_have_as_many_digits_as_they_deserve(values: list[float | None], whole: bool, text: str) -> None:
    assert formatted(values, whole=whole) == text
