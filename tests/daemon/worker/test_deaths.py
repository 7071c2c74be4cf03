"""Deaths: each in a row delays the next start for longer, and too many in a while stop starting for that while."""

from mien_daemon.worker.deaths import Deaths


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_death_in_a_row_waits_longer_and_the_last_delay_repeats() -> None:
    deaths = Deaths((0.2, 1.0, 5.0), 300.0, 100, Clock())
    seen = [deaths.delay_s]
    for _ in range(4):
        deaths.add()
        seen.append(deaths.delay_s)
    assert seen == [0.0, 0.2, 1.0, 5.0, 5.0]


def test_a_worker_that_did_something_begins_a_new_row_and_its_deaths_still_count() -> None:
    deaths = Deaths((0.2, 1.0), 300.0, 3, Clock())
    deaths.add()
    deaths.add()
    deaths.end_row()
    assert (deaths.in_a_row, deaths.delay_s, deaths.recent) == (0, 0.0, 2)
    deaths.add()
    assert (deaths.delay_s, deaths.recent, deaths.is_degraded) == (0.2, 3, True)


def test_the_worker_is_degraded_until_enough_deaths_are_long_ago() -> None:
    clock = Clock()
    deaths = Deaths((0.0,), 300.0, 3, clock)
    for clock.now in (10.0, 20.0, 30.0, 40.0):
        assert not deaths.is_degraded or clock.now == 40.0
        deaths.add()
    assert (deaths.is_degraded, deaths.degraded_for_s) == (True, 280.0), "until the third last is 300 s ago"
    clock.now = 319.9
    assert deaths.is_degraded
    clock.now = 320.0
    assert (deaths.is_degraded, deaths.degraded_for_s, deaths.recent) == (False, 0.0, 2)


def test_a_person_may_have_them_forgotten() -> None:
    deaths = Deaths((1.0,), 300.0, 1, Clock())
    deaths.add()
    deaths.reset()
    assert (deaths.recent, deaths.in_a_row, deaths.delay_s, deaths.is_degraded) == (0, 0, 0.0, False)
