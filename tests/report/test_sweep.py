"""What a sweep says: which setting matters, how lines run, and what repeats the best run."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from written_runs import write_run

from gan.report.document import Drawing, Table
from gan.report.importance import shares
from gan.report.parallel_coordinates import draw, number_axis, setting_axis
from gan.report.ranking import rankings
from gan.report.repeating import command, recipe
from gan.report.sweep import sweep_section
from gan.runs.reading import find_runs, read_run


def test_a_setting_that_says_everything_explains_all_and_one_that_says_nothing_none() -> None:
    found = shares({"lr": ["1", "1", "2", "2", "3", "3"], "seedlike": ["a", "b"] * 3}, [1, 1, 5, 5, 9, 9])
    assert [(share.path, share.share) for share in found] == [("lr", 1.0), ("seedlike", 0.0)]
    assert found[0].means == [("1", 1, 2), ("2", 5, 2), ("3", 9, 2)]


def test_the_share_is_the_adjusted_r2() -> None:
    # SSW = 2 + 2 + 2 = 6 over 3, SST = 6 + 2 * (16 + 16) = 70 over 5: 1 - 2 / 14
    (share,) = shares({"lr": list("112233")}, [0, 2, 4, 6, 8, 10])
    assert share.share == pytest.approx(1 - (6 / 3) / (70 / 5))


def test_too_few_runs_say_nothing() -> None:
    assert shares({"lr": list("11223")}, [1, 1, 2, 2, 3]) == []
    assert shares({"name": list("abcdef")}, [1, 2, 3, 4, 5, 6]) == []


def test_many_numbers_are_cut_into_ranges() -> None:
    texts = [str(10 ** (-index / 5)) for index in range(20)]
    (share,) = shares({"lr": texts}, list(range(20)))
    assert [count for _, _, count in share.means] == [4, 4, 4, 4, 4]
    assert 0.9 < share.share < 1


def test_a_number_that_is_often_there_does_not_swallow_others() -> None:
    texts = [str(number) for number in (1, 2, 3, 4, 5, 6, 6, 6, 6, 6)]
    (share,) = shares({"lr": texts}, list(range(10)))
    assert [count for _, _, count in share.means] == [1, 1, 1, 1, 6]


def test_numbers_are_placed_to_scale_and_words_in_order() -> None:
    assert setting_axis("n", ["1", "3", "2"]).places == [0, 1, 0.5]
    assert setting_axis("lr", ["1e-4", "1e-2", "1e-3"]).places == pytest.approx([0, 1, 0.5])
    assert setting_axis("lr", ["1e-4", "1e-2", "1e-3"]).title == "lr (log)"
    assert setting_axis("name", ["b", "a", "–"]).places == [0.5, 0, 1]
    assert number_axis("FCD", [1.0, 3.0, None, float("nan")], turned=True).places == [1, 0, None, None]


def test_names_cannot_break_a_drawing() -> None:
    drawn = draw(["<script>"], [setting_axis('"><script>', ["</svg>"])], number_axis("FCD", [1.0]))
    assert "<script>" not in drawn
    assert drawn.count("</svg>") == 1


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    number = 0
    for lr in (1e-4, 1e-3):
        for penalty in ("none", "r1"):
            for seed in (0, 1):
                write_run(tmp_path / str(number), lr=lr, seed=seed, penalty={"name": penalty}, fcd=lr * 1e4 + seed)
                number += 1
    return tmp_path


def test_a_sweep_has_a_line_for_each_run_and_a_share_for_each_setting(sweep: Path) -> None:
    section = sweep_section(rankings(find_runs([sweep]))[0])
    assert section is not None
    drawing, table = section.blocks[:2]
    assert isinstance(drawing, Drawing)
    assert drawing.svg.count("<polyline") == 8
    assert isinstance(table, Table)
    assert [(row[0], row[1]) for row in table.rows] == [("optimizer.lr", "93%"), ("penalty", "0%")]
    assert table.rows[0][2].startswith("0.0001: ")  # the better one first


def test_fewer_than_two_settings_are_no_sweep(sweep: Path) -> None:
    assert sweep_section(rankings(find_runs([sweep / str(number) for number in range(4)]))[0]) is None


SWEEP = ["train.py", "-m", "experiment=quickstart", "optimizer.lr=1e-4,2e-4", "penalty=none,r1", "seed=range(3)"]


def test_a_run_of_a_sweep_is_repeated_with_its_own_values(tmp_path: Path) -> None:
    words = [*SWEEP, "optimizer.betas=[0.5,0.999],[0,0.9]", "hydra.sweep.dir=x", "optimizer=adam,sgd"]
    run = read_run(write_run(tmp_path / "0", lr=2e-4, seed=2, penalty={"name": "r1"}, command=words))
    assert command(run) == (
        "python train.py experiment=quickstart optimizer.lr=0.0002 penalty=r1 seed=2 "
        "'optimizer.betas=[0.5,0.999]' optimizer=adam"
    )
    assert recipe(run) == "quickstart optimizer.lr=0.0002 penalty=r1 optimizer.betas=[0.5,0.999] optimizer=adam"


def test_old_names_in_the_command_of_a_sweep_are_translated(tmp_path: Path) -> None:
    words = ["train.py", "-m", "game.concatenate=true,false", "game.class_weight=1.0,2.0", "seed=0,1"]
    run = read_run(write_run(tmp_path / "0", seed=1, command=words))
    run = replace(run, settings={**run.settings, "game": {"concatenate": True, "class_weight": 2.0}})
    assert command(run) == ("python train.py game.d_batch=concatenated game.auxiliary_losses.class_weight=2.0 seed=1")


def test_the_folder_of_own_options_is_part_of_its_command(tmp_path: Path) -> None:
    words = ["train.py", "-m", "--config-dir", "mine", "experiment=my", "seed=0,1"]
    run = read_run(write_run(tmp_path / "0", command=words))
    run = replace(run, facts={**run.facts, "overrides": ["experiment=my", "seed=0"]})
    assert command(run) == "python train.py --config-dir mine experiment=my seed=0"


def test_a_value_that_nobody_recorded_is_not_guessed(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "0", command=["train.py", "-m", "experiment=dcgan,wgan"]))
    assert command(run) is None


def test_a_single_run_is_repeated_by_its_own_command(tmp_path: Path) -> None:
    words = ["train.py", "model.generator.hidden=[128,256]", "hydra.run.dir=outputs/mine", "data.folder=a b"]
    text = command(read_run(write_run(tmp_path / "0", command=words)))
    assert text is not None
    assert shlex.split(text) == ["python", "train.py", "model.generator.hidden=[128,256]", "data.folder=a b"]
