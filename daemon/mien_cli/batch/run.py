"""One run: every input is read, swapped by a worker, put in its place and written down, whatever the others do."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mien_api.errors import WorkerDied
from mien_api.problems import problem_for
from mien_cli.batch.clips import SwapsClips, describe_people
from mien_cli.batch.inputs import InputFile
from mien_cli.batch.journal import FileRow, Journal
from mien_cli.batch.names import ResultName, ResultNames
from mien_cli.batch.workers import Hands
from mien_cli.result_file import ROOM
from mien_core import errors
from mien_core.files import name_system_error, naming_output_errors
from mien_core.outputs import Exists, Inputs, Output
from mien_daemon.pictures.reader import PictureReader
from mien_daemon.worker.messages import Finished, RunJob

# What is wrong with the machine or with what every picture is made with: the next picture would fail of it too.
ENDS_RUN = (
    errors.ModelError,
    errors.KeyUnavailable,
    errors.UnknownReference,
    errors.ReferenceGlasses,
    errors.SeveralFaces,
    errors.TooManyPictures,
    errors.DiskFull,
    errors.EngineUnavailable,
    errors.LibraryMissing,
    errors.UnknownEngine,
    errors.ClusterRefused,
    errors.ConsentRequired,
)
THUMBNAIL_SIDE = 256
SUFFIXES = {f"image/{suffix.replace('jpg', 'jpeg')}": f".{suffix}" for suffix in ("jpg", "png", "webp", "avif", "tiff")}
State = Literal["waiting", "done", "skipped", "failed"]


class RunStopped(Exception):
    """No further picture can be done; `error` says why."""

    def __init__(self, error: errors.MienError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class Item:
    """One input of this run, and what has become of it."""

    file: InputFile
    row: FileRow
    name: ResultName
    suffix: str
    state: State = "waiting"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What every picture of a run is made with.

    Attributes:
        references: the picture files of each person, where the workers may read them.
        likes: the pictures by which faces are chosen.
        options: as the API takes them.
    """

    references: Sequence[Sequence[Path]]
    likes: Sequence[Path]
    options: dict[str, object]


@dataclass(slots=True)
class FolderRun:
    """The parts of a run.

    Attributes:
        folder: where results go.
        roots: the folders that are read.
        pictures: a folder of this run alone that the workers share.
        on_item: told of each input when it is finished.
    """

    folder: Path
    roots: Sequence[Path]
    pictures: Path
    ask: Ask
    exists: Exists
    inputs: Inputs
    journal: Journal
    names: ResultNames
    workers: Hands
    reader: PictureReader
    clips: SwapsClips
    on_item: Callable[[Item], None]
    _one_at_a_time: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, items: Sequence[Item]) -> None:
        """Finish every input. While the workers swap, one more input is read and one result is written.

        Raises:
            RunStopped: no further picture can be done; those that were begun are given up.
        """
        waiting = iter(items)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.workers.count + 1):
                    group.create_task(self._serve(waiting))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def _serve(self, waiting: Iterator[Item]) -> None:
        for item in waiting:
            await self._finish(item)
            self.on_item(item)

    async def _finish(self, item: Item) -> None:
        """Bring one input to its end, and write that down."""
        row = item.row
        _begin_anew(row)
        try:
            data, content = await asyncio.to_thread(_read, item.file)
            row.content = content
            async with self._one_at_a_time[content]:
                if not await self._find_before(item):
                    await self._edit(item, data)
        except Exception as error:
            if (ending := find_end(error, of_clip=item.file.is_clip)) is not None:
                raise RunStopped(ending) from error
            _begin_anew(row)
            item.state = row.state = "failed"
            row.problem = problem_for(error)
            row.code = str(row.problem["code"])
        self.journal.write(row)

    async def _find_before(self, item: Item) -> bool:
        """Whether the same picture was done before with the same options, under whatever name, and is still there."""
        row = item.row
        if row.content is None:
            return False
        for before in self.journal.find_done(row.content, row.ask):
            if before.output is None or before.sha256 is None:
                continue
            if await asyncio.to_thread(_hash, self.folder / before.output) != before.sha256:
                continue
            item.state = "skipped"
            item.reason = "done-before" if before.number == row.number else "same-picture"
            row.state, row.reason = "done", None if before.number == row.number else "same-picture"
            row.output, row.sha256, row.seconds = before.output, before.sha256, before.seconds
            row.faces, row.warnings, row.before, row.after = before.faces, before.warnings, before.before, before.after
            return True
        return False

    async def _edit(self, item: Item, data: bytes) -> None:
        """Make the result of one input; a clip goes its own way."""
        row = item.row
        path = next(path for _, path in self.names.list_names(item.name, item.suffix))
        if self.exists is Exists.SKIP and is_taken(path):
            item.state, item.reason = "skipped", "exists"
            row.state, row.reason, row.output, row.sha256 = "skipped", "exists", self._relative(path), None
            return None
        if item.file.is_clip:
            return await self._edit_clip(item, path)
        await asyncio.to_thread(self._check_place, path, ROOM * len(data))
        target, made = (self.pictures / f"{row.number}.{what}" for what in ("target", "result"))
        try:
            await asyncio.to_thread(target.write_bytes, data)
            finished = await self.workers.run(self._describe(row, target, made))
            result = await asyncio.to_thread(made.read_bytes)
            if hashlib.sha256(result).hexdigest() != finished.sha256:
                raise errors.DiskFailed("the result is not what the worker wrote", reason="changed")
            row.before, row.after = await self._thumbnail(target), await self._thumbnail(made, is_result=True)
            self._note(row, finished)
            await self._place(item, made, SUFFIXES[finished.media_type])
        finally:
            for file in (target, made):
                file.unlink(missing_ok=True)

    async def _edit_clip(self, item: Item, path: Path) -> None:
        """Make the result of a clip, which is too large for memory."""
        row = item.row
        await asyncio.to_thread(self._check_place, path, item.file.path.stat().st_size)
        made = self.pictures / f"{row.number}{item.suffix}"
        try:
            async with self.workers.hold_back():
                report = await self.clips.swap(item.file.path, made)
            row.seconds = read_seconds(report)
            row.sha256 = await asyncio.to_thread(_hash, made)
            row.faces, row.warnings = describe_people(report), [str(each) for each in report.get("warnings", ())]
            await self._place(item, made, item.suffix)
        finally:
            made.unlink(missing_ok=True)

    def _describe(self, row: FileRow, target: Path, made: Path) -> RunJob:
        people = [[str(path) for path in person] for person in self.ask.references]
        likes = [str(path) for path in self.ask.likes]
        return RunJob(str(row.number), "swap", str(target), people, self.ask.options, str(made), likes)

    def _note(self, row: FileRow, finished: Finished) -> None:
        """Take what the report says of the picture."""
        report = finished.report
        faces, warnings = report.get("faces"), report.get("warnings")
        row.sha256, row.seconds = finished.sha256, read_seconds(report)
        row.faces = list(faces) if isinstance(faces, list | tuple) else []
        row.warnings = [str(each) for each in warnings] if isinstance(warnings, list | tuple) else []

    def _check_place(self, path: Path, least_bytes: int) -> None:
        """Make the folder of a result, and check that the result can be written there.

        Raises:
            OutputIsInput: the folder is one that is read, or lies in one.
            OutputNotWritable: a link leads out of the output folder.
            OutputExists, DiskFull: `file` says which.
        """
        folder = path.parent
        with naming_output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        real, whole = Path(os.path.realpath(folder)), Path(os.path.realpath(self.folder))
        if not real.is_relative_to(whole):
            raise errors.OutputNotWritable(f"{folder} is a link that leads out of {self.folder}", file=str(folder))
        for root in self.roots:
            read = Path(os.path.realpath(root))
            if real.is_relative_to(read) and not whole.is_relative_to(read):
                raise errors.OutputIsInput(f"{folder} is a folder to read", file=str(folder))
        Output(path, self.exists, self.inputs).check(least_bytes)

    async def _thumbnail(self, picture: Path, *, is_result: bool = False) -> bytes | None:
        """A small JPEG; None where a viewer's process cannot make one."""
        async with self._reading:
            try:
                return await self.reader.make_preview(picture, THUMBNAIL_SIDE, is_result=is_result)
            except (errors.InvalidImage, errors.ImageTooLarge):
                return None

    async def _place(self, item: Item, made: Path, suffix: str) -> None:
        """Announce the result that lies at `made`, put it under the first name that the rule allows, and confirm it."""
        row = item.row
        for count, path in self.names.list_names(item.name, suffix):
            is_own = count == item.name.first and suffix == item.suffix
            if not is_own and self.names.is_reserved(path):
                continue
            if self.exists is Exists.NUMBER and is_taken(path):
                continue
            self.names.take(path)
            row.state, row.output = "announced", self._relative(path)
            self.journal.write(row)
            if await asyncio.to_thread(self._write, path, made):
                break
        item.state = row.state = "done"

    def _write(self, path: Path, made: Path) -> bool:
        """Write a whole file; False where its name was taken meanwhile and the next number is tried."""
        rule = self.exists if self.exists is Exists.REPLACE else Exists.FAIL
        try:
            Output(path, rule, self.inputs).make(lambda beside: shutil.copyfile(made, beside))
        except errors.OutputExists:
            if self.exists is Exists.NUMBER:
                return False
            raise
        return True

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.folder))


def _begin_anew(row: FileRow) -> None:
    """Forget what an earlier attempt came to; the journal still has it."""
    row.state, row.reason, row.code, row.problem = "waiting", None, None, None
    row.output, row.sha256, row.seconds = None, None, None
    row.faces, row.warnings, row.before, row.after = (), (), None, None


def find_end(error: Exception, *, of_clip: bool = False) -> errors.MienError | None:
    """The reason to end the run, where an error is of more than its own input; None where it is not.

    A clip may need what pictures do not: a model that it lacks is its own affair.
    """
    named = error if isinstance(error, errors.MienError) else name_system_error(error)
    if named is None or (isinstance(named, WorkerDied) and named.fields.get("reason") != "start"):
        return None
    if of_clip and isinstance(named, errors.ModelError):
        return None
    of_reference = {named.fields.get("role"), named.fields.get("stage")} & {"reference", "like"}
    if of_reference or isinstance(named, (*ENDS_RUN, WorkerDied)):
        return named
    return None


def read_seconds(report: Mapping[str, object]) -> float | None:
    """What the work took, without the time for which it waited."""
    found = report.get("seconds")
    return round(float(found), 3) if isinstance(found, int | float) else None


def is_taken(path: Path) -> bool:
    return os.path.lexists(path)


def _read(file: InputFile) -> tuple[bytes, str]:
    """The bytes of an input and their SHA-256; of a clip none, which may have gigabytes.

    Raises:
        InvalidImage, ImageTooLarge: `file` says which.
    """
    from mien_cli.in_process import read_picture

    if not file.path.is_file():
        said = "is a folder that cannot be read" if file.path.is_dir() else "is no file"
        raise errors.InvalidImage(f"{file.path} {said}", file=str(file.path))
    if file.is_clip:
        return b"", _hash(file.path) or ""
    data = read_picture(file.path)
    return data, hashlib.sha256(data).hexdigest()


def _hash(path: Path) -> str | None:
    """SHA-256 of a file's bytes; None where there is none to read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
