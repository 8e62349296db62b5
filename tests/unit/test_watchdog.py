"""Which workers the watchdog takes for hung."""

from fastgw.runtime.watchdog import LOOK_SECONDS, Watchdog


def looks(watchdog, headers, begin=100.0):
    """The verdict of each look, one after the other in time."""
    return [watchdog.stuck(each, begin + n * LOOK_SECONDS) for n, each in enumerate(headers)]


def test_no_change_for_the_limit():
    assert looks(Watchdog(1.0), [{(0, 7): (1, 2)}] * 4) == [[], [], [(0, 7)], [(0, 7)]]


def test_any_change_is_progress():
    headers = [{(0, 7): (n, 0) if n % 2 else (0, n)} for n in range(10)]
    assert looks(Watchdog(1.0), headers) == [[]] * 10


def test_the_others_are_left_alone():
    headers = [{(0, 7): (5,), (1, 8): (n,)} for n in range(4)]
    assert looks(Watchdog(1.0), headers)[-1] == [(0, 7)]


def test_a_successor_begins_anew():
    headers = [{(0, 7): (5,)}, {(0, 7): (5,)}, {(0, 9): (5,)}, {(0, 9): (5,)}]
    assert looks(Watchdog(1.0), headers) == [[]] * 4


def test_time_in_which_nobody_looked_does_not_count():
    watchdog = Watchdog(1.0)
    assert looks(watchdog, [{(0, 7): (5,)}] * 2) == [[], []]
    assert looks(watchdog, [{(0, 7): (5,)}] * 3, begin=200.0) == [[], [], [(0, 7)]]
