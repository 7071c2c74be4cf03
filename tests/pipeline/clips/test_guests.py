"""Guests take segments that nobody is at, and what they leave undone is made by the process that leads the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_core.errors import ContentBlocked
from mien_pipeline.clips.guests import Claims, read_guests_segment, render_as_guest
from mien_pipeline.clips.journal import FinishedSegment, Journal, segment_path
from mien_pipeline.clips.orders import SegmentOrder, lay_out_orders, read_orders
from mien_pipeline.clips.render import PersonTally
from mien_pipeline.clips.segments import SharedSegments

ORDERS = [SegmentOrder(number, 10 * number, 10 * number + 10, {0: 0}, "libsvtav1", 70) for number in range(4)]


class Maker:
    """Makes segments that need no clip; `before` is called before each."""

    def __init__(self, folder: Path, before: Callable[[int], object] = lambda _: None) -> None:
        self.folder, self.before, self.made = folder, before, list[int]()

    def make(self, number: int, first: int, _stop: int, on_picture: Callable[[], None]) -> FinishedSegment:
        self.before(number)
        for _ in range(10):
            on_picture()
        segment_path(self.folder, number).write_bytes(b"segment")
        self.made.append(number)
        return FinishedSegment(number, first, 10, 7, "00", {0: PersonTally(frames=10, swapped=10)})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run whose orders lie there."""
    journal = Journal(tmp_path / "run")
    journal.begin("one encoder")
    lay_out_orders(journal.folder, tmp_path / "clip.mp4", ORDERS)
    return journal.folder


def visit(run: Path, maker: Any, on_picture: Callable[[], None] = lambda: None) -> int:
    return render_as_guest(run, lambda _clip, _order: maker, on_picture)


def lead(run: Path, maker: Any) -> tuple[dict[int, Any], list[int]]:
    told: list[int] = []
    return SharedSegments(ORDERS, Journal(run)).make_all(maker, [], told.append), told


def test_orders_are_read_as_they_were_laid_out(tmp_path: Path) -> None:
    orders = [SegmentOrder(0, 0, 10, {0: 1}, "libsvtav1", 70), SegmentOrder(1, 10, 20, {0: 1}, "libsvtav1", 70, 8)]
    lay_out_orders(tmp_path, tmp_path / "clip.mp4", orders)
    assert read_orders(tmp_path) == (tmp_path / "clip.mp4", orders)


def test_a_guest_makes_what_nobody_is_at_and_the_leader_notes_it(run: Path) -> None:
    guest = Maker(run)
    leader = Maker(run, lambda number: visit(run, guest) if number == 0 else None)
    done, told = lead(run, leader)
    assert (leader.made, guest.made) == ([0], [1, 2, 3])
    assert {number: tallies[0].swapped for number, tallies in done.items()} == dict.fromkeys(range(4), 10)
    assert told[-1] == 10, "the last of its own pictures; a guest's are counted with their segment"


def test_a_guest_is_told_the_clip_and_the_first_order_that_it_takes(run: Path, tmp_path: Path) -> None:
    asked: list[object] = []

    def open_maker(clip: Path, order: SegmentOrder) -> Any:
        asked.append((clip, order))
        return Maker(run)

    with_first = Claims(run)
    assert with_first.take(0)
    assert render_as_guest(run, open_maker, lambda: None) == 3
    assert asked == [(tmp_path / "clip.mp4", ORDERS[1])]


def test_a_guest_that_is_called_away_leaves_its_segment_to_the_leader(run: Path) -> None:
    class CalledAway(Exception):
        pass

    def leave() -> None:
        raise CalledAway

    with pytest.raises(CalledAway):
        visit(run, Maker(run), leave)
    leader = Maker(run)
    assert sorted(lead(run, leader)[0]) == leader.made == [0, 1, 2, 3]


def test_a_refused_segment_is_left_to_the_leader(run: Path) -> None:
    def refuse(_: int) -> None:
        raise ContentBlocked("no")

    with pytest.raises(ContentBlocked):
        visit(run, Maker(run, refuse))
    assert Claims(run).take(0)
    assert read_guests_segment(run, 0) is None


def test_two_guests_and_a_leader_make_each_segment_once(run: Path) -> None:
    first = Maker(run)
    second = Maker(run, lambda number: visit(run, first) if number == 1 else None)
    leader = Maker(run, lambda number: visit(run, second) if number == 0 else None)
    assert sorted(lead(run, leader)[0]) == [0, 1, 2, 3]
    assert (leader.made, second.made, first.made) == ([0], [1], [2, 3])


def test_a_run_that_ends_while_a_guest_works_is_no_error_and_leaves_nothing(run: Path) -> None:
    assert visit(run, Maker(run, lambda _: Journal(run).clear())) == 0
    assert not run.exists()


def test_a_guest_comes_too_early_and_says_so(tmp_path: Path) -> None:
    folder = Journal(tmp_path / "run").folder
    with pytest.raises(FileNotFoundError):
        visit(folder, Maker(folder))
