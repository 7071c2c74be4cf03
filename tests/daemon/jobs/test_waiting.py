"""The jobs that wait: which is first, and where one goes that comes back, is repeated or is moved."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mien_daemon.jobs.job import Job, JobRequest, Priority
from mien_daemon.jobs.waiting import MOST_OVERTAKEN, WaitingJobs


def job(name: str, position: float, priority: Priority = Priority.interactive, engine: str = "mesh") -> Job:
    ask = JobRequest("swap", "sha256:" + "0" * 64, (), {"engine": engine}, priority)
    return Job(1, name, "local", ask, "queued", position, 0, 0.0)


def waiting_jobs(*jobs: Job) -> WaitingJobs:
    waiting = WaitingJobs()
    waiting.put(*jobs)
    return waiting


def names(waiting: WaitingJobs) -> list[str]:
    return [each.id for each in waiting]


def test_a_person_goes_before_a_batch_and_within_a_priority_the_smaller_position() -> None:
    waiting = waiting_jobs(job("batch", 1, Priority.batch), job("second", 3), job("first", 2))
    assert names(waiting) == ["first", "second", "batch"]
    assert waiting.take_next().id == "first"
    assert names(waiting) == ["second", "batch"]


def test_a_job_that_is_put_twice_waits_once_as_it_was_last() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 2))
    waiting.put(job("a", 3))
    assert names(waiting) == ["b", "a"]


def test_a_job_that_is_taken_out_is_gone_and_one_that_never_waited_is_told_apart() -> None:
    waiting = waiting_jobs(job("a", 1))
    assert waiting.take_out("a")
    assert not waiting.take_out("a")
    assert not waiting


positions = st.lists(st.floats(-100, 100), unique=True, min_size=1, max_size=8)


@given(positions)
def test_a_job_that_comes_back_is_first_and_one_that_is_repeated_is_last(taken: list[float]) -> None:
    waiting = waiting_jobs(*(job(str(number), position) for number, position in enumerate(taken)))
    back, again = job("back", taken[0]), job("again", taken[0])
    waiting.put(
        replace(back, position=waiting.first_position(back)), replace(again, position=waiting.last_position(again))
    )
    assert names(waiting)[0] == "back"
    assert names(waiting)[-1] == "again"


@given(st.data(), st.lists(st.sampled_from(Priority), min_size=2, max_size=8))
def test_a_moved_job_is_before_the_other_and_no_other_job_overtakes(
    data: st.DataObject, priorities: list[Priority]
) -> None:
    waiting = waiting_jobs(*(job(str(number), number, priority) for number, priority in enumerate(priorities)))
    moved = data.draw(st.sampled_from(list(waiting)))
    others = [each.id for each in waiting if each.id != moved.id]
    before = data.draw(st.sampled_from([*others, None]))
    waiting.reorder(waiting.with_moved([moved], before))
    place = others.index(before) if before else len(others)
    assert names(waiting) == [*others[:place], moved.id, *others[place:]]


def test_a_job_that_lost_a_worker_while_the_order_was_written_keeps_its_attempts() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 2))
    order = waiting.with_moved([job("b", 2)], "a")
    waiting.put(replace(job("a", 1), attempts=1))
    waiting.take_out("b")
    waiting.reorder(order)
    assert [(each.id, each.attempts) for each in waiting] == [("a", 1)]


def test_of_two_with_the_same_position_the_one_that_was_put_last_is_first() -> None:
    waiting = waiting_jobs(job("a", 1))
    waiting.put(job("b", 1))
    assert names(waiting) == ["b", "a"]
    waiting.put(job("a", 1))
    assert names(waiting) == ["a", "b"]
    assert names(waiting_jobs(job("x", 1), job("y", 1))) == ["x", "y"], "put together, they keep their order"


def test_a_job_is_found_while_it_waits() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 2))
    assert waiting.find("b") == job("b", 2)
    assert waiting.find("c") is None
    waiting.take_next()
    assert waiting.find("a") is None
    assert len(waiting) == 1


def test_where_none_waits_a_job_that_comes_back_is_one_before_itself_and_a_repeated_one_behind() -> None:
    waiting = WaitingJobs()
    assert waiting.first_position(job("a", 5)) == 4
    assert waiting.last_position(job("a", 5)) == 6


def test_a_position_is_one_beyond_the_first_or_last_of_all_whatever_their_priority() -> None:
    waiting = waiting_jobs(job("a", 3), job("b", 7, Priority.batch))
    assert waiting.first_position(job("back", 100)) == 2
    assert waiting.last_position(job("again", 1)) == 8
    assert waiting.last_position(job("again", 9)) == 10


def test_a_job_that_is_moved_takes_on_the_priority_of_the_one_behind_it() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 2, Priority.batch), job("c", 3, Priority.batch))
    before_a = waiting.with_moved([job("c", 3, Priority.batch)], "a")
    assert [(each.id, each.position, each.ask.priority.name) for each in before_a] == [("c", 0.0, "interactive")]
    to_the_end = waiting.with_moved([job("a", 1)], None)
    assert [(each.id, each.position, each.ask.priority.name) for each in to_the_end] == [("a", 4.0, "batch")]
    before_b = waiting.with_moved([job("a", 1)], "b")
    assert [(each.id, each.position, each.ask.priority.name) for each in before_b] == [("a", 1.0, "batch")]


def test_of_a_move_no_job_but_the_moved_ones_gets_another_position() -> None:
    """A page that knows the newest hundred of a long queue knows their places after every move that it is told of."""
    waiting = waiting_jobs(*(job(name, at) for at, name in enumerate("abcdef")))
    placed = waiting.with_moved([job("a", 0), job("f", 5)], "d")
    assert [each.id for each in placed] == ["a", "f"]
    waiting.reorder(placed)
    assert names(waiting) == ["b", "c", "a", "f", "d", "e"]


def test_where_two_jobs_leave_no_number_between_them_all_are_counted_anew() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 1), job("c", 7))
    placed = waiting.with_moved([job("c", 7)], "b")
    assert [(each.id, each.position) for each in placed] == [("a", 0.0), ("c", 1.0), ("b", 2.0)]


def test_however_often_jobs_are_moved_between_the_same_two_they_stand_where_they_were_put() -> None:
    waiting = waiting_jobs(job("first", 1), job("one", 2), job("other", 3))
    for turn in range(200):
        moved, behind = ("one", "other") if turn % 2 else ("other", "one")
        waiting.reorder(waiting.with_moved([job(moved, 0)], behind))
        assert names(waiting) == ["first", moved, behind]


def test_moving_only_says_how_it_would_be() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 2))
    waiting.with_moved([job("b", 2)], "a")
    assert names(waiting) == ["a", "b"]


def test_an_order_places_no_job_that_has_begun_and_leaves_one_that_came_meanwhile() -> None:
    waiting = waiting_jobs(job("a", 1), job("b", 2))
    order = waiting.with_moved([job("b", 2)], "a")
    waiting.take_next()
    waiting.put(job("new", 9))
    waiting.reorder(order)
    assert [(each.id, each.position) for each in waiting] == [("b", 0.0), ("new", 9)]


def test_a_job_whose_engine_is_in_memory_goes_before_others_of_its_priority() -> None:
    waiting = waiting_jobs(
        job("mesh", 1), job("flux", 2, engine="flux"), job("batch flux", 1, Priority.batch, engine="flux")
    )
    assert waiting.next_engine() == "mesh"
    assert [waiting.take_next("flux").id for _ in range(3)] == ["flux", "mesh", "batch flux"]
    assert waiting.next_engine() is None


def test_a_job_is_overtaken_a_few_times_and_then_goes_next() -> None:
    waiting = waiting_jobs(job("mesh", 0), *(job(f"flux {place}", place, engine="flux") for place in range(1, 8)))
    taken = [waiting.take_next("flux").id for _ in range(8)]
    assert taken.index("mesh") == MOST_OVERTAKEN
    assert [name for name in taken if name != "mesh"] == [f"flux {place}" for place in range(1, 8)]


def test_without_an_engine_in_memory_the_order_is_kept() -> None:
    waiting = waiting_jobs(job("a", 1, engine="flux"), job("b", 2), job("c", 3, engine="flux"))
    assert [waiting.take_next(engine).id for engine in (None, "inswapper", None)] == ["a", "b", "c"]
