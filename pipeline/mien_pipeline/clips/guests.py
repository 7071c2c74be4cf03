"""The segments of a run, shared with processes that come to help and leave again when they like.

The leading process lays its orders into the run's folder. A guest takes the next segment that nobody is at, puts its
file in its place and what it counted beside it; the leading process writes the journal. Who is at a segment holds its
lock, which the system frees when that process dies.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from mien_core.files import write_whole
from mien_core.locks import LockHeldError, exclusively_or_not_at_all, is_held
from mien_pipeline.clips.journal import FinishedSegment, describe_tallies, parse_tallies, segment_path
from mien_pipeline.clips.orders import ORDERS, OnPicture, SegmentOrder, read_orders


class MakesSegments(Protocol):
    """What renders segments in this process: `segments.SegmentMaker`."""

    def make(self, number: int, first: int, stop: int, on_picture: OnPicture, /) -> FinishedSegment:
        """Put segment `number`, of pictures `first` to before `stop`, in its place."""
        ...


class Claims:
    """The segments that this process is at."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the run's."""
        self._folder = folder
        self._held: dict[int, ExitStack] = {}

    def take(self, number: int) -> bool:
        """Take a segment; False where another process is at it.

        Raises:
            OSError: the run's folder is gone.
        """
        path = segment_path(self._folder, number).with_suffix(".lock")
        if is_held(path):
            return False
        held = ExitStack()
        try:
            held.enter_context(exclusively_or_not_at_all(path))
        except LockHeldError:
            return False
        self._held[number] = held
        return True

    def release(self, number: int) -> None:
        """Let others take it, if it was taken."""
        if held := self._held.pop(number, None):
            held.close()

    def close(self) -> None:
        """Let go of all."""
        for number in list(self._held):
            self.release(number)


def render_as_guest(
    folder: Path, open_maker: Callable[[Path, SegmentOrder], MakesSegments], on_picture: OnPicture
) -> int:
    """Render segments of a run that another process leads, until none is left to take; how many it were.

    Args:
        folder: the run's; its leading process has laid out its orders.
        open_maker: given the clip and an order, what renders them; see `Runtime.open_segments`.
        on_picture: told after every picture; what it raises ends this guest, and another process makes its segment.

    Raises:
        MienError: what a segment was refused for. The leading process will meet it too.
        OSError: no orders lie there.
    """
    clip, orders = read_orders(folder)
    claims, maker, made = Claims(folder), None, 0
    try:
        for order in orders:
            if not take_segment(folder, order.number, claims):
                continue
            maker = maker or open_maker(clip, order)
            segment = maker.make(order.number, order.first, order.stop, on_picture)
            tell_of_segment(folder, segment)
            claims.release(order.number)
            made += 1
    except OSError:
        if (folder / ORDERS).exists():
            raise  # else the run has ended meanwhile
    finally:
        claims.close()
    return made


def take_segment(folder: Path, number: int, claims: Claims) -> bool:
    """Take a segment that is to be made; False where it is made, or another process is at it, or the run is over."""
    place = segment_path(folder, number)
    if place.exists() or not claims.take(number):
        return False
    if not place.exists() and (folder / ORDERS).exists():
        return True
    claims.release(number)
    return False


def read_guests_segment(folder: Path, number: int) -> FinishedSegment | None:
    """What a guest made and counted; None where none did."""
    try:
        said: dict[str, Any] = json.loads(_record(folder, number).read_bytes())
    except FileNotFoundError:
        return None
    tallies = parse_tallies(said.pop("tallies"))
    return FinishedSegment(**said, tallies=tallies)


def tell_of_segment(folder: Path, made: FinishedSegment) -> None:
    """Lay what a guest counted beside its segment, which is in its place."""
    said = {**asdict(made), "tallies": describe_tallies(made.tallies)}
    write_whole(_record(folder, made.number), json.dumps(said).encode(), 0o600)


def _record(folder: Path, number: int) -> Path:
    return segment_path(folder, number).with_suffix(".json")
