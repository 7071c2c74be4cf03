"""The processes beside this one that render segments of one clip: started early, set up when the clip is known."""

import subprocess
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from mien_core.files import make_folder
from mien_core.program import command_for, windowless
from mien_daemon.worker import messages
from mien_daemon.worker.messages import (
    Failed,
    Message,
    PictureRendered,
    RenderSegment,
    SegmentRendered,
    SetUpSegments,
)
from mien_daemon.worker.process import failure
from mien_pipeline.clips.journal import FinishedSegment, parse_tallies
from mien_pipeline.clips.orders import SegmentOrder
from mien_pipeline.clips.segments import HelperGone


class SegmentProcess:
    """One such process; a `SegmentHelper`. It ends when this one does."""

    def __init__(self) -> None:
        """Start it. The caller's cage may close after this."""
        self.process = subprocess.Popen(
            command_for("segments"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, **windowless()
        )

    def set_up(self, set_up: SetUpSegments, people: Sequence[Sequence[bytes]]) -> None:
        """Say what will be rendered, so that it can load its networks meanwhile; its death is noticed later."""
        with suppress(HelperGone):
            self._send(set_up, *(picture for person in people for picture in person))

    def render(self, order: SegmentOrder, on_picture: Callable[[], None]) -> FinishedSegment:
        """See `SegmentHelper.render`."""
        people = {str(person): place for person, place in order.people.items()}
        wanted = order.number, order.first, order.stop, people, order.encoder, order.quality, order.every
        self._send(RenderSegment(*wanted))
        while True:
            match self._hear():
                case PictureRendered():
                    on_picture()
                case SegmentRendered() as made:
                    tallies = parse_tallies(made.tallies)
                    return FinishedSegment(made.number, made.first, made.count, made.size, made.sha256, tallies)
                case Failed() as failed:
                    raise failure(failed)
                case None:
                    raise HelperGone
                case other:
                    raise ValueError(f"the process sent {type(other).__name__}")

    def end(self) -> None:
        """Close its pipes, which ends it whatever it does, and wait until it is gone.

        A process in a cage may not signal another one.
        """
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.wait()

    def _send(self, message: Message, *more: bytes) -> None:
        pipe = self.process.stdin
        if pipe is None:
            raise RuntimeError("the process has no pipe")
        try:
            pipe.write(messages.encode(message) + b"".join(more))
            pipe.flush()
        except OSError as error:
            raise HelperGone from error

    def _hear(self) -> Message | None:
        pipe = self.process.stdout
        if pipe is None:
            raise RuntimeError("the process has no pipe")
        try:
            return messages.read(cast("BinaryIO", pipe))
        except OSError:
            return None


@contextmanager
def start_helpers(count: int) -> Generator[list[SegmentProcess]]:
    """`count` processes that wait for a clip, gone when the block is left."""
    helpers: list[SegmentProcess] = []
    try:
        while len(helpers) < count:
            helpers.append(SegmentProcess())
        yield helpers
    finally:
        for helper in helpers:
            helper.end()


def set_up_helpers(
    helpers: Sequence[SegmentProcess],
    folders: tuple[Path, Path],
    clip: Path,
    run: Path,
    people: Sequence[Sequence[bytes]],
    options: Mapping[str, object],
) -> None:
    """Tell every helper what it will render.

    Args:
        helpers: as `start_helpers` made them.
        folders: the model store's, and the state's.
        clip, run: the target, and the folder of its run.
        people: the encoded pictures of each person.
        options: the engine's, as JSON.

    Raises:
        OSError: the run's folder cannot be made.
    """
    make_folder(run)  # a folder that is made later would not be the one that their cages let in
    models, state = folders
    sizes = [[len(picture) for picture in person] for person in people]
    models_path, state_path, run_path, clip_path = (str(path.absolute()) for path in (models, state, run, clip))
    set_up = SetUpSegments(models_path, state_path, run_path, clip_path, options, sizes)
    for helper in helpers:
        helper.set_up(set_up, people)
