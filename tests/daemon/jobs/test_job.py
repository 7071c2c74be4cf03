"""A job as a value: what it names, when it is over, and how the API shows it."""

from dataclasses import replace

import pytest

from mien_daemon.jobs.job import FINISHED, STATES, JobProgress, JobRequest, Priority, State, describe, format_time
from mien_testing.jobs import make_job

ZEROS, ONES = "0" * 64, "1" * 64


def test_a_job_names_the_pictures_that_were_sent_and_not_those_of_the_library() -> None:
    ask = JobRequest("swap", f"sha256:{ZEROS}", ((f"sha256:{ONES}", "ref:ada"),), {})
    assert list(ask.pictures) == [ZEROS, ONES]


@pytest.mark.parametrize("state", STATES)
def test_a_job_is_over_when_it_is_done_failed_or_cancelled(state: State) -> None:
    job = replace(make_job(), state=state)
    assert job.is_finished == (state in {"done", "failed", "cancelled"}) == (state in FINISHED)


def test_a_person_sorts_before_a_batch() -> None:
    assert sorted([Priority.batch, Priority.interactive]) == [Priority.interactive, Priority.batch]


def test_a_repeated_job_keeps_what_was_asked_and_forgets_what_came_of_it() -> None:
    failed = replace(
        make_job(), state="failed", attempts=2, started_at=1.0, finished_at=2.0, expires_at=3.0, problem={"code": "x"}
    )
    assert failed.start_over(7.0) == replace(make_job(), position=7.0)


def test_a_waiting_job_shows_its_position_and_no_progress() -> None:
    shown = describe(make_job(position=3.0), None)
    assert (shown["state"], shown["position"], shown["progress"]) == ("queued", 3.0, 0.0)
    assert (shown["stage"], shown["eta_s"], shown["started_at"]) == (None, None, None)
    assert shown["priority"] == "interactive"
    assert shown["created_at"] == "1970-01-01T00:01:40.000Z"


def test_a_running_job_shows_how_far_it_is_and_no_position() -> None:
    shown = describe(replace(make_job(), state="running"), JobProgress(0.12345, "generate", 7.5))
    assert (shown["progress"], shown["stage"], shown["eta_s"], shown["position"]) == (0.123, "generate", 7.5, None)


def test_a_job_that_is_done_shows_all_of_it_and_its_result() -> None:
    done = replace(make_job(), state="done", result={"engine": "mesh"})
    shown = describe(done, JobProgress(0.5, "mark", 1.0))
    assert (shown["progress"], shown["stage"], shown["eta_s"]) == (1.0, None, None)
    assert (shown["result"], shown["problem"]) == ({"engine": "mesh"}, None)


def test_a_failed_job_shows_its_problem() -> None:
    shown = describe(replace(make_job(), state="failed", problem={"code": "no-face-found"}), None)
    assert (shown["problem"], shown["result"]) == ({"code": "no-face-found"}, None)


@pytest.mark.parametrize(
    ("references", "shown"),
    [
        ((), None),
        ((("ref:a",),), "ref:a"),
        ((("ref:a", "ref:b"),), ["ref:a", "ref:b"]),
        ((("ref:a",), ("ref:b",)), None),
    ],
)
def test_one_person_is_shown_as_asked_for_and_several_are_listed(
    references: tuple[tuple[str, ...], ...], shown: object
) -> None:
    job = make_job()
    told = describe(replace(job, ask=replace(job.ask, references=references)), None)
    assert told["reference"] == shown
    assert told["references"] == [list(person) for person in references]


@pytest.mark.parametrize("like", [f"sha256:{'2' * 64}", [f"sha256:{'2' * 64}", f"sha256:{'2' * 64}"]])
def test_a_picture_that_a_face_is_found_by_is_one_of_the_jobs(like: object) -> None:
    job = make_job()
    ask = replace(job.ask, references=(("ref:a", "sha256:" + "1" * 64),), options={"faces": {"like": like}})
    assert ask.pictures == ["0" * 64, "1" * 64, "2" * 64]


def test_times_are_utc_with_milliseconds() -> None:
    assert format_time(None) is None
    assert format_time(1.5) == "1970-01-01T00:00:01.500Z"
