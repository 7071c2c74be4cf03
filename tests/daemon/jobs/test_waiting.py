"""The line: who goes first, and where somebody stands who comes back, is repeated or is moved."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mien_daemon.jobs.job import Ask, Job, Priority
from mien_daemon.jobs.waiting import WaitingJobs


def job(name: str, position: float, priority: Priority = Priority.interactive) -> Job:
    ask = Ask("swap", "sha256:" + "0" * 64, (), {}, priority)
    return Job(1, name, "local", ask, "queued", position, 0, 0.0)


def line_of(*jobs: Job) -> WaitingJobs:
    line = WaitingJobs()
    line.put(*jobs)
    return line


def names(line: WaitingJobs) -> list[str]:
    return [each.id for each in line]


def test_a_person_goes_before_a_batch_and_among_their_own_who_came_first() -> None:
    line = line_of(job("batch", 1, Priority.batch), job("second", 3), job("first", 2))
    assert names(line) == ["first", "second", "batch"]
    assert line.take_first().id == "first"
    assert names(line) == ["second", "batch"]


def test_who_is_put_twice_stands_there_once_as_it_was_last() -> None:
    line = line_of(job("a", 1), job("b", 2))
    line.put(job("a", 3))
    assert names(line) == ["b", "a"]


def test_who_is_taken_out_is_gone_and_who_was_never_there_is_said_not_to_be() -> None:
    line = line_of(job("a", 1))
    assert line.take_out("a")
    assert not line.take_out("a")
    assert not line


positions = st.lists(st.floats(-100, 100), unique=True, min_size=1, max_size=8)


@given(positions)
def test_who_comes_back_is_first_and_who_is_repeated_is_last(taken: list[float]) -> None:
    line = line_of(*(job(str(number), position) for number, position in enumerate(taken)))
    back, again = job("back", taken[0]), job("again", taken[0])
    line.put(replace(back, position=line.first_position(back)), replace(again, position=line.last_position(again)))
    assert names(line)[0] == "back"
    assert names(line)[-1] == "again"


@given(st.data(), st.lists(st.sampled_from(Priority), min_size=2, max_size=8))
def test_who_is_moved_stands_before_the_other_and_nobody_else_overtakes(
    data: st.DataObject, priorities: list[Priority]
) -> None:
    line = line_of(*(job(str(number), number, priority) for number, priority in enumerate(priorities)))
    moved = data.draw(st.sampled_from(list(line)))
    others = [each.id for each in line if each.id != moved.id]
    before = data.draw(st.sampled_from([*others, None]))
    line.reorder(line.with_moved(moved, before))
    place = others.index(before) if before else len(others)
    assert names(line) == [*others[:place], moved.id, *others[place:]]


def test_who_lost_a_worker_while_the_order_was_written_keeps_what_it_has_been_through() -> None:
    line = line_of(job("a", 1), job("b", 2))
    order = line.with_moved(job("b", 2), "a")
    line.put(replace(job("a", 1), attempts=1))
    line.take_out("b")
    line.reorder(order)
    assert [(each.id, each.attempts) for each in line] == [("a", 1)]
