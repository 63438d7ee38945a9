"""Statistics over seeds in a report: which configuration is first, and whether the others differ from it."""

from pathlib import Path

from written_runs import write_quality, write_run

from gan.report.contents import document
from gan.report.document import Command, Gallery, Table, Text
from gan.report.ranking import Ranking, rankings
from gan.report.seeds import configurations, first_place, seed_blocks
from gan.report.tables import ranking_table
from gan.runs.reading import find_runs


def ranked(folder: Path, values: dict[float, dict[int, float | None]]) -> Ranking:
    """A ranking of runs with these FCDs: learning rate -> seed -> FCD."""
    for lr, by_seed in values.items():
        for seed, fcd in by_seed.items():
            write_run(folder / f"{lr}-{seed}", lr=lr, seed=seed, fcd=fcd)
    (ranking,) = rankings(find_runs([folder]))
    return ranking


def rows(ranking: Ranking) -> list[dict[str, str]]:
    table = seed_blocks(ranking)[0]
    assert isinstance(table, Table)
    return [dict(zip(table.head, row, strict=True)) for row in table.rows]


def test_the_best_is_named_where_the_paired_intervals_separate(tmp_path: Path) -> None:
    """The seeds vary by 10, the configurations differ by 1 at each seed."""
    ranking = ranked(tmp_path, {1: {0: 10.0, 1: 20.0, 2: 30.0}, 2: {0: 11.1, 1: 21.0, 2: 30.9}})
    assert first_place(ranking).startswith("mnist: optimizer.lr=1 is the best of 2 configurations: FCD 20.0 ± 24.8")
    first, second = rows(ranking)
    assert (first["n"], first["mean FCD"], first["standard deviation"]) == ("3", "20.0", "10.0")
    assert (first["95 % interval"], first["result"]) == ("-4.8 to 44.8", "-")
    assert (second["difference from #1"], second["interval of the difference"]) == ("+1.000", "0.752 to 1.248")
    assert (second["compared"], second["result"]) == ("3 pairs of seeds", "different")


def test_nothing_is_the_best_where_they_do_not(tmp_path: Path) -> None:
    ranking = ranked(tmp_path, {1: {0: 4.0, 1: 6.0, 2: 5.0}, 2: {0: 6.0, 1: 5.0, 2: 5.0}})
    said = first_place(ranking)
    assert "is the best" not in said
    assert "lr=1 has the lowest mean FCD, 5.00 ± 2.48 (3 seeds). It is not distinguishable from the other" in said
    assert rows(ranking)[1]["result"] == "not distinguishable with 3 seeds"


def test_a_configuration_that_loses_in_pairs_is_not_the_best(tmp_path: Path) -> None:
    """The first has more seeds, and the others are good ones; with the same seeds the second is better."""
    ranking = ranked(tmp_path, {1: {0: 6.0, 1: 6.1, 2: 3.0, 3: 3.1, 4: 2.9}, 2: {0: 5.8, 1: 5.9}})
    said = first_place(ranking)
    assert "is the best" not in said
    assert said.endswith(
        "Compared on common seeds only, 1 other configuration had better values; the means are over different seeds."
    )


def test_a_seed_that_was_trained_several_times_counts_once(tmp_path: Path) -> None:
    for number, (lr, seed, fcd) in enumerate(
        [(1, 0, 1.0), (1, 0, 1.0), (1, 0, 1.0), (1, 1, 9.0), (2, 0, 4.0), (2, 1, 4.1)]
    ):
        write_run(tmp_path / str(number), lr=lr, seed=seed, fcd=fcd)
    (ranking,) = rankings(find_runs([tmp_path]))
    assert "optimizer.lr=2 has the lowest mean FCD, 4.05" in first_place(ranking)


def test_one_seed_has_no_interval_and_says_so(tmp_path: Path) -> None:
    ranking = ranked(tmp_path, {1: {0: 4.0}, 2: {0: 90.0}, 3: {0: None}})
    assert first_place(ranking) == (
        "mnist: optimizer.lr=1 has the lowest mean FCD, 4.00 (one seed, so no interval). It is not distinguishable "
        "from the other configuration with 1 seed. Train more seeds to compare: seed=0,1,2 with -m."
    )
    assert seed_blocks(ranking) == []


def test_other_seeds_are_compared_unpaired(tmp_path: Path) -> None:
    ranking = ranked(tmp_path, {1: {0: 1.0, 1: 1.1, 2: 1.2}, 2: {3: 5.0, 4: 5.1, 5: 5.2}, 3: {9: 7.0}})
    _, second, third = rows(ranking)
    assert (second["compared"], second["result"]) == ("unpaired", "different")
    assert (third["standard deviation"], third["95 % interval"]) == ("one seed", "no interval")
    assert third["result"] == "not distinguishable with 1 seed"
    assert "not distinguishable from 1 of the 2 other configurations" in first_place(ranking)


def test_a_repeated_seed_counts_once(tmp_path: Path) -> None:
    for name in "abc":
        write_run(tmp_path / name, seed=0, fcd=3.0)
    (ranking,) = rankings(find_runs([tmp_path]))
    assert ranking.measure is not None
    (only,) = configurations(ranking, ranking.measure)
    assert only.estimate is not None
    assert (only.estimate.n, only.estimate.interval) == (1, None)
    assert first_place(ranking) == "mnist: FCD 3.00 (lower is better; one seed, so no interval)."


def test_a_run_without_evaluation_shows_its_value_in_training(tmp_path: Path) -> None:
    write_run(tmp_path / "a", lr=1, fcd=9.0)
    folder = write_run(tmp_path / "b", lr=2)
    settings = folder / "config.yaml"
    callback = "callbacks:\n  quality:\n    _target_: gan.callbacks.QualityMonitor\n    n: 2000\n"
    settings.write_text(settings.read_text() + callback)
    (folder / "metrics.csv").write_text("images_seen,quality/fcd,quality/recall\n64,8,0.1\n128,4,0.25\n")
    (ranking,) = rankings(find_runs([tmp_path]))
    table = ranking_table(ranking, now=0)
    evaluated, other = (dict(zip(table.head, row, strict=True)) for row in table.rows)
    assert (evaluated["FCD"], evaluated["measured on"]) == ("9.00", "10,000 images of mnist")
    assert (other["FCD"], other["measured on"]) == ("4.00 †", "in training, 2,000 images")
    assert (other["recall in training"], evaluated["recall in training"]) == ("0.250", "-")
    blocks = document(find_runs([tmp_path]), now=0).sections[0].blocks
    assert any(isinstance(block, Text) and block.text.startswith("† The last value measured") for block in blocks)
    assert Command(f"gan evaluate {folder}") in blocks


def test_samples_stand_by_the_ranking(tmp_path: Path) -> None:
    ranked(tmp_path, {lr: {0: float(lr), 1: float(lr)} for lr in range(1, 8)})
    made = document(find_runs([tmp_path]), now=0)
    strip = made.sections[0].blocks[1]
    assert isinstance(strip, Gallery)
    captions = [picture.caption for picture in strip.pictures]
    assert captions[0] == "1. optimizer.lr=1, seed 1 (epoch 2)"
    assert len(captions) == 5
    (samples,) = [section for section in made.sections if section.title == "Samples"]
    (gallery,) = (block for block in samples.blocks if isinstance(block, Gallery))
    assert len(gallery.pictures) == 14


def test_configurations_with_equal_means(tmp_path: Path) -> None:
    for lr in (1, 2):
        for seed in (0, 1):
            write_quality(write_run(tmp_path / f"{lr}-{seed}", lr=lr, seed=seed, data="ring"), modes=8)
    (ranking,) = rankings(find_runs([tmp_path]))
    assert first_place(ranking).endswith("both configurations have the same mean modes, 8 (2 seeds).")
