"""The one table of measures: what a run logs, what the tables of others show, and which way is better."""

from dataclasses import fields

from gan.launch import monitored
from gan.launch.sweeps import objectives
from gan.metrics import measures
from gan.metrics.measures import MEASURES, in_training
from gan.metrics.quality import Quality


def test_each_stands_once_and_is_a_number_of_quality_or_of_points() -> None:
    names = [measure.name for measure in MEASURES]
    titles = [measure.title for measure in MEASURES]
    known = {field.name for field in fields(Quality)} | {"high_quality"}
    assert len(set(names)) == len(set(titles)) == len(MEASURES)
    assert set(names) <= known
    assert {measure.real for measure in MEASURES if isinstance(measure.real, str)} <= known


def test_what_is_measured_in_training_can_be_monitored_and_searched_by() -> None:
    of_images, asked = in_training(points=False, asked=False), in_training(points=False, asked=True)
    of_points = in_training(points=True, asked=False)
    assert of_images == monitored.OF_IMAGES
    assert asked == objectives.OF_IMAGES == (*of_images, "label_accuracy")
    assert of_points == monitored.OF_POINTS == objectives.OF_POINTS


def test_which_way_is_better() -> None:
    names = ("quality/fcd", "quality/recall", "quality/missing", "quality/modes", "train/d_loss")
    assert [measures.better(name) for name in names] == [-1, 1, -1, 1, -1]


def test_values_are_shown_as_the_tables_have_them() -> None:
    by_name = {measure.name: measure for measure in MEASURES}
    quality = {"kid": 0.002, "kid_floor": 0.001, "missing": ["3", "8"], "fcd": True, "modes": "many"}
    shown = {name: by_name[name].read(quality) for name in quality if name in by_name}
    assert shown == {"kid": 2.0, "missing": 2, "fcd": None, "modes": None}
    assert by_name["kid"].read_real(quality) == 1.0
    assert by_name["copied"].read_real(quality) == 0.01
    assert by_name["kid"].text([2.0, 3.0]) == "2.50 ± 0.50"
    assert by_name["kid"].text([None], "") == ""
