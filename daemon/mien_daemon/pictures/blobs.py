"""Pictures and clips that clients sent, under the hash of their bytes. A client may use those that it sent itself."""

import asyncio
import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mien_api.errors import DigestMismatch, TooManyRequests, UnknownBlob
from mien_core.errors import BadRequest, DiskFull, ImageTooLarge, MienError
from mien_core.files import move_into_place
from mien_daemon.access.clients import Client
from mien_daemon.background import run_in_thread
from mien_daemon.config import LiveSettings, Settings
from mien_daemon.pictures.intact import IntactFiles
from mien_daemon.state.database import Database
from mien_daemon.state.rows import DIGEST, is_count, is_text
from mien_daemon.worker.messages import HeaderRead
from mien_pipeline.media.kinds import HEAD_BYTES, looks_like_clip, media_type_of, read_head

ReadHeader = Callable[[Path, Client], Awaitable[HeaderRead]]
NAME = re.compile(r"sha256:([0-9a-f]{64})")
ARRIVING = "arriving"  # a folder: what is on its way; a start of the daemon empties it
HEADROOM_BYTES = 64_000_000  # left free on the disk of the state folder …
HEADROOM_SHARE = 0.01  # … and this share of the disk, whichever is more
STORED_TIMES = 20  # so many pictures of the largest size, and one clip, are one client's share of the disk
STORED_RETRY_AFTER_S = 60  # they go with the jobs that need them, and unneeded ones after `UNUSED_S`
UNUSED_S = 3600.0  # an unneeded picture is kept for so long after it was last sent or named
_NEEDED = """
    SELECT sha256 FROM job_pictures JOIN jobs ON jobs.id = job
    WHERE finished_at IS NULL OR ((starred OR expires_at > :now) AND target = 'sha256:' || sha256)
"""
UNUSED = f"SELECT sha256 FROM blobs WHERE used_at < :since AND sha256 NOT IN ({_NEEDED})"  # noqa: S608 fixed words
"""What neither a waiting job needs nor a kept result was made from: a reference belongs to no result."""
USED_FACES = f"""
    SELECT DISTINCT blobs.sha256 FROM blobs JOIN job_pictures USING (sha256) JOIN jobs ON jobs.id = job
    WHERE target != 'sha256:' || blobs.sha256 AND blobs.sha256 NOT IN ({_NEEDED})
"""  # noqa: S608 fixed words
"""References of the last daemon's sessions."""


def digest_of(name: str) -> str:
    """The hex digits in `sha256:…`.

    Raises:
        BadRequest: it is no such name.
    """
    match = NAME.fullmatch(name)
    if match is None:
        raise BadRequest("a picture is named sha256: and 64 lower-case hex digits", field="blob")
    return match.group(1)


def require_headroom(folder: Path, coming: int = 0) -> None:
    """Refuse to fill the disk.

    Raises:
        DiskFull: less than the headroom would be left after `coming` bytes.
    """
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent  # it was removed while the daemon runs, and is made again
    disk = shutil.disk_usage(folder)
    needed = coming + max(HEADROOM_BYTES, int(disk.total * HEADROOM_SHARE))
    if disk.free < needed:
        raise DiskFull("the disk is too full to take this", free_bytes=disk.free, needed_bytes=needed)


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """The most bytes of a picture, and of a file whose first bytes are those of a clip."""

    picture_bytes: int
    clip_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As they are set."""
        return cls(settings.max_blob_bytes, settings.max_clip_bytes)

    def for_type(self, media_type: str) -> int:
        """The limit for what is announced so; of mere bytes the first ones decide when they are there."""
        return self.picture_bytes if media_type.startswith("image/") else self.clip_bytes

    def require(self, size: int, head: bytes) -> None:
        """Return if a file that begins so may have so many bytes; raises `ImageTooLarge`."""
        limit = self.clip_bytes if size > self.picture_bytes and looks_like_clip(head) else self.picture_bytes
        if size > limit:
            raise ImageTooLarge(f"the file has more than {limit:,} bytes", limit_bytes=limit)


class PictureBlobs:
    """The folder of pictures and the table that says whose they are."""

    def __init__(self, state: Path, database: Database, settings: LiveSettings, read_header: ReadHeader) -> None:
        """`read_header` is how a header is read: in another process, whatever the bytes are."""
        self._folder = state / "blobs"
        self._arriving = state / ARRIVING
        shutil.rmtree(self._arriving, ignore_errors=True)  # halves of uploads that a crash interrupted
        self._make_folders()
        self._coming: dict[tuple[str, str], list[asyncio.Event]] = {}
        self._intact = IntactFiles()
        self._database = database
        self._settings = settings
        self._read_header = read_header

    def _make_folders(self) -> None:
        for folder in (self._folder, self._arriving):
            folder.mkdir(mode=0o700, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where a picture lies, or would."""
        return self._folder / digest[:2] / digest

    async def put(self, digest: str, owner: Client, chunks: AsyncIterator[bytes], announced: int | None) -> int:
        """Take the bytes of a picture or a clip and return how many there were; it is on the disk when this returns.

        Raises:
            ImageTooLarge, DiskFull, DigestMismatch: and nothing of it is kept.
            TooManyRequests: this client's pictures take all the room that one client has.
        """
        with self._announcing(digest, owner):
            return await self._put(digest, owner, chunks, announced)

    @contextmanager
    def _announcing(self, digest: str, owner: Client) -> Generator[None]:
        """While the block runs, `settled` waits."""
        ended, name = asyncio.Event(), (digest, owner.id)
        self._coming.setdefault(name, []).append(ended)
        try:
            yield
        finally:
            ended.set()
            self._coming[name].remove(ended)
            if not self._coming[name]:
                del self._coming[name]

    async def settled(self, digest: str, client: Client) -> None:
        """Return when no picture of that name is on its way from this client; whether it came, `require` says."""
        for ended in list(self._coming.get((digest, client.id), ())):
            await ended.wait()

    async def _put(self, digest: str, owner: Client, chunks: AsyncIterator[bytes], announced: int | None) -> int:
        self._make_folders()
        require_headroom(self._folder, announced or 0)
        await self._require_share(owner, announced or 0)
        arriving = self._arriving / f"{digest}.{os.urandom(6).hex()}"
        try:
            size, found = await self._receive(arriving, chunks, announced or 0)
            if found != digest:
                raise DigestMismatch(
                    "the bytes are not those of that name", expected=f"sha256:{digest}", found=f"sha256:{found}"
                )
            now = self._database.clock.now()
            # File and row change on the database's thread, as in `sweep`, so that neither is seen without the other.
            try:
                await self._database.write(lambda db: _settle(db, arriving, self.path(digest), size, owner.id, now))
            except Exception:
                with suppress(MienError, sqlite3.Error):  # what cannot be looked up now is found at the next start
                    await self._database.write(lambda db: self._remove_unlisted(db, digest))
                raise
        finally:
            arriving.unlink(missing_ok=True)
        return size

    def _remove_unlisted(self, db: sqlite3.Connection, digest: str) -> None:
        """Delete a picture that has no row, because the row could not be written after the file."""
        if db.execute("SELECT 1 FROM blobs WHERE sha256 = ?", (digest,)).fetchone() is None:
            self.path(digest).unlink(missing_ok=True)

    async def _require_share(self, owner: Client, coming: int) -> None:
        """Refuse to let one client fill the disk; the person's own programs may."""
        if owner.may("local"):
            return
        sql = "SELECT COALESCE(SUM(size), 0) FROM blobs JOIN blob_owners USING (sha256) WHERE owner = ?"
        held = await self._database.read(lambda db: int(db.execute(sql, (owner.id,)).fetchone()[0]))
        settings = self._settings.current
        most = STORED_TIMES * settings.max_blob_bytes + settings.max_clip_bytes
        if held + coming > most:
            raise TooManyRequests(
                f"this client's pictures may take {most:,} bytes",
                share="stored pictures",
                held_bytes=held,
                limit_bytes=most,
                retry_after_s=STORED_RETRY_AFTER_S,
            )

    async def _receive(self, path: Path, chunks: AsyncIterator[bytes], announced: int) -> tuple[int, str]:
        """Write, hash and count; the loop never waits for the disk longer than a chunk."""
        hasher, size, head = hashlib.sha256(), 0, b""
        limits = SizeLimits.of(self._settings.current)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as file:
            async for chunk in chunks:
                head += chunk[: HEAD_BYTES - len(head)]
                size += len(chunk)
                limits.require(max(size, announced), head)
                await run_in_thread(_append, file.fileno(), hasher.update, chunk, self._folder)
            await run_in_thread(os.fsync, file.fileno())
        return size, hasher.hexdigest()

    async def require(self, digest: str, client: Client, field: str) -> None:
        """Refuse a picture that this client has not sent, or whose bytes were changed on the disk since.

        Raises:
            UnknownBlob: `field` says which.
        """
        sql = "SELECT 1 FROM blob_owners WHERE sha256 = ? AND (owner = ? OR ?)"
        any_owner = client.may("admin")
        row = await self._database.read(lambda db: db.execute(sql, (digest, client.id, any_owner)).fetchone())
        if row is None or not await self.is_intact(digest):
            raise UnknownBlob("there is no such picture here", field=field, blob=f"sha256:{digest}")

    async def inspect(self, digest: str, client: Client) -> "Found":
        """What the picture's header says; it is read once, in `client`'s turn, and kept in the database.

        Raises:
            InvalidImage, ImageTooLarge: Mien may not swap it.
            TooManyRequests: this client has too many pictures waiting to be read.
        """
        sql = "SELECT format, width, height FROM blobs WHERE sha256 = ?"
        row = await self._database.read(lambda db: db.execute(sql, (digest,)).fetchone())
        if row is not None and is_text(row["format"]) and all(is_count(row[side]) for side in ("width", "height")):
            info = Found(row["format"], row["width"], row["height"])
        else:
            read = await self._read_header(self.path(digest), client)
            info = Found(read.format, read.width, read.height)
            found = (info.format, info.width, info.height, digest)
            await self._database.write(
                lambda db: db.execute("UPDATE blobs SET format = ?, width = ?, height = ? WHERE sha256 = ?", found)
            )
        limit = self._settings.current.max_pixels
        if info.width * info.height > limit:
            raise ImageTooLarge(
                f"the picture has {info.width} × {info.height} pixels",
                limit_pixels=limit,
                width=info.width,
                height=info.height,
            )
        return info

    async def is_clip(self, digest: str) -> bool:
        """Whether the first bytes are those of a clip or an animation; raises `FileNotFoundError`."""
        return looks_like_clip(await run_in_thread(read_head, self.path(digest)))

    async def media_type(self, digest: str) -> str | None:
        """The media type of a clip or an animation, by its first bytes; None for anything else."""
        return media_type_of(await run_in_thread(read_head, self.path(digest)))

    async def is_intact(self, digest: str) -> bool:
        """Whether a picture is there, with the bytes of its name."""
        try:
            return await self._intact.holds(self.path(digest), digest)
        except FileNotFoundError:
            return False

    async def size(self, digest: str) -> int:
        """Bytes of a picture."""
        return (await asyncio.to_thread(self.path(digest).stat)).st_size

    async def drop(self, digest: str) -> None:
        """Delete a picture now, unless a job needs it: the library has a sealed copy."""
        sql = f"SELECT sha256 FROM blobs WHERE sha256 = :digest AND sha256 NOT IN ({_NEEDED})"  # noqa: S608
        values: dict[str, float | str] = {"digest": digest, "now": self._database.clock.now()}
        await self._database.write(lambda db: self._forget_found(db, sql, values))

    async def sweep(self) -> None:
        """Delete pictures that are needed no more and were not used lately."""
        now = self._database.clock.now()
        await self._database.write(lambda db: self._forget_found(db, UNUSED, {"now": now, "since": now - UNUSED_S}))

    async def forget_used_faces(self) -> None:
        """Delete the references of finished jobs, however lately they were sent: their session is over too."""
        now = self._database.clock.now()
        await self._database.write(lambda db: self._forget_found(db, USED_FACES, {"now": now}))

    def _forget_found(self, db: sqlite3.Connection, sql: str, values: Mapping[str, float | str]) -> None:
        for row in db.execute(sql, values).fetchall():
            if not DIGEST.fullmatch(row["sha256"]):
                continue  # it could name any file; a repair sets the row aside
            self.path(row["sha256"]).unlink(missing_ok=True)
            db.execute("DELETE FROM blobs WHERE sha256 = ?", (row["sha256"],))


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a picture: its format by our name for it, and its size in pixels."""

    format: str
    width: int
    height: int


def _append(descriptor: int, update: Callable[[bytes], None], chunk: bytes, folder: Path) -> None:
    update(chunk)
    view = memoryview(chunk)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        raise DiskFull("the picture could not be written", reason=error.strerror or "") from error
    require_headroom(folder)


def _settle(db: sqlite3.Connection, arrived: Path, place: Path, size: int, owner: str, now: float) -> None:
    place.parent.mkdir(mode=0o700, exist_ok=True)
    move_into_place(arrived, place)
    db.execute(
        """INSERT INTO blobs (sha256, size, used_at) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET used_at = excluded.used_at""",
        (place.name, size, now),
    )
    db.execute("INSERT OR IGNORE INTO blob_owners (sha256, owner) VALUES (?, ?)", (place.name, owner))
