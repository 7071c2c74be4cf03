"""A folder for each job that runs: its opened references and its result, and nothing that outlives it.

What is finished of a clip stays until its job is done or has failed: after a pause, a death of worker or daemon, or
when it was cancelled and is tried again, the job continues from it. What a job leaves that is over `JobStore` deletes.
"""

import hashlib
import logging
import shutil
from collections.abc import AsyncGenerator, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from mien_api.errors import UnknownBlob
from mien_core.files import write_whole
from mien_daemon.background import run_in_thread
from mien_daemon.jobs.job import Job
from mien_daemon.pictures.blobs import digest_of
from mien_daemon.state.personal_data import folder_for_references, remove, remove_at_last
from mien_daemon.state.run_folder import remove_dead_runs
from mien_daemon.worker.messages import PREVIEW, THUMBNAIL, Finished, RunJob
from mien_pipeline.options import require_readable_count

log = logging.getLogger(__name__)

RESULT = "result"
RUN = "run"
# Twice what the pipeline makes of one step.
MOST_PREVIEW_BYTES = 512 << 10


class PictureFiles(Protocol):
    """Where pictures lie that were sent."""

    def path(self, digest: str) -> Path:
        """The file of a picture."""
        ...

    async def is_intact(self, digest: str) -> bool:
        """Whether the file is there, with the bytes of its name."""
        ...


class SealedPictures(Protocol):
    """The consented reference library, as a job needs it."""

    async def pictures(self, reference_id: str) -> Mapping[str, bytes]:
        """The decrypted pictures of a person, by id; raises `UnknownReference`."""
        ...


class WorkFolder:
    """One job's folder. An opened reference lies in `private`, which is in memory where there is such a place."""

    def __init__(self, folder: Path, private: Path, pictures: PictureFiles, references: SealedPictures) -> None:
        self.keeps_run = True
        self._folder = folder
        self._private = private
        self._pictures = pictures
        self._references = references
        self._names: list[list[str]] = []
        """What the pictures of each person are called, in the order that the executor has them."""

    @property
    def result(self) -> Path:
        """Where the executor leaves the picture."""
        return self._folder / RESULT

    @property
    def thumbnail(self) -> Path:
        """Where it leaves a small one; there may be none."""
        return self._folder / THUMBNAIL

    async def prepare(self, job: Job) -> RunJob:
        """Make the folder and the files of a job, and name them for the executor.

        Raises:
            UnknownReference: the library no longer opens one of them.
            UnknownBlob: a picture is gone, or its bytes are not those of its name.
            TooManyPictures: the library has more of a person by now.
        """
        await run_in_thread(partial(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True))
        people = [await self._materialise(person, number) for number, person in enumerate(job.ask.references)]
        self._names = [[name for name, _ in pictures] for pictures in people]
        target = await self._sent(job.ask.target, "target")
        likes = [await self._sent(name, "faces") for name in job.ask.likes]
        return RunJob(
            job.id,
            job.ask.kind,
            str(target),
            [[str(path) for _, path in pictures] for pictures in people],
            job.ask.options,
            str(self.result),
            [str(path) for path in likes],
            str(self._folder / RUN),
        )

    def name_left_out(self, report: Mapping[str, object]) -> Mapping[str, object]:
        """The executor's report, in which each picture of `left_out` also has its `name`.

        That is "sha256:…", or "ref:ID/PICTURE" for a picture of the library.
        """
        left_out = report.get("left_out")
        if not isinstance(left_out, list):
            return report
        named = [{**each, "name": self._names[each["reference"]][each["picture"]]} for each in left_out]
        return {**report, "left_out": named}

    async def check(self, finished: Finished) -> None:
        """Return if the result is the file that the executor speaks of.

        Raises:
            OSError: there is no file.
            ValueError: its bytes have another digest.
        """
        if await run_in_thread(_sha256, self.result) != finished.sha256:
            raise ValueError("the result is not what the worker wrote")

    async def remove(self) -> None:
        """Delete the folder and its content, except the run of a job that continues later.

        What cannot be deleted now is deleted at the next start.
        """
        await run_in_thread(_remove_all, {self._folder, self._private}, keeps_run=self.keeps_run)

    async def _sent(self, name: str, field: str) -> Path:
        digest = digest_of(name)
        if not await self._pictures.is_intact(digest):
            raise UnknownBlob("this picture is gone or was damaged on the disk", field=field, blob=name)
        return self._pictures.path(digest)

    async def _materialise(self, person: Sequence[str], number: int) -> Sequence[tuple[str, Path]]:
        """(name, file) of a person's pictures, in order; those of the library are decrypted for just this job."""
        files = list[tuple[str, Path]]()
        for name in person:
            if not name.startswith("ref:"):
                files.append((name, await self._sent(name, "reference")))
                continue
            for picture, content in (await self._references.pictures(name.removeprefix("ref:"))).items():
                path = f"reference{number}-{len(files)}"
                files.append((f"{name}/{picture}", await run_in_thread(self._open, path, content)))
        require_readable_count(len(files))
        return files

    def _open(self, name: str, picture: bytes) -> Path:
        """Write a decrypted picture: in memory where there is room left, else on the disk."""
        self._private.mkdir(mode=0o700, parents=True, exist_ok=True)
        has_room = shutil.disk_usage(self._private).free >= len(picture)
        path = (self._private if has_room else self._folder) / name
        write_whole(path, picture, 0o600)
        return path


class WorkFolders:
    """Makes work folders, and clears away those of an earlier daemon."""

    def __init__(self, state: Path, pictures: PictureFiles, references: SealedPictures) -> None:
        self._root = state / "spool"
        self._root.mkdir(mode=0o700, exist_ok=True)
        self._private = folder_for_references(state)
        self._pictures = pictures
        self._references = references

    @asynccontextmanager
    async def open(self, job_id: str) -> AsyncGenerator[WorkFolder]:
        """The folder of a job; it is gone, and what it held too, when the block ends.

        Only what is finished of a clip stays, unless the block sets `keeps_run` to False.
        """
        folder = WorkFolder(self._root / job_id, self._private / job_id, self._pictures, self._references)
        try:
            yield folder
        finally:
            await folder.remove()

    async def step_preview(self, job_id: str) -> bytes | None:
        """The picture of the latest step of a running job; None where the executor shows none, or none yet."""
        return await run_in_thread(read_small, self._root / job_id / PREVIEW)

    async def sweep(self) -> None:
        """Delete what an earlier daemon left in the middle of a job, and what a run over a folder left.

        What is finished of clips stays: `sweep_runs` is told later which of them are still wanted.
        """
        for folder in {self._root, self._private}:
            await run_in_thread(_empty, folder)
        await run_in_thread(remove_dead_runs, self._root.parent)

    async def sweep_runs(self, wanted: Container[str]) -> None:
        """Delete what is finished of clips but for those of these jobs."""
        for folder in await run_in_thread(list, self._root.iterdir()):
            if folder.name not in wanted:
                await run_in_thread(_remove_all, {folder})

    def close(self) -> None:
        """Remove the folder in memory; one that still holds something is cleared at the next start."""
        if self._private != self._root:
            with suppress(OSError):
                self._private.rmdir()


def read_small(path: Path) -> bytes | None:
    """A file of at most `MOST_PREVIEW_BYTES`, or nothing."""
    with suppress(OSError), path.open("rb") as file:
        content = file.read(MOST_PREVIEW_BYTES + 1)
        return content if len(content) <= MOST_PREVIEW_BYTES else None
    return None


def _remove_all(folders: Iterable[Path], *, keeps_run: bool = False) -> None:
    for folder in folders:
        try:
            if keeps_run and _has_run(folder):
                _remove_all([path for path in folder.iterdir() if path.name != RUN])
            else:
                remove_at_last(folder)
        except OSError:
            log.exception("the folder of a job could not be deleted")


def _has_run(folder: Path) -> bool:
    """Whether something of a clip may be finished there."""
    run = folder / RUN
    return run.is_dir() and not run.is_symlink() and not folder.is_symlink()


def _empty(folder: Path) -> None:
    for left in list(folder.iterdir()):
        if not _has_run(left):
            remove(left)
            continue
        for path in list(left.iterdir()):
            if path.name != RUN:
                remove(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
