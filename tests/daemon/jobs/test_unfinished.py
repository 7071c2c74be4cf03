"""Jobs in memory: where each is, what is told of it, and how often."""

from dataclasses import replace
from pathlib import Path

import pytest

from mien_api.errors import WorkerDied
from mien_daemon.config import LiveSettings
from mien_daemon.events import Events
from mien_daemon.jobs import unfinished as module
from mien_daemon.jobs.estimate import ProgressEstimate
from mien_daemon.jobs.unfinished import RunningJob, UnfinishedJobs, duration_kind
from mien_daemon.state.clock import StateClock
from mien_testing.daemon import config_for
from mien_testing.jobs import make_job


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def settings(tmp_path: Path) -> LiveSettings:
    return LiveSettings(config_for(tmp_path / "state", keep_results_s=100))


@pytest.fixture
def seconds() -> list[float]:
    """What every clock says; set `seconds[0]`."""
    return [1000.0]


@pytest.fixture
def jobs(events: Events, settings: LiveSettings, seconds: list[float]) -> UnfinishedJobs:
    return UnfinishedJobs(events, settings, StateClock(lambda: seconds[0], lambda: seconds[0]))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> list[float]:
    """The seconds that the module sees; set `clock[0]`."""

    class Time:
        monotonic = staticmethod(lambda: seconds[0])

    monkeypatch.setattr(module, "time", Time)
    return seconds


def begun(jobs: UnfinishedJobs) -> RunningJob:
    running = jobs.begin()
    assert running
    return running


def test_what_an_earlier_daemon_left_waits_and_no_event_tells_of_it(jobs: UnfinishedJobs, events: Events) -> None:
    jobs.recover([make_job("a", 2), make_job("b", 1)])
    assert [job.id for job in jobs.waiting] == ["b", "a"]
    assert events.last == 0


def test_a_new_job_waits_and_its_owner_is_told(jobs: UnfinishedJobs, events: Events) -> None:
    jobs.add(make_job("a"))
    (event,) = list(events.since(0) or [])
    assert (event.kind, event.owner, event.subject, event.data) == ("job", "local", "a", jobs.show(make_job("a")))


@pytest.mark.usefixtures("clock")
def test_the_first_job_begins_with_one_more_attempt_and_is_found_while_it_runs(jobs: UnfinishedJobs) -> None:
    jobs.recover([make_job("a", 1), make_job("b", 2)])
    running = begun(jobs)
    assert running.job == replace(make_job("a", 1), state="running", attempts=1, started_at=1000.0)
    assert jobs.is_running("a")
    assert not jobs.is_running("b")
    assert jobs.find("a") is running.job
    assert jobs.find("b") == make_job("b", 2)
    assert jobs.find("c") is None
    assert jobs.newest(make_job("a", 1)) is running.job
    assert jobs.newest(make_job("c")) == make_job("c")
    assert jobs.counts() == {"queued": 1, "running": 1, "paused": False}


def test_nothing_begins_where_none_waits(jobs: UnfinishedJobs) -> None:
    assert jobs.begin() is None


async def test_nothing_begins_while_the_queue_is_paused(jobs: UnfinishedJobs, settings: LiveSettings) -> None:
    jobs.recover([make_job("a")])
    await settings.change({"paused": True})
    assert jobs.begin() is None
    assert len(jobs.waiting) == 1
    assert jobs.counts()["paused"] is True


@pytest.mark.parametrize(("counted", "attempts"), [(True, 1), (False, 0)])
def test_a_job_that_comes_back_waits_first_and_keeps_its_attempt_only_when_it_counts(
    jobs: UnfinishedJobs, events: Events, counted: bool, attempts: int
) -> None:
    jobs.recover([make_job("a", 5), make_job("b", 6)])
    running = begun(jobs)
    again = jobs.requeue_first(running.job, counted=counted)
    assert again == replace(make_job("a", 5.0), attempts=attempts)
    assert [job.id for job in jobs.waiting] == ["a", "b"]
    assert not jobs.is_running("a")
    assert not jobs.holds(running)
    assert list(events.since(0) or [])[-1].data["state"] == "queued"


def test_an_attempt_is_told_from_a_later_one_of_the_same_job(jobs: UnfinishedJobs) -> None:
    jobs.recover([make_job("a")])
    first = begun(jobs)
    jobs.requeue_first(first.job, counted=True)
    second = begun(jobs)
    assert not jobs.holds(first)
    assert jobs.holds(second)


@pytest.mark.usefixtures("clock")
def test_a_job_that_ends_expires_after_its_time_and_carries_its_problem(jobs: UnfinishedJobs) -> None:
    ended = jobs.end(make_job("a"), "failed", WorkerDied("it died"))
    assert (ended.state, ended.finished_at, ended.expires_at) == ("failed", 1000.0, 1100.0)
    assert ended.problem
    assert ended.problem["code"] == "worker-died"
    assert jobs.end(make_job("a"), "cancelled").problem is None


def test_a_closed_job_is_forgotten_and_told_without_its_progress(jobs: UnfinishedJobs, events: Events) -> None:
    jobs.recover([make_job("a")])
    running = begun(jobs)
    running.progress.fraction = 0.5
    failed = replace(running.job, state="failed")
    jobs.close(failed)
    assert jobs.find("a") is None
    assert jobs.counts()["running"] == 0
    assert list(events.since(0) or [])[-1].data["progress"] == 0.0


def test_progress_is_told_at_a_new_stage_and_ten_times_a_second(
    jobs: UnfinishedJobs, events: Events, clock: list[float]
) -> None:
    jobs.recover([make_job("a")])
    running = begun(jobs)
    estimate = ProgressEstimate(jobs.durations, "swap flux")

    def told_after(seconds: float, stage: str, done: int) -> int:
        clock[0] += seconds
        before = events.last
        estimate.move(stage, done, 10)
        jobs.tell_progress(running, estimate)
        return events.last - before

    assert told_after(0.0, "decode", 1) == 1
    assert told_after(0.05, "decode", 2) == 0
    assert told_after(0.0, "generate", 1) == 1
    assert told_after(0.09, "generate", 2) == 0
    assert jobs.show(running.job)["progress"] == round(estimate.fraction, 3), "asked for, it is the latest"
    assert told_after(0.02, "generate", 3) == 1
    assert told_after(0.1, "generate", 4) == 1
    assert list(events.since(0) or [])[-1].data["stage"] == "generate"


def test_progress_within_a_stage_is_told_again_after_exactly_a_tenth_of_a_second(
    jobs: UnfinishedJobs, events: Events, clock: list[float]
) -> None:
    jobs.recover([make_job("a")])
    running = begun(jobs)
    estimate = ProgressEstimate(jobs.durations, "swap flux")
    for clock[0], told in ((0.0, 1), (0.0625, 1), (0.1, 2)):
        estimate.move("decode", 1, 10)
        jobs.tell_progress(running, estimate)
        assert events.last == told


def test_a_late_word_of_a_job_that_ended_tells_nothing(jobs: UnfinishedJobs, events: Events) -> None:
    jobs.recover([make_job("a")])
    running = begun(jobs)
    jobs.close(replace(running.job, state="cancelled"))
    before = events.last
    jobs.tell_progress(running, ProgressEstimate(jobs.durations, "swap flux"))
    assert events.last == before


@pytest.mark.parametrize(
    ("result", "learned"),
    [
        ({"stages": {"generate": 2, "mark": 0.5}}, 2.5),
        ({"stages": {"generate": 2.0, "note": "text"}}, 2.0),
        ({"stages": "none"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_only_numbers_in_a_report_are_learned(
    jobs: UnfinishedJobs, result: dict[str, object] | None, learned: float | None
) -> None:
    jobs.learn(replace(make_job("a"), result=result))
    assert jobs.durations.typical_s("swap flux") == learned


def test_jobs_of_one_kind_and_engine_take_alike_and_others_do_not() -> None:
    job = make_job()
    assert duration_kind(job) == "swap flux"
    assert duration_kind(make_job(kind="restore")) == "restore flux"
    assert duration_kind(replace(job, ask=replace(job.ask, options={}))) == "swap "


def test_the_counts_are_told_to_administrators(jobs: UnfinishedJobs, events: Events) -> None:
    jobs.tell_counts()
    (event,) = list(events.since(0) or [])
    assert (event.kind, event.owner, event.data) == ("queue", None, {"queued": 0, "running": 0, "paused": False})
