"""Pictures that were sent: kept whole under their hash, for those who sent them, as long as they are needed."""

import asyncio
import hashlib
import shutil
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mien_api.errors import DigestMismatch, TooManyRequests, UnknownBlob
from mien_core.errors import BadRequest, DiskFull, ImageTooLarge, InvalidImage
from mien_daemon.access.clients import LOCAL, Client, Scope
from mien_daemon.config import LiveSettings
from mien_daemon.jobs.job import Job, JobRequest
from mien_daemon.jobs.store import JobStore
from mien_daemon.pictures.blobs import STORED_TIMES, UNUSED_S, Found, PictureBlobs, digest_of, require_headroom
from mien_daemon.state.database import Database
from mien_testing.daemon import config_for, name_of, png
from mien_testing.jobs import read_header
from mien_testing.stand_in import returning

ADA = Client("ada", "Ada's browser", frozenset[Scope]({"swap"}))
BEN = Client("ben", "Ben's browser", frozenset[Scope]({"swap"}))
PICTURE = png()
DIGEST = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return config_for(tmp_path / "state").folders.state


@pytest.fixture
async def database(state: Path) -> AsyncIterator[Database]:
    database = Database(state)
    yield database
    database.close()


@pytest.fixture
def blobs(state: Path, database: Database) -> PictureBlobs:
    config = config_for(state, max_blob_bytes=10_000, max_clip_bytes=20_000, max_pixels=1000)
    return PictureBlobs(state, database, LiveSettings(config), read_header)


@pytest.fixture
def jobs(state: Path, database: Database) -> JobStore:
    return JobStore(database, state)


async def chunks(data: bytes, size: int = 16) -> AsyncGenerator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def put(blobs: PictureBlobs, data: bytes = PICTURE, owner: Client = ADA) -> str:
    digest = hashlib.sha256(data).hexdigest()
    assert await blobs.put(digest, owner, chunks(data), len(data)) == len(data)
    return digest


async def test_who_needs_a_picture_that_is_on_its_way_waits_for_its_end_and_for_nobody_elses(
    blobs: PictureBlobs,
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def halting() -> AsyncGenerator[bytes]:
        yield PICTURE[:16]
        begun.set()
        await go_on.wait()
        yield PICTURE[16:]

    putting = asyncio.create_task(blobs.put(DIGEST, ADA, halting(), len(PICTURE)))
    await begun.wait()
    waiting = asyncio.create_task(blobs.settled(DIGEST, ADA))
    await blobs.settled(DIGEST, BEN)
    assert not waiting.done()
    go_on.set()
    await waiting
    await putting
    await blobs.require(DIGEST, ADA, "target")
    await blobs.settled(DIGEST, ADA)


async def age(database: Database, seconds: float) -> None:
    used_at = time.time() - seconds
    await database.write(lambda db: db.execute("UPDATE blobs SET used_at = ?", (used_at,)))


async def ask(jobs: JobStore, target: bytes, reference: bytes) -> Job:
    job, _ = await jobs.add("ada", JobRequest("swap", name_of(target), [(name_of(reference),)], {}), None, "")
    return job


async def end(jobs: JobStore, job: Job, expires_in_s: float) -> None:
    now = time.time()
    await jobs.change(replace(job, state="done", finished_at=now, expires_at=now + expires_in_s))


@pytest.mark.parametrize("name", ["", DIGEST, f"sha256:{DIGEST.upper()}", f"sha256:{DIGEST}0", f"sha1:{DIGEST}"])
def test_only_a_whole_lower_case_sha256_is_a_name(name: str) -> None:
    with pytest.raises(BadRequest):
        digest_of(name)


def test_a_name_says_its_digest() -> None:
    assert digest_of(f"sha256:{DIGEST}") == DIGEST


async def test_a_picture_is_kept_whole_under_its_digest_for_the_user_alone(blobs: PictureBlobs, state: Path) -> None:
    digest = await put(blobs)
    path = blobs.path(digest)
    assert path == state / "blobs" / DIGEST[:2] / DIGEST
    assert path.read_bytes() == PICTURE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert await blobs.size(digest) == len(PICTURE)
    assert list((state / "arriving").iterdir()) == []


async def test_a_picture_that_is_sent_twice_is_kept_once_for_both(blobs: PictureBlobs, state: Path) -> None:
    for owner in (ADA, BEN, ADA):
        await put(blobs, owner=owner)
    for owner in (ADA, BEN):
        await blobs.require(DIGEST, owner, "target")
    assert [path for path in (state / "blobs").rglob("*") if path.is_file()] == [blobs.path(DIGEST)]


async def test_a_picture_belongs_to_those_who_sent_it_and_an_administrator_may_use_all(blobs: PictureBlobs) -> None:
    await put(blobs)
    await blobs.require(DIGEST, LOCAL, "target")
    with pytest.raises(UnknownBlob) as refused:
        await blobs.require(DIGEST, BEN, "reference")
    assert refused.value.fields == {"field": "reference", "blob": f"sha256:{DIGEST}"}


async def test_a_picture_whose_file_is_gone_is_unknown(blobs: PictureBlobs) -> None:
    await put(blobs)
    blobs.path(DIGEST).unlink()
    with pytest.raises(UnknownBlob):
        await blobs.require(DIGEST, ADA, "target")


async def test_bytes_of_another_digest_and_too_many_of_them_leave_nothing(blobs: PictureBlobs, state: Path) -> None:
    with pytest.raises(DigestMismatch) as wrong:
        await blobs.put("0" * 64, ADA, chunks(PICTURE), None)
    assert wrong.value.fields == {"expected": "sha256:" + "0" * 64, "found": f"sha256:{DIGEST}"}
    with pytest.raises(ImageTooLarge):
        await blobs.put(DIGEST, ADA, chunks(b"x" * 10_001, 5000), None)
    assert list((state / "arriving").iterdir()) == list((state / "blobs").iterdir()) == []
    with pytest.raises(UnknownBlob):
        await blobs.require("0" * 64, ADA, "target")


async def test_a_picture_whose_row_is_refused_leaves_no_file_and_one_that_was_there_stays(
    blobs: PictureBlobs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(blobs)
    other, write = png(shade=7), Database.write

    async def refuse(self: Database, work: Callable[[sqlite3.Connection], object], **more: Any) -> object:
        def cut(db: sqlite3.Connection) -> None:
            work(db)
            raise sqlite3.OperationalError("disk I/O error")

        return await write(self, cut, **more)

    monkeypatch.setattr(Database, "write", refuse)
    for picture in (PICTURE, other):
        with pytest.raises(Exception, match=r"disk I/O error|damaged"):
            await put(blobs, picture, BEN)
    monkeypatch.undo()
    assert blobs.path(DIGEST).read_bytes() == PICTURE
    assert not blobs.path(hashlib.sha256(other).hexdigest()).exists()
    await put(blobs, other, BEN)


async def test_a_picture_of_exactly_the_limit_is_taken(blobs: PictureBlobs) -> None:
    assert await put(blobs, b"x" * 10_000)


async def test_halves_that_a_crash_left_are_gone_at_the_next_start(state: Path, database: Database) -> None:
    (state / "arriving").mkdir()
    (state / "arriving" / "half").write_bytes(b"half")
    PictureBlobs(state, database, LiveSettings(config_for(state)), read_header)
    assert list((state / "arriving").iterdir()) == []


async def test_a_header_is_read_once(blobs: PictureBlobs) -> None:
    await put(blobs)
    found = await blobs.inspect(DIGEST, ADA)
    assert found == Found("png", 8, 8)

    blobs.path(DIGEST).write_bytes(b"no picture any more")
    assert await blobs.inspect(DIGEST, BEN) == found


async def test_what_may_not_be_decoded_is_refused(blobs: PictureBlobs) -> None:
    with pytest.raises(InvalidImage):
        await blobs.inspect(await put(blobs, b"no picture"), ADA)
    large = await put(blobs, png(side=32))
    for _ in ("read", "known"):
        with pytest.raises(ImageTooLarge) as refused:
            await blobs.inspect(large, ADA)
        assert refused.value.fields == {"limit_pixels": 1000, "width": 32, "height": 32}


def test_the_disk_keeps_its_headroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        total, free = 1_000_000_000_000, 10_000_000_100

    monkeypatch.setattr(shutil, "disk_usage", returning(Usage))
    require_headroom(tmp_path, 100)
    with pytest.raises(DiskFull) as refused:
        require_headroom(tmp_path, 101)
    assert refused.value.fields == {"free_bytes": 10_000_000_100, "needed_bytes": 10_000_000_101}
    Usage.total, Usage.free = 1_000_000_000, 64_000_000
    require_headroom(tmp_path)
    Usage.free -= 1
    with pytest.raises(DiskFull):
        require_headroom(tmp_path)


async def test_an_unneeded_picture_goes_an_hour_after_it_was_last_used(blobs: PictureBlobs, database: Database) -> None:
    await put(blobs)
    await age(database, UNUSED_S - 60)
    await blobs.sweep()
    assert blobs.path(DIGEST).exists()
    await age(database, UNUSED_S + 60)
    await blobs.sweep()
    assert not blobs.path(DIGEST).exists()
    with pytest.raises(UnknownBlob):
        await blobs.require(DIGEST, ADA, "target")


async def test_a_waiting_job_keeps_its_pictures_and_a_result_only_its_target(
    blobs: PictureBlobs, database: Database, jobs: JobStore
) -> None:
    target, reference = await put(blobs, png(shade=1)), await put(blobs, png(shade=2))
    job = await ask(jobs, png(shade=1), png(shade=2))
    await age(database, UNUSED_S + 60)
    await blobs.sweep()
    assert blobs.path(target).exists()
    assert blobs.path(reference).exists()
    await end(jobs, job, expires_in_s=1000)
    await blobs.sweep()
    assert blobs.path(target).exists()
    assert not blobs.path(reference).exists()
    await end(jobs, job, expires_in_s=-1)
    await blobs.sweep()
    assert not blobs.path(target).exists()


async def test_references_of_finished_jobs_are_gone_after_a_restart_and_no_others(
    blobs: PictureBlobs, jobs: JobStore
) -> None:
    pictures = [await put(blobs, png(shade=shade)) for shade in range(4)]
    await end(jobs, await ask(jobs, png(shade=0), png(shade=1)), expires_in_s=1000)
    await ask(jobs, png(shade=0), png(shade=2))
    await blobs.forget_used_faces()
    assert [blobs.path(digest).exists() for digest in pictures] == [True, False, True, True]


async def test_a_picture_is_dropped_at_once_unless_a_job_needs_it(blobs: PictureBlobs, jobs: JobStore) -> None:
    free, needed = await put(blobs, png(shade=1)), await put(blobs, png(shade=2))
    await ask(jobs, png(shade=2), png(shade=2))
    for digest in (free, needed, "0" * 64):
        await blobs.drop(digest)
    assert not blobs.path(free).exists()
    assert blobs.path(needed).exists()


async def test_only_a_clip_may_be_larger_than_a_picture(blobs: PictureBlobs, state: Path) -> None:
    """Its first bytes say that it is one."""
    mp4 = b"\0\0\0\x18ftypisom"
    clip = await put(blobs, mp4.ljust(20_000, b"x"))
    assert await blobs.is_clip(clip)
    assert await blobs.media_type(clip) == "video/mp4"
    for data, limit in ((mp4.ljust(20_001, b"x"), 20_000), (png().ljust(10_001, b"x"), 10_000)):
        with pytest.raises(ImageTooLarge) as refused:
            await put(blobs, data)
        assert refused.value.fields["limit_bytes"] == limit
    assert list((state / "arriving").iterdir()) == []


async def test_one_client_does_not_fill_the_disk_and_the_persons_own_programs_may(
    blobs: PictureBlobs, state: Path
) -> None:
    for number in range(STORED_TIMES + 2):
        await put(blobs, bytes([number]) * 10_000)
    with pytest.raises(TooManyRequests) as refused:
        await put(blobs, b"one more")
    assert (refused.value.fields["share"], refused.value.fields["held_bytes"]) == ("stored pictures", 220_000)
    assert list((state / "arriving").iterdir()) == []
    await put(blobs, b"one more", owner=BEN)
    for number in range(STORED_TIMES + 1):
        await put(blobs, bytes([100 + number]) * 10_000, owner=LOCAL)
