"""Progress never goes back, is 1 only at the end, and the time left comes from how long the stages took before."""

from hypothesis import given
from hypothesis import strategies as st

from mien_daemon.jobs.estimate import FIRST_GUESS, ProgressEstimate, StageDurations

STAGES = [*FIRST_GUESS, "a stage of tomorrow"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.integers(-1, 12), st.integers(-1, 10))))
def test_whatever_a_worker_says_progress_stays_below_one_and_never_falls(said: list[tuple[str, int, int]]) -> None:
    course, last = ProgressEstimate(StageDurations(), "swap mesh"), 0.0
    for stage, done, total in said:
        course.move(stage, done, total)
        assert last <= course.fraction <= 0.99
        last = course.fraction


def test_nothing_is_promised_before_anything_is_known() -> None:
    clock = Clock()
    course = ProgressEstimate(StageDurations(), "swap mesh", clock)
    course.move("decode", 0, 1)
    assert course.eta_s is None


def test_a_first_job_that_is_half_done_is_expected_to_take_as_long_again() -> None:
    clock = Clock()
    pace = StageDurations()
    course = ProgressEstimate(pace, "swap mesh", clock)
    clock.now = 3.0
    course.move("generate", 1, 1)
    assert course.eta_s is not None
    assert abs(course.eta_s - 3.0 * (1 - course.fraction) / course.fraction) < 0.1


def test_a_known_kind_of_job_is_expected_to_take_as_long_as_before() -> None:
    clock = Clock()
    pace = StageDurations()
    pace.learn("swap flux", {"decode": 1.0, "generate": 8.0, "mark": 1.0})
    course = ProgressEstimate(pace, "swap flux", clock)
    course.move("decode", 0, 1)
    assert course.eta_s == 10.0
    clock.now = 5.0
    course.move("generate", 1, 2)
    assert course.fraction == 0.5
    assert course.eta_s == 5.0


def test_a_job_that_is_slower_than_before_is_expected_to_stay_slower() -> None:
    clock = Clock()
    pace = StageDurations()
    pace.learn("swap flux", {"generate": 10.0})
    course = ProgressEstimate(pace, "swap flux", clock)
    clock.now = 10.0
    course.move("generate", 5, 10)
    assert course.eta_s == 10.0


def test_the_average_follows_the_latest_jobs() -> None:
    pace = StageDurations()
    pace.learn("swap mesh", {"generate": 1.0})
    for _ in range(20):
        pace.learn("swap mesh", {"generate": 2.0})
    assert 1.9 < (pace.typical_s("swap mesh") or 0) <= 2.0
    assert pace.typical_s("swap flux") is None
