"""The one table of measures: each stands once, is in quality.json, and is shown as the tables have it."""

from dataclasses import fields

from gan.launch.sweeps import objectives
from gan.metrics.measures import MEASURES
from gan.metrics.quality import Quality
from gan.runs.series import QUALITY, SERIES


def test_each_stands_once_and_is_a_number_of_quality_or_of_points() -> None:
    names = [measure.name for measure in MEASURES]
    titles = [measure.title for measure in MEASURES]
    known = {field.name for field in fields(Quality)} | {"high_quality"}
    assert len(set(names)) == len(set(titles)) == len(MEASURES)
    assert set(names) <= known
    assert {measure.real for measure in MEASURES if isinstance(measure.real, str)} <= known


def test_what_is_measured_in_training_can_be_searched_by() -> None:
    logged = [series.name.removeprefix(QUALITY) for series in SERIES if series.name.startswith(QUALITY)]
    assert logged == [*objectives.OF_IMAGES, *objectives.OF_POINTS]


def test_values_are_shown_as_the_tables_have_them() -> None:
    by_name = {measure.name: measure for measure in MEASURES}
    quality = {"kid": 0.002, "kid_floor": 0.001, "missing": ["3", "8"], "fcd": True, "modes": "many"}
    shown = {name: by_name[name].read(quality) for name in quality if name in by_name}
    assert shown == {"kid": 2.0, "missing": 2, "fcd": None, "modes": None}
    assert by_name["kid"].read_real(quality) == 1.0
    assert by_name["copied"].read_real(quality) == 0.01
    assert by_name["kid"].text([2.0, 3.0]) == "2.50 ± 6.35"
    assert by_name["kid"].text([None], "") == ""
