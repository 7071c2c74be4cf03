"""Segments are shared: each is made once, what a helper gives up is made here, and a refusal ends the work."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from mien_core.errors import ContentBlocked
from mien_pipeline.clips.journal import FinishedSegment, Journal
from mien_pipeline.clips.orders import SegmentOrder
from mien_pipeline.clips.render import PersonTally
from mien_pipeline.clips.segments import HelperGone, SharedSegments, open_segments

ORDERS = [SegmentOrder(number, 10 * number, 10 * number + 10, {0: 0}, "libsvtav1", 70) for number in range(4)]


def finish(number: int) -> FinishedSegment:
    return FinishedSegment(number, 10 * number, 10, 1, "00", {0: PersonTally(frames=10)})


class Here:
    """A maker that needs no clip; before each segment it waits for `after`, which answers False when it gives up."""

    def __init__(self, after: Callable[[], bool] = lambda: True) -> None:
        self.after, self.made = after, list[int]()

    def make(self, number: int, _first: int, _stop: int, on_picture: Callable[[], None]) -> FinishedSegment:
        assert self.after()
        for _ in range(10):
            on_picture()
        self.made.append(number)
        return finish(number)


class Helper:
    """Makes segments until it fails with `error` in the middle of one."""

    def __init__(self, count: int, error: Exception) -> None:
        self.count, self.error, self.failed = count, error, Event()
        self.made: list[int] = []
        self.thread: Thread | None = None

    def render(self, order: SegmentOrder, on_picture: Callable[[], None]) -> FinishedSegment:
        self.thread = current_thread()
        for number in range(10):
            if len(self.made) == self.count and number == 5:
                self.failed.set()
                raise self.error
            on_picture()
        self.made.append(order.number)
        return finish(order.number)

    def ends(self) -> bool:
        """Wait until it has failed and its thread has told so."""
        if self.failed.wait(60) and self.thread:
            self.thread.join(60)
        return self.thread is not None and not self.thread.is_alive()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = Journal(tmp_path / "run")
    made.begin("one encoder")
    return made


def make_all(journal: Journal, here: Any, *helpers: Helper) -> tuple[dict[int, Any], list[int]]:
    told: list[int] = []
    return SharedSegments(ORDERS, journal).make_all(here, helpers, told.append), told


@pytest.mark.parametrize("error", [HelperGone(), RuntimeError("no network"), ValueError("out of step")])
def test_what_a_helper_gives_up_is_made_here_and_counted_once(journal: Journal, error: Exception) -> None:
    helper = Helper(1, error)
    here = Here(helper.ends)
    done, told = make_all(journal, here, helper)
    assert sorted(done) == [0, 1, 2, 3]
    assert len(helper.made) == 1
    assert sorted([*here.made, *helper.made]) == [0, 1, 2, 3]
    assert max(told) == 40


def test_what_a_helper_made_and_the_disk_did_not_take_is_made_here(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, refusals = Journal.add, [sqlite3.OperationalError("database or disk is full")]

    def refuse_once(self: Journal, made: FinishedSegment) -> None:
        if refusals:
            ended.set()
            raise refusals.pop()
        add(self, made)

    ended = Event()
    monkeypatch.setattr(Journal, "add", refuse_once)
    here = Here(lambda: ended.wait(60))
    done, told = make_all(journal, here, Helper(4, HelperGone()))
    assert sorted(done) == sorted(here.made) == [0, 1, 2, 3]
    assert max(told) == 40


def test_every_segment_has_its_row(journal: Journal) -> None:
    make_all(journal, Here(), Helper(4, HelperGone()))
    with closing(sqlite3.connect(journal.folder / "journal.sqlite")) as database:
        rows = database.execute("SELECT number FROM segments ORDER BY number").fetchall()
    assert rows == [(0,), (1,), (2,), (3,)]


def test_a_helper_that_does_not_know_the_encoder_gives_up_as_one_that_cannot_read_the_analysis(tmp_path: Path) -> None:
    unread: Any = None
    order = replace(ORDERS[0], encoder="of-the-future")
    with pytest.raises(RuntimeError, match="no encoder of-the-future"):
        open_segments(tmp_path / "clip.mp4", tmp_path, order, [], unread, unread, unread)


def test_a_refusal_in_a_helper_ends_the_work_here(journal: Journal) -> None:
    helper = Helper(0, ContentBlocked("no"))
    here = Here(helper.ends)
    with pytest.raises(ContentBlocked):
        make_all(journal, here, helper)
    assert len(here.made) <= 1


def test_what_the_listener_raises_ends_the_work_and_no_further_segment_begins(journal: Journal) -> None:
    shared = SharedSegments(ORDERS, journal)

    def stop(pictures: int) -> None:
        if pictures == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared.make_all(Here(), [], stop)  # type: ignore[arg-type]
    assert shared.done == {}
