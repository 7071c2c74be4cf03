"""Progress never goes back, is 1 only at the end, and the time left comes from how long the stages took before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien_daemon.jobs.estimate import ProgressEstimate, StageDurations, find_clip_shares
from mien_pipeline.progress import STAGE_SHARES

STAGES = [*STAGE_SHARES, "a stage of tomorrow"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.integers(-1, 12), st.integers(-1, 10))))
def test_whatever_a_worker_says_progress_stays_below_one_and_never_falls(said: list[tuple[str, int, int]]) -> None:
    estimate, last = ProgressEstimate(StageDurations(), "swap mesh"), 0.0
    for stage, done, total in said:
        estimate.move(stage, done, total)
        assert last <= estimate.fraction <= 0.99
        last = estimate.fraction


def test_nothing_is_promised_before_anything_is_known() -> None:
    clock = Clock()
    estimate = ProgressEstimate(StageDurations(), "swap mesh", clock)
    estimate.move("decode", 0, 1)
    assert estimate.eta_s is None


def test_a_first_job_that_is_half_done_is_expected_to_take_as_long_again() -> None:
    clock = Clock()
    durations = StageDurations()
    estimate = ProgressEstimate(durations, "swap mesh", clock)
    clock.now = 3.0
    estimate.move("generate", 1, 1)
    assert estimate.eta_s is not None
    assert abs(estimate.eta_s - 3.0 * (1 - estimate.fraction) / estimate.fraction) < 0.1


def test_a_known_kind_of_job_is_expected_to_take_as_long_as_before() -> None:
    clock = Clock()
    durations = StageDurations()
    durations.learn("swap flux", {"decode": 1.0, "generate": 8.0, "mark": 1.0})
    estimate = ProgressEstimate(durations, "swap flux", clock)
    estimate.move("decode", 0, 1)
    assert estimate.eta_s == 10.0
    clock.now = 5.0
    estimate.move("generate", 1, 2)
    assert estimate.fraction == 0.5
    assert estimate.eta_s == 5.0


def test_a_job_that_is_slower_than_before_is_expected_to_stay_slower() -> None:
    clock = Clock()
    durations = StageDurations()
    durations.learn("swap flux", {"generate": 10.0})
    estimate = ProgressEstimate(durations, "swap flux", clock)
    clock.now = 10.0
    estimate.move("generate", 5, 10)
    assert estimate.eta_s == 10.0


def test_the_average_takes_three_tenths_of_the_latest_job() -> None:
    durations = StageDurations()
    durations.learn("swap mesh", {"generate": 1.0, "mark": 4.0})
    durations.learn("swap mesh", {"generate": 2.0})
    assert durations.expected("swap mesh") == {"generate": pytest.approx(1.3), "mark": 4.0}
    durations.learn("swap mesh", {"generate": 2.0, "blend": 5.0})
    assert durations.expected("swap mesh") == {"generate": pytest.approx(1.51), "mark": 4.0, "blend": 5.0}


def test_the_typical_time_is_the_sum_of_the_stages_of_jobs_that_finished() -> None:
    durations = StageDurations()
    assert durations.typical_s("swap flux") is None
    assert not durations.is_known("swap flux")
    durations.learn("swap flux", {"generate": 8.0, "mark": 1.5})
    assert durations.typical_s("swap flux") == 9.5
    assert durations.is_known("swap flux")
    assert durations.typical_s("swap mesh") is None


def test_what_is_learned_later_does_not_change_the_report_it_came_from() -> None:
    durations, report = StageDurations(), {"generate": 1.0}
    durations.learn("swap mesh", report)
    durations.learn("swap mesh", {"generate": 9.0})
    assert report == {"generate": 1.0}


def test_the_first_guess_is_shares_of_one_second() -> None:
    assert sum(STAGE_SHARES.values()) == pytest.approx(1.0)
    assert StageDurations().expected("swap mesh") == STAGE_SHARES


def test_stages_that_were_passed_count_whole_and_the_present_one_by_its_part() -> None:
    durations = StageDurations()
    durations.learn("swap flux", {"decode": 1.0, "generate": 8.0, "mark": 1.0})
    estimate = ProgressEstimate(durations, "swap flux", Clock())
    told = []
    for stage, done, total in (
        ("decode", 1, 2),
        ("generate", 0, 4),
        ("generate", 3, 4),
        ("mark", 0, 1),
        ("mark", 1, 1),
    ):
        estimate.move(stage, done, total)
        told.append((estimate.stage, round(estimate.fraction, 6)))
    assert told == [("decode", 0.05), ("generate", 0.1), ("generate", 0.7), ("mark", 0.9), ("mark", 0.99)]


def test_a_stage_that_comes_again_is_not_counted_twice() -> None:
    durations = StageDurations()
    durations.learn("swap flux", {"generate": 5.0, "score": 5.0})
    estimate = ProgressEstimate(durations, "swap flux", Clock())
    for stage in ("generate", "score", "generate"):
        estimate.move(stage, 0, 2)
    estimate.move("generate", 1, 2)
    assert estimate.fraction == pytest.approx(0.75), "2.5 of the stage that runs again, 5 of the one that was passed"


def test_a_known_job_that_has_not_begun_counts_down_the_usual_time_and_never_below_its_remaining_share() -> None:
    clock = Clock()
    durations = StageDurations()
    durations.learn("swap flux", {"decode": 1.0, "generate": 99.0})
    estimate = ProgressEstimate(durations, "swap flux", clock)
    estimate.move("decode", 0, 1)
    assert estimate.eta_s == 100.0
    clock.now = 3.0
    assert estimate.eta_s == 100.0, "nothing is done: all of it is left"
    estimate.move("generate", 4, 99)
    assert (estimate.fraction, estimate.eta_s) == (0.05, 95.0)


def test_how_slow_a_job_is_counts_only_once_three_tenths_of_it_are_over() -> None:
    clock = Clock()
    durations = StageDurations()
    durations.learn("swap flux", {"generate": 10.0})
    estimate = ProgressEstimate(durations, "swap flux", clock)
    clock.now = 9.0
    estimate.move("generate", 3, 10)
    assert estimate.eta_s == 7.0
    estimate.move("generate", 4, 10)
    assert estimate.eta_s == 13.5, "4 s of work took 9 s, and 6 s of work are left"


def test_a_job_that_is_quicker_than_before_is_not_expected_to_stay_so() -> None:
    clock = Clock()
    durations = StageDurations()
    durations.learn("swap flux", {"generate": 10.0})
    estimate = ProgressEstimate(durations, "swap flux", clock)
    clock.now = 1.0
    estimate.move("generate", 5, 10)
    assert estimate.eta_s == 5.0


def test_a_first_job_tells_the_time_left_once_more_than_a_fifth_is_over_and_in_tenths() -> None:
    clock = Clock()
    durations = StageDurations()
    first = ProgressEstimate(durations, "swap flux", clock)
    clock.now = 1.0
    first.fraction = 0.2
    assert first.eta_s is None
    first.fraction = 0.3
    assert first.eta_s == 2.3, "0.7 / 0.3 is 2.333…"


def test_the_last_seconds_of_a_known_job_are_told_as_they_are() -> None:
    clock = Clock()
    durations = StageDurations()
    durations.learn("swap flux", {"generate": 10.0})
    estimate = ProgressEstimate(durations, "swap flux", clock)
    clock.now = 9.5
    estimate.move("generate", 95, 100)
    assert estimate.eta_s == 0.5


def test_a_clip_counts_its_own_pictures_and_learns_nothing_from_what_took_before() -> None:
    clock, durations = Clock(), StageDurations()
    durations.learn("swap mesh", {"generate": 0.1})
    estimate = ProgressEstimate(durations, "swap mesh", clock)
    estimate.move("detect", 0, 1, (0, 0))
    assert (estimate.frames, estimate.segments, estimate.eta_s) == (None, None, None)
    clock.now = 2.0
    estimate.move("detect", 1, 100, (0, 0))
    estimate.move("generate", 0, 100, (0, 2))
    clock.now = 10.0
    estimate.move("generate", 50, 100, (1, 2))
    assert (estimate.frames, estimate.segments) == ((50, 100), (1, 2))
    assert estimate.eta_s == pytest.approx(8 * 0.45 / 0.5485, abs=0.1)


def test_a_clip_that_goes_on_is_timed_from_where_it_stood() -> None:
    clock = Clock()
    estimate = ProgressEstimate(StageDurations(), "swap mesh", clock)
    estimate.move("detect", 0, 1, (0, 0))
    estimate.move("generate", 81, 100, (4, 5))
    clock.now = 4.0
    estimate.move("generate", 91, 100, (4, 5))
    assert estimate.eta_s == pytest.approx(4 * (1 - 0.15 - 0.8 * 0.91) / 0.08, abs=0.1)


@pytest.mark.parametrize(("format", "fraction"), [("mp4", 0.975), ("gif", 0.7), ("webp", 0.85), (None, 0.975)])
def test_writing_an_animation_is_a_large_part_of_the_work_and_counted_in_pictures(
    format: str | None, fraction: float
) -> None:
    estimate = ProgressEstimate(StageDurations(), "swap mesh", Clock(), find_clip_shares({"format": format}))
    estimate.move("detect", 0, 1, (0, 0))
    estimate.move("generate", 100, 100, (3, 3))
    estimate.move("mark", 50, 100, (0, 0))
    assert estimate.fraction == pytest.approx(fraction)
    assert estimate.frames == (50, 100)
