"""The segments of one clip, rendered in this process and in others that were started for it.

Each process takes the next segment that is not done, puts its file in its place and says so; this process writes the
journal. No picture crosses a pipe. A process that dies costs the segment that it was at, which another one then makes.
Guests may take segments too: see `guests`.
"""

import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition, Thread
from typing import Protocol

import cv2

from mien_core.errors import MienError
from mien_pipeline.clips.analysis import Analysis
from mien_pipeline.clips.guests import Claims, read_guests_segment
from mien_pipeline.clips.journal import FinishedSegment, Journal, Tallies, make_segment
from mien_pipeline.clips.orders import ANALYSIS, OnPicture, SegmentOrder
from mien_pipeline.clips.render import ClipSwap, settle
from mien_pipeline.media.clip.encoders import ENCODERS
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.media.clip.segment import EncoderSettings, write_segment
from mien_pipeline.options import SwapOptions
from mien_pipeline.protocols import ContentCheck, FaceEmbedder
from mien_pipeline.swap_image import Reference

log = logging.getLogger(__name__)

_LISTEN_S = 0.2  # until guests are looked for again; and Windows lets no Ctrl-C through to a wait without an end


class HelperGone(Exception):
    """A process that rendered segments has ended."""


class SegmentHelper(Protocol):
    """Another process that renders segments of the same clip with the same references and options."""

    def render(self, order: SegmentOrder, on_picture: OnPicture, /) -> FinishedSegment:
        """Have a segment put in its place, without its row.

        Raises:
            HelperGone: the process has ended.
            MienError: as the render of this process would.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMaker:
    """Renders segments in this process.

    Attributes:
        swap: says what is in them.
        settings: how they are encoded.
        folder: of the run.
    """

    swap: ClipSwap
    settings: EncoderSettings
    folder: Path

    def make(self, number: int, first: int, stop: int, on_picture: OnPicture) -> FinishedSegment:
        """Put segment `number`, of pictures `first` to before `stop`, in its place; raises as `ClipSwap.render`."""

        def write(path: Path, tallies: Tallies) -> int:
            pictures = self.swap.render(first, stop, tallies, on_picture)
            return write_segment(path, pictures, self.swap.clip, self.settings)

        return make_segment(self.folder, number, first, write)


@contextmanager
def in_one_thread() -> Generator[None]:
    """OpenCV takes one thread: the pictures of a face are small, and processors are for other segments.

    With two, a clip of 720p took a twentieth more processor time, and no less time.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class SharedSegments:
    """The segments that are to be made, the processes that make them, and what came of it so far."""

    def __init__(self, orders: Sequence[SegmentOrder], journal: Journal) -> None:
        """`journal` gets the row of every finished segment, from this process alone."""
        self._journal = journal
        self.done: dict[int, Tallies] = {}
        self._waiting = deque(orders)
        self._claims = Claims(journal.folder)
        self._at_work, self._pictures = 0, 0
        self._error: MienError | None = None
        self._changed = Condition()

    def make_all(
        self, maker: SegmentMaker, helpers: Sequence[SegmentHelper], on_pictures: Callable[[int], None]
    ) -> dict[int, Tallies]:
        """Make every segment, here and by the helpers; what each counted.

        Args:
            maker: renders in this process.
            helpers: render in others, at the same time.
            on_pictures: told how many pictures are made, in this thread; what it raises ends the work here, and the
                helpers are for the caller to end.
        """
        with self._serving(helpers):
            while (order := self._take(on_pictures)) is not None:
                self._keep(maker.make(order.number, order.first, order.stop, lambda: self._count(on_pictures)))
            return self.done

    @contextmanager
    def _serving(self, helpers: Sequence[SegmentHelper]) -> Generator[None]:
        threads = [Thread(target=self._serve, args=(helper,), daemon=True) for helper in helpers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._waiting.clear()
                self._claims.close()

    def _take(self, on_pictures: Callable[[int], None]) -> SegmentOrder | None:
        """The next segment to make here; None when all are made. Raises what a helper's segment was refused for."""
        with self._changed:
            while True:
                if self._error:
                    raise self._error
                if (order := self._begin()) is not None:
                    return order
                if not self._waiting and not self._at_work:
                    return None
                on_pictures(self._pictures)
                self._changed.wait(_LISTEN_S)

    def _begin(self, *, is_last: bool = False) -> SegmentOrder | None:
        """The next segment that no guest is at, now begun; those that guests have made are noted on the way.

        Or the last one: a process that makes neighbours looks only once at the picture between them.
        """
        waiting = list(self._waiting)
        for order in reversed(waiting) if is_last else waiting:
            if self._claims.take(order.number) and not self._note_guests(order):
                self._waiting.remove(order)
                self._at_work += 1
                return order
        return None

    def _note_guests(self, order: SegmentOrder) -> bool:
        """Note a segment that a guest has made; False, and still taken, where none has."""
        try:
            made = read_guests_segment(self._journal.folder, order.number)
            if made is None:
                return False
            self._journal.add(made)
        except BaseException:
            self._claims.release(order.number)
            raise
        self.done[made.number] = made.tallies
        self._pictures += made.count
        self._waiting.remove(order)
        self._claims.release(order.number)
        return True

    def _count(self, on_pictures: Callable[[int], None]) -> None:
        with self._changed:
            self._pictures += 1
            made, error = self._pictures, self._error
        if error:
            raise error
        on_pictures(made)

    def _keep(self, made: FinishedSegment) -> None:
        with self._changed:
            self._journal.add(made)
            self.done[made.number] = made.tallies
            self._at_work -= 1
            self._claims.release(made.number)
            self._changed.notify_all()

    def _serve(self, helper: SegmentHelper) -> None:
        """Hand one helper a segment after the other; one that it died at is waiting again, before all others."""

        pictures = 0

        def count() -> None:
            nonlocal pictures
            with self._changed:
                pictures += 1
                self._pictures += 1
                self._changed.notify_all()

        while (order := self._begin_for_helper()) is not None:
            pictures = 0
            try:
                self._keep(helper.render(order, count))
            except MienError as error:
                self._give_back(order, pictures, error)
                return
            except (HelperGone, RuntimeError, ValueError, OSError, sqlite3.Error) as error:
                # It is gone, or it failed as this process need not; a disk that is full, this process meets too.
                log.warning("a process that rendered segment %d is given up: %r", order.number, error)
                self._give_back(order, pictures, None)
                return

    def _begin_for_helper(self) -> SegmentOrder | None:
        """As `_begin`, but what goes wrong is for this process's own thread to meet."""
        with self._changed:
            try:
                return None if self._error else self._begin(is_last=True)
            except (OSError, sqlite3.Error):
                return None

    def _give_back(self, order: SegmentOrder, pictures: int, error: MienError | None) -> None:
        with self._changed:
            self._waiting.appendleft(order)
            self._claims.release(order.number)
            self._at_work -= 1
            self._pictures -= pictures
            self._error = self._error or error
            self._changed.notify_all()


def open_segments(
    path: Path,
    folder: Path,
    order: SegmentOrder,
    references: Sequence[Reference],
    options: SwapOptions,
    embedder: FaceEmbedder,
    content_check: ContentCheck,
) -> SegmentMaker:
    """What renders segments of a run that another process leads, and has analysed.

    Args:
        path: the clip.
        folder: the run's.
        order: a segment's; all have the same people and encoder.
        references, options: as the leading process has them.
        embedder, content_check: measure likeness, and look at what was made.

    Raises:
        UnsupportedClip: the clip cannot be read.
        RuntimeError: its analysis cannot, or this process does not know the encoder; the leading process renders
            without this one.
    """
    if (encoder := next((each for each in ENCODERS if each.name == order.encoder), None)) is None:
        raise RuntimeError(f"there is no encoder {order.encoder} here")
    cv2.setNumThreads(1)  # each of several processes has a processor
    clip = probe_clip(path)
    if (analysis := Analysis.load(folder / ANALYSIS)) is None:
        raise RuntimeError("the clip's analysis cannot be read here")
    chosen = {person: references[place] for person, place in order.people.items()}
    settled = settle(chosen, analysis.people)
    swap = ClipSwap(clip, analysis, settled, options, embedder, content_check, order.every)
    return SegmentMaker(swap, EncoderSettings(encoder, order.quality), folder)
