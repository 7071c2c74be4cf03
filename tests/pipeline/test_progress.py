"""The stopwatch promises: every stage is told and timed, a concurrent stage ends with its block and its error wins."""

from threading import Event

import pytest

from mien_core.errors import Cancelled
from mien_pipeline.progress import STAGE_SHARES, OnStep, Progress, Stopwatch, begun_beside


class Clock:
    """Goes on by what it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_shares_of_all_stages_make_a_whole() -> None:
    assert sum(STAGE_SHARES.values()) == pytest.approx(1.0)
    last = list(STAGE_SHARES)[-1]
    assert Progress(last, 1, 1).fraction == pytest.approx(1.0)


def test_progress_grows_with_every_step_of_every_stage() -> None:
    fractions = [Progress(stage, done, 4).fraction for stage in STAGE_SHARES for done in range(4)]
    assert fractions == sorted(set(fractions))
    assert fractions[0] == 0.0


def test_a_stage_that_is_not_in_the_table_moves_nothing() -> None:
    assert Progress("tomorrow", 1, 2).fraction == 0.0


def test_a_stage_without_steps_is_at_its_beginning() -> None:
    assert Progress("detect", 0, 0).fraction == Progress("detect", 0, 1).fraction


def test_a_stage_that_runs_twice_has_the_seconds_of_both() -> None:
    clock = Clock()
    watch = Stopwatch(clock=clock)
    for seconds in (2.0, 3.0):
        with watch.stage("generate"):
            clock.now += seconds
    clock.now += 1.0
    assert watch.seconds == {"generate": 5.0}
    assert watch.elapsed == 6.0


def test_a_step_of_the_second_of_three_faces_is_told_as_a_part_of_all() -> None:
    told: list[Progress] = []
    Stopwatch(told.append).step("generate", turn=1, turns=3, done=2, total=4)
    assert told == [Progress("generate", 6, 12)]


def test_a_concurrent_stage_has_ended_when_its_block_is_left() -> None:
    entered, ended = Event(), Event()

    def work() -> None:
        assert entered.wait(10)
        ended.set()

    watch = Stopwatch()
    with watch.concurrent_stage("check", work):
        assert not ended.is_set()
        entered.set()
    assert ended.is_set()
    assert "check" in watch.seconds


def test_what_the_concurrent_stage_raises_wins_over_what_the_block_raises() -> None:
    def refuse() -> None:
        raise PermissionError("blocked")

    with pytest.raises(PermissionError, match="blocked"), Stopwatch().concurrent_stage("check", refuse):
        raise LookupError("no face")


def test_what_the_block_raises_comes_out_when_the_stage_ends_well() -> None:
    with pytest.raises(LookupError), Stopwatch().concurrent_stage("check", lambda: None):
        raise LookupError("no face")


def test_what_a_listener_raises_ends_the_stage_before_it_begins() -> None:
    def stop(progress: Progress) -> None:
        raise InterruptedError

    began = Event()
    with pytest.raises(InterruptedError), Stopwatch(stop).concurrent_stage("check", began.set):
        pass
    assert not began.is_set()


def test_what_is_begun_beside_is_there_when_it_is_asked_for() -> None:
    with begun_beside(lambda _: "made") as making:
        assert making.made.result() == "made"


def test_what_is_begun_beside_a_block_that_raises_ends_at_its_next_step() -> None:
    entered = Event()

    def work_for_ever(on_step: OnStep) -> None:
        entered.set()
        while True:
            on_step(0, 1)

    with pytest.raises(LookupError), begun_beside(work_for_ever) as making:  # noqa: PT012 it has to have begun
        assert entered.wait(60)
        raise LookupError("no face")
    assert isinstance(making.made.exception(), Cancelled)


def test_what_begun_work_waits_for_is_stopped_with_it() -> None:
    """Else the block would be left only when that is whole: here it never is."""
    entered = Event()

    def work_for_ever(on_step: OnStep) -> None:
        entered.set()
        while True:
            on_step(0, 1)

    with begun_beside(work_for_ever) as early:
        with pytest.raises(LookupError), begun_beside(lambda _: early.made.result(), early) as late:  # noqa: PT012
            assert entered.wait(60)
            raise LookupError("no face")
        assert [isinstance(each.made.exception(), Cancelled) for each in (early, late)] == [True, True]


def test_a_stage_is_told_at_its_very_beginning() -> None:
    told: list[Progress] = []
    watch = Stopwatch(told.append)
    with watch.stage("detect"), watch.concurrent_stage("check", lambda: None), watch.time("blend"):
        assert told == [Progress("detect", 0, 1), Progress("check", 0, 1)]
    assert len(told) == 2
