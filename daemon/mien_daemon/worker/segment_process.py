"""The process that renders segments of one clip for the process that leads its run.

It is started before the leading process closes its cage, and waits. Its own cage closes after the first frame, which
says where the clip, the run's folder and the models are. When the leading process is gone it ends at once.
"""

import logging
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from mien_core.cage import walls
from mien_core.cage.walls import Cage
from mien_core.errors import MienError
from mien_core.redaction import log_to
from mien_daemon.worker import messages
from mien_daemon.worker.isolation import isolate
from mien_daemon.worker.messages import Failed, PictureRendered, RenderSegment, SegmentRendered, SetUpSegments
from mien_daemon.worker.runner import Pipe, take_standard_streams

if TYPE_CHECKING:
    from mien_pipeline.clips.segments import SegmentMaker  # NumPy starts threads, and the cage closes before

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Clip:
    """What the first frame and the bytes after it said."""

    set_up: SetUpSegments
    people: list[list[bytes]]


def read_clip(pipe: BinaryIO) -> Clip | None:
    """The clip to render; None when the leading process has no use for this one.

    Raises:
        ValueError: something else was sent.
    """
    set_up = messages.read(pipe)
    if set_up is None:
        return None
    if not isinstance(set_up, SetUpSegments):
        raise ValueError("the process is started by one that swaps a clip")
    return Clip(set_up, [[pipe.read(size) for size in person] for person in set_up.pictures])


def close_cage(set_up: SetUpSegments) -> None:
    """Let in the clip and the models to read, and the run's folder to write."""
    state, catalogue = Path(set_up.state), os.environ.get("MIEN_CATALOGUE")
    readable = [Path(set_up.models), Path(set_up.clip), state / "machine", *([Path(catalogue)] if catalogue else [])]
    isolate(
        Cage(
            readable=[path for path in readable if path.exists()],
            writable=[Path(set_up.folder)],
            memory_bytes=walls.most_memory_bytes(),
            accelerator=walls.has_accelerator(),
        )
    )


def listen(pipe: BinaryIO, orders: SimpleQueue[RenderSegment]) -> None:
    """Read orders until the leading process is gone, then end this one in the middle of its work."""
    while isinstance(order := messages.read(pipe), RenderSegment):
        orders.put(order)
    os._exit(0)


class SegmentRenderer:
    """A runtime for one clip, and the pipe on which it answers."""

    def __init__(self, clip: Clip, pipe: Pipe) -> None:
        """Load the engine and prepare the references; what is refused is said with the first segment."""
        from mien_models.catalogue.entries import load_catalogue
        from mien_models.store import ModelStore
        from mien_pipeline.engines.registry import parse_options
        from mien_pipeline.memory_limits import MACHINE_FOLDER, MemoryLimits
        from mien_pipeline.runtime import Runtime

        self._clip, self._pipe = clip, pipe
        self._options = parse_options(clip.set_up.options)
        store = ModelStore(Path(clip.set_up.models), load_catalogue(), offline=True)
        self._runtime = Runtime(store, None, MemoryLimits(Path(clip.set_up.state) / MACHINE_FOLDER))
        self._maker: SegmentMaker | None = None
        try:
            self._runtime.prepare_references(clip.people, self._options)
        except (MienError, OSError):
            log.exception("the references could not be prepared")

    def answer(self, order: RenderSegment) -> None:
        """Render a segment and say so, or say why not."""
        try:
            self._pipe.send(self._render(order))
        except MienError as error:
            self._pipe.send(Failed(str(order.number), error.code, str(error), error.fields))
        except Exception:  # the leading process makes the segment itself, and says what is wrong where it fails too
            log.exception("segment %d failed", order.number)
            self._pipe.send(Failed(str(order.number), "internal-error", ""))

    def _render(self, wanted: RenderSegment) -> SegmentRendered:
        from mien_pipeline.clips.journal import describe_tallies
        from mien_pipeline.clips.orders import SegmentOrder

        people = {int(person): place for person, place in wanted.people.items()}
        order = SegmentOrder(
            wanted.number, wanted.first, wanted.stop, people, wanted.encoder, wanted.quality, wanted.every
        )
        if self._maker is None:
            set_up = self._clip.set_up
            self._maker = self._runtime.open_segments(
                Path(set_up.clip), Path(set_up.folder), order, self._clip.people, self._options
            )
        made = self._maker.make(order.number, order.first, order.stop, lambda: self._pipe.send(PictureRendered()))
        told = describe_tallies(made.tallies)
        return SegmentRendered(made.number, made.first, made.count, made.size, made.sha256, told)


def main() -> None:
    log_to(logging.StreamHandler(sys.stderr))
    incoming, pipe = take_standard_streams()
    clip = read_clip(incoming)
    if clip is None:
        return
    close_cage(clip.set_up)
    orders: SimpleQueue[RenderSegment] = SimpleQueue()
    threading.Thread(target=listen, args=(incoming, orders), daemon=True).start()
    renderer = SegmentRenderer(clip, pipe)
    while True:
        renderer.answer(orders.get())


if __name__ == "__main__":
    main()
