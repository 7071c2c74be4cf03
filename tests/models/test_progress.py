"""Progress counts what was there before, knows its rate, and is told a few times a second."""

import pytest

from mien_models.progress import PullProgress, Reporter, ignore_pull


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[PullProgress]:
    return []


@pytest.fixture
def report(clock: Clock, told: list[PullProgress]) -> Reporter:
    return Reporter("thing", 1000, told.append, clock=clock)


def test_a_stage_is_told_at_once_and_a_tick_ten_times_a_second(
    report: Reporter, told: list[PullProgress], clock: Clock
) -> None:
    report.stage("checking")
    report.tick()
    assert [one.stage for one in told] == ["checking"]
    clock.now += 0.125
    report.tick()
    assert len(told) == 2
    report.note("something to see")
    assert told[-1].note == "something to see"


def test_bytes_of_several_sources_add_up(report: Reporter, told: list[PullProgress], clock: Clock) -> None:
    report.source_bytes(100)
    report.finish_source(300)
    clock.now += 1
    report.source_bytes(50)
    clock.now += 1
    report.more_bytes(25)
    assert [one.done_bytes for one in told] == [100, 350, 375]
    assert (told[-1].total_bytes, told[-1].stage, told[-1].model) == (1000, "downloading", "thing")


def test_the_rate_is_of_the_last_seconds_and_says_how_long_it_takes(
    report: Reporter, told: list[PullProgress], clock: Clock
) -> None:
    for second in range(20):
        report.source_bytes(10 * second if second < 10 else 100 + 50 * (second - 10))
        clock.now += 1
    assert told[-1].bytes_per_s == pytest.approx(50)
    assert told[-1].eta_s == pytest.approx((1000 - told[-1].done_bytes) / 50)
    assert told[0].eta_s is None


def test_what_was_there_before_is_no_rate(report: Reporter, told: list[PullProgress], clock: Clock) -> None:
    report.source_bytes(900)
    report.stage("checking")
    clock.now += 1
    report.source_bytes(901)
    assert told[-1].bytes_per_s == 0, "a new beginning has no rate yet"
    clock.now += 1
    report.source_bytes(911)
    assert told[-1].bytes_per_s == pytest.approx(10)


def test_nothing_is_left_when_more_came_than_was_expected() -> None:
    assert PullProgress("thing", "downloading", 11, 10, 1.0).eta_s == 0


def test_a_listener_ends_it(clock: Clock) -> None:
    class StopError(Exception):
        pass

    def stop(_: PullProgress) -> None:
        raise StopError

    with pytest.raises(StopError):
        Reporter("thing", 1, stop, clock=clock).tick()
    ignore_pull(PullProgress("thing", "done"))
