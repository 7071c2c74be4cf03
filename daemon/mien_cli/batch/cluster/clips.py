"""Clips on a cluster: a process of this machine leads each as in any other run, and the cluster is its guest.

The leading process looks at the clip, writes its journal, joins the segments and signs the result. This one takes
segments that are to be made, has each made on the cluster with its tracks, and puts it in its place.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from mien_api.errors import WorkerDied
from mien_cli.batch.cluster.hands import ClusterHands
from mien_core.errors import ClusterRefused, ConsentRequired, MienError
from mien_core.files import make_folder, remove_file, write_whole
from mien_daemon.worker.messages import Finished, RunJob
from mien_pipeline.clips.orders import ANALYSIS, ORDERS, SegmentOrder, lay_out_orders, read_orders

if TYPE_CHECKING:
    from mien_cli.batch.clips import ClipCommand
    from mien_pipeline.clips.analysis import Analysis
    from mien_pipeline.clips.guests import Claims
    from mien_pipeline.clips.journal import FinishedSegment

log = logging.getLogger(__name__)

LOOK_S = 0.05  # until the leading process has analysed the clip; it makes the first segment in some seconds


@dataclass(frozen=True, slots=True)
class ClipRun:
    """The run of one clip: the folder of the leading process, and the engine's options."""

    folder: Path
    options: Mapping[str, object]


FindRun = Callable[[Path, Path], ClipRun]
"""Given a clip and where its result goes, the run that `mien swap` makes of them."""


@dataclass(slots=True)
class ClusterClips:
    """What makes the results of clips where there is a cluster.

    Attributes:
        command: leads the run of one clip.
        hands: the cluster.
        find_run: where it leads it.
        spool: a folder of this run alone.
    """

    command: ClipCommand
    hands: ClusterHands
    find_run: FindRun
    spool: Path
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def swap(self, clip: Path, made: Path) -> Mapping[str, Any]:
        """Have the clip swapped into the file `made`; the report. One clip is led at a time.

        Raises:
            ClusterRefused, ConsentRequired, WorkerDied: the cluster is given nothing, or is gone.
            MienError: as `mien swap` refuses the clip.
        """
        async with self._one:
            await self.hands.until_ready()
            run = await asyncio.to_thread(self.find_run, clip, made)
            remove_file(run.folder / ORDERS)  # a run that died left it: no process works by it any more
            leading = asyncio.create_task(self.command.swap(clip, made))
            helping = asyncio.create_task(self._help(run))
            try:
                await asyncio.wait([leading, helping], return_when=asyncio.FIRST_COMPLETED)
                if helping.done():
                    helping.result()
                return await leading
            finally:
                for task in (leading, helping):
                    task.cancel()
                await asyncio.wait([leading, helping])

    async def _help(self, run: ClipRun) -> None:
        """Have segments made on the cluster until none is left to take; what it refuses, the leading process makes."""
        from mien_pipeline.clips.guests import Claims

        while not (run.folder / ORDERS).exists():  # noqa: ASYNC110 another process makes it
            await asyncio.sleep(LOOK_S)
        with suppress(FileNotFoundError):  # the run has ended meanwhile
            guest = await asyncio.to_thread(open_guest, run, self.spool)
            claims = Claims(run.folder)
            waiting = iter(guest.orders)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.hands.segments):
                        group.create_task(self._serve(guest, waiting, claims))
            except ExceptionGroup as several:
                raise several.exceptions[0] from None
            finally:
                claims.close()

    async def _serve(self, guest: Guest, waiting: Iterator[SegmentOrder], claims: Claims) -> None:
        from mien_pipeline.clips.guests import take_segment

        for order in waiting:
            if not take_segment(guest.run.folder, order.number, claims):
                continue
            try:
                await self._make(guest, order)
            except MienError as error:
                if is_end(error):
                    raise
                log.warning("segment %d is left to this machine: %s", order.number, error)
            finally:
                claims.release(order.number)

    async def _make(self, guest: Guest, order: SegmentOrder) -> None:
        """Have one segment made, and put it in its place."""
        work = await asyncio.to_thread(guest.lay_out, order)
        try:
            finished = await self.hands.run(work)
            await asyncio.to_thread(guest.take_in, order, Path(work.output), finished)
        finally:
            shutil.rmtree(work.run, ignore_errors=True)


@dataclass(frozen=True, slots=True, eq=False)
class Guest:
    """What a run's folder says of its clip, and how its segments go out and come back."""

    run: ClipRun
    clip: Path
    orders: Sequence[SegmentOrder]
    analysis: Analysis
    spool: Path

    def lay_out(self, order: SegmentOrder) -> RunJob:
        """A run of one segment in a folder of its own: its order, and the analysis of its tracks alone."""
        folder = self.spool / f"{self.run.folder.name}.{order.number}"
        make_folder(folder)
        self.analysis.cut(order.first, order.stop).save(folder / ANALYSIS)
        lay_out_orders(folder, self.clip, [order])
        output = str(folder / "segment.mp4")
        return RunJob(folder.name, "help", str(self.clip), (), self.run.options, output, run=str(folder))

    def take_in(self, order: SegmentOrder, made: Path, finished: Finished) -> None:
        """Put a segment in its place, and what it counted beside it, as a guest of this machine does.

        Raises:
            ClusterRefused: a node answered with another one.
            FileNotFoundError: the run has ended.
        """
        from mien_pipeline.clips.guests import tell_of_segment
        from mien_pipeline.clips.journal import segment_path

        data = made.read_bytes()
        segment = read_finished(order, data, finished.report)
        write_whole(segment_path(self.run.folder, order.number), data, 0o600)
        tell_of_segment(self.run.folder, segment)


def is_end(error: MienError) -> bool:
    """Whether the cluster takes no more work; a segment alone may have ended its workers."""
    is_gone = isinstance(error, WorkerDied) and error.fields.get("reason") == "start"
    return is_gone or isinstance(error, (ClusterRefused, ConsentRequired))


def open_guest(run: ClipRun, spool: Path) -> Guest:
    """Read what the leading process laid out; raises `FileNotFoundError` where its run has ended."""
    from mien_pipeline.clips.analysis import Analysis

    clip, orders = read_orders(run.folder)
    if (analysis := Analysis.load(run.folder / ANALYSIS)) is None:
        raise FileNotFoundError(run.folder / ANALYSIS)
    return Guest(run, clip, orders, analysis, spool)


def read_finished(order: SegmentOrder, segment: bytes, counted: Mapping[str, object]) -> FinishedSegment:
    """What the journal will say of a segment that a node made.

    Raises:
        ClusterRefused: what the node counted is no count of this segment.
    """
    from mien_pipeline.clips.journal import FinishedSegment, Tallies

    try:
        tallies = TypeAdapter(Tallies).validate_python(counted)
    except ValidationError as error:
        raise ClusterRefused("a node counted what is in no segment", reason="node") from error
    if not tallies.keys() <= order.people.keys():
        raise ClusterRefused("a node counted other people", reason="node")
    digest = hashlib.sha256(segment).hexdigest()
    return FinishedSegment(order.number, order.first, order.stop - order.first, len(segment), digest, tallies)


def find_run(args: Namespace, people: Sequence[Sequence[bytes]], alike: Sequence[bytes]) -> ClipRun:
    """The run that `mien swap` with these arguments makes of a clip; `people` and `alike` are the pictures it reads."""
    from mien_cli.clip import RUNS, read_clip_options, with_format
    from mien_cli.edit_arguments import read_options
    from mien_cli.in_process import load_config, open_store
    from mien_cli.result_file import ResultPlace
    from mien_pipeline.choice.choose import settle_for_clip
    from mien_pipeline.clips.run_names import hash_clip, name_run

    args = with_format(args, ResultPlace.choose(args, args.target, "swapped"))
    options = settle_for_clip(read_options(args, None, alike), open_store(args), only_here=True)
    name = name_run(hash_clip(args.target), people, options, read_clip_options(args))
    asked = options.model_dump(mode="json", exclude_unset=True) | {"engine": options.engine}
    return ClipRun(load_config(args).folders.state / RUNS / name, asked)
