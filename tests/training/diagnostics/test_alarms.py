"""Alarm and Debounce: a condition counts when it has held for a while, and is reported with the time when it began."""

import json

from gan.training.diagnostics.alarms import Alarm, Debounce, Moment


def at(update: int) -> Moment:
    return Moment(update // 100 + 1, update)


def test_what_is_seen_counts_after_a_while_and_from_its_beginning() -> None:
    watch = Debounce(needed=100)
    assert [watch.update(True, at(update)) for update in (50, 100, 149)] == [None, None, None]
    assert watch.update(True, at(150)) == at(50)
    assert watch.on
    assert watch.update(True, at(500)) is None


def test_what_comes_and_goes_does_not_count() -> None:
    watch = Debounce(needed=100)
    assert [watch.update(update % 100 != 0, at(update)) for update in range(0, 1000, 50)] == [None] * 20
    assert not watch.on


def test_it_is_over_when_it_has_been_gone_for_as_long() -> None:
    watch = Debounce(needed=100)
    for update in (0, 100):
        watch.update(True, at(update))
    assert [watch.update(False, at(update)) for update in (150, 249)] == [None, None]
    assert watch.update(False, at(250)) == at(150)
    assert not watch.on


def test_a_watch_goes_on_where_it_was() -> None:
    first, second = Debounce(needed=100), Debounce(needed=100)
    first.update(True, at(30))
    second.restore(json.loads(json.dumps(first.plain())))
    assert second.update(True, at(130)) == at(30)


def test_an_alarm_is_a_line_with_what_to_try() -> None:
    alarm = Alarm("mode collapse", "all alike", Moment(3, 1200), ["optimizer=adam", "penalty=r1"])
    assert str(alarm) == (
        "ALARM mode collapse, since epoch 3 (generator update 1,200): all alike. Try: optimizer=adam | penalty=r1"
    )
    alarm.over = Moment(4, 1600)
    assert alarm.message == (
        "mode collapse, from epoch 3 (generator update 1,200) to epoch 4 (generator update 1,600): all alike. "
        "Try: optimizer=adam | penalty=r1"
    )
    assert alarm.end == (
        "OVER mode collapse, since epoch 4 (generator update 1,600); it began in epoch 3 (generator update 1,200)."
    )


def test_an_alarm_comes_back_from_plain_containers() -> None:
    for over in (None, Moment(4, 1600)):
        alarm = Alarm("mode collapse", "all alike", Moment(3, 1200), ["optimizer=adam"], over)
        assert Alarm.of_plain(json.loads(json.dumps(alarm.plain()))) == alarm


def test_with_nothing_to_try_the_line_ends_there() -> None:
    assert Alarm("divergence", "NaN", Moment(1, 2)).message == "divergence, since epoch 1 (generator update 2): NaN."
