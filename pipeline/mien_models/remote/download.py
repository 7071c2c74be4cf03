"""One file from the network to the disk: in parts, resumable after anything, hashed while it is written.

The caller's thread watches and reports; worker threads read one part each; one more thread hashes behind
them, in order, from what the system still has in memory. Whatever the listener raises ends the download,
and the bytes that are there stay for the next one.
"""

import hashlib
import http.client
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from io import FileIO
from pathlib import Path

from mien_core.errors import ChecksumMismatch, DownloadFailed, GatedModel
from mien_models.local import journal as journals
from mien_models.local.journal import Journal, Offer
from mien_models.remote.http import Connector, Place, Reply
from mien_models.remote.retry import Patience, Pauses, Retry, failed, host_of, named, refuse

_READ_BYTES = 1 << 20  # as much as the kernel holds: fewer turns of the interpreter between threads
_HASH_BYTES = 1 << 20
_WATCH_S = 0.1
_LEAST_BYTES_PER_S = 1024  # slower than this for the length of a stall is a stall


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must arrive, and who says so. Without `sha256` there is `git_sha1`, the digest of a file that git keeps."""

    name: str
    size: int | None
    sha256: str | None
    git_sha1: str | None = None
    promise: str = "in the catalogue"


class Throttle:
    """Shares so many bytes a second among threads; None lets everything through."""

    def __init__(self, bytes_per_s: float | None = None) -> None:
        self._rate = bytes_per_s
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    def pause_s(self, count: int) -> float:
        """How long to wait after reading so many bytes."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - 1) + count / self._rate
            return max(0.0, self._free_at - now)


class _Changed(Exception):
    """The source serves another file than when the download began."""


@dataclass(slots=True)
class _Run:
    """What the threads of one attempt share."""

    journal: Journal
    part: Path
    place: Place
    at: str
    ranges: bool
    parts: "queue.SimpleQueue[int]" = field(default_factory=lambda: queue.SimpleQueue[int]())
    stop: threading.Event = field(default_factory=threading.Event)
    grown: threading.Condition = field(default_factory=threading.Condition)
    open: set[Reply] = field(default_factory=set[Reply])
    failure: BaseException | None = None

    def fail(self, failure: BaseException) -> None:
        """The first failure is the one told; everyone stops."""
        with self.grown:
            if self.failure is None and not self.stop.is_set():
                self.failure = failure
        self.end()

    @contextmanager
    def opened(self, reply: Reply) -> Generator[None]:
        """Keep an answer where `end` finds it, and close it afterwards."""
        with self.grown:
            self.open.add(reply)
        try:
            yield
        finally:
            with self.grown:
                self.open.discard(reply)
            reply.close()

    def grow(self, number: int, count: int) -> None:
        with self.grown:
            self.journal.grow(number, count)
            self.grown.notify_all()

    def end(self) -> None:
        with self.grown:
            self.stop.set()
            for reply in self.open:
                reply.abort()
            self.grown.notify_all()


class Download:
    """Fetches files through one connector; `threads` is how many parts are read at once."""

    def __init__(
        self,
        connector: Connector,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        throttle: Throttle | None = None,
        threads: int = 4,
    ) -> None:
        self._connector = connector
        self._patience = patience
        self._throttle = throttle or Throttle()
        self._threads = threads

    def fetch(self, places: tuple[Place, ...], wanted: Wanted, part: Path, on_total: Callable[[int], None]) -> str:
        """Bring the file to `part`, whole and checked; its sha256.

        Args:
            places: where it may be had, tried in this order.
            part: kept with its journal when this fails, so that the next call goes on from there.
            on_total: told how many bytes are there, several times a second; what it raises ends this.

        Raises:
            DownloadFailed, GatedModel: the last place's reason.
            ChecksumMismatch: what is served is not what is wanted; nothing of it is kept.
        """
        part.parent.mkdir(parents=True, exist_ok=True)
        for place in places[:-1]:
            with suppress(DownloadFailed, GatedModel, ChecksumMismatch):
                return self._fetch_from(place, wanted, part, on_total)
        return self._fetch_from(places[-1], wanted, part, on_total)

    def _fetch_from(self, place: Place, wanted: Wanted, part: Path, on_total: Callable[[int], None]) -> str:
        pauses = Pauses(self._patience)
        fresh_starts = 0
        while True:
            before = journals.bytes_done(journals.journal_path(part))
            try:
                offer, at, ranges = self._offer(place, wanted)
                _check_size(wanted, offer, place)
                digest, resumed = self._transfer(place, offer, at, ranges, part, on_total)
            except _Changed as change:
                journals.discard(part)
                fresh_starts += 1
                if fresh_starts > 2:
                    raise failed(place, "serves another file each time", "changed") from change
                continue
            except Retry as retry:
                if journals.bytes_done(journals.journal_path(part)) > before:
                    pauses.begin_again()
                pauses.wait(retry, lambda: on_total(journals.bytes_done(journals.journal_path(part))))
                continue
            if _fits(wanted, digest, part):
                return digest
            journals.discard(part)
            # Bytes of an earlier run may have been lost in a power cut, or be another file's: once more from nothing.
            if not resumed or fresh_starts:
                raise ChecksumMismatch(
                    f"{wanted.name} from {host_of(place)} is another file than the one {wanted.promise}",
                    file=wanted.name,
                    expected=wanted.sha256 or wanted.git_sha1,
                    found=digest,
                )
            fresh_starts += 1

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────

    def _offer(self, place: Place, wanted: Wanted) -> tuple[Offer, str, bool]:
        """What the place has, where it really lies, and whether it can be had in parts."""
        reply = self._ask(place, {"Range": "bytes=0-0"})
        try:
            total = reply.headers.get("Content-Range", "").rpartition("/")[2]
            ranges = reply.status == HTTPStatus.PARTIAL_CONTENT and total.isdigit()
            length = total if ranges else reply.headers.get("Content-Length", "")
            if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and total == "0":
                length = "0"
            elif not ranges and reply.status != HTTPStatus.OK:
                refuse(place, reply)
            size = int(length) if length.isdigit() else wanted.size
            if size is None:
                raise failed(place, "does not say how large the file is", "server")
            etag, changed_at = reply.headers.get("ETag"), reply.headers.get("Last-Modified")
            return Offer(place.url, size, etag, changed_at), reply.url, ranges
        finally:
            reply.close()

    def _ask(self, place: Place, headers: dict[str, str], at: str | None = None) -> Reply:
        """The answer; whatever the network did to it, by name."""
        try:
            return self._connector.ask(place, headers, at=at)
        except (OSError, http.client.HTTPException) as error:
            raise named(error, place) from error

    # ── transferring ─────────────────────────────────────────────────────────────────────────────────────

    def _transfer(
        self, place: Place, offer: Offer, at: str, ranges: bool, part: Path, on_total: Callable[[int], None]
    ) -> tuple[str, bool]:
        """Read what is missing; the sha256 of the whole, and whether part of it was here before."""
        path = journals.journal_path(part)
        if not ranges or not part.exists():
            journals.discard(part)
        journal = Journal.open(path, offer, journals.part_bytes(offer.size) if ranges else max(1, offer.size))
        run = _Run(journal, part, place, at, ranges)
        try:
            with part.open("ab") as file:
                file.truncate(offer.size)
            for number in range(journal.parts):
                if journal.done(number) < journal.length(number):
                    run.parts.put(number)
            return self._watched(run, on_total), journal.resumed
        finally:
            journal.close()

    def _watched(self, run: _Run, on_total: Callable[[int], None]) -> str:
        hasher = _Hasher(run)
        threads = [threading.Thread(target=self._work, args=(run,), daemon=True) for _ in range(self._threads)]
        threads.append(threading.Thread(target=hasher.work, daemon=True))
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                on_total(run.journal.total())
                threads[-1].join(_WATCH_S)
        finally:
            run.end()
            for thread in threads:
                thread.join()
        if run.failure is not None:
            raise run.failure
        on_total(run.journal.total())
        return hasher.digest.hexdigest()

    def _work(self, run: _Run) -> None:
        try:
            with run.part.open("r+b", buffering=0) as file:
                while not run.stop.is_set():
                    try:
                        self._read_part(run, run.parts.get_nowait(), file)
                    except queue.Empty:
                        return
        except BaseException as error:  # noqa: BLE001 - told to the watching thread, which raises it
            run.fail(error)

    def _read_part(self, run: _Run, number: int, file: FileIO) -> None:
        start = number * run.journal.step + run.journal.done(number)
        end = number * run.journal.step + run.journal.length(number)
        reply = self._ask_for_part(run, start, end)
        with run.opened(reply):
            file.seek(start)
            for chunk in self._chunks(run, reply, end - start):
                file.write(chunk)
                run.grow(number, len(chunk))
                run.stop.wait(self._throttle.pause_s(len(chunk)))

    def _ask_for_part(self, run: _Run, start: int, end: int) -> Reply:
        """The answer with bytes `start` up to but without `end`, and nothing else."""
        headers: dict[str, str] = {}
        if run.ranges:
            headers["Range"] = f"bytes={start}-{end - 1}"
            if run.journal.offer.validator:
                headers["If-Range"] = run.journal.offer.validator
        reply = self._ask(run.place, headers, run.at)
        try:
            if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise _Changed
            if reply.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                refuse(run.place, reply)
            if reply.headers.get("ETag") != run.journal.offer.etag:
                raise _Changed
            size = run.journal.offer.size
            if run.ranges and reply.headers.get("Content-Range") != f"bytes {start}-{end - 1}/{size}":
                raise _Changed
        except BaseException:
            reply.close()
            raise
        return reply

    def _chunks(self, run: _Run, reply: Reply, left: int) -> Iterator[bytes]:
        """The body as it comes, never more than was asked for; a slow trickle counts as silence."""
        since, came = 0.0, 0
        while left and not run.stop.is_set():
            began = time.monotonic()
            try:
                chunk = reply.response.read1(min(_READ_BYTES, left))
            except (OSError, http.client.HTTPException) as error:
                raise named(error, run.place) from error
            if not chunk:
                raise Retry(failed(run.place, "broke off in the middle", "broken"))
            since, came = since + time.monotonic() - began, came + len(chunk)
            if since > self._patience.stall_s:
                if came < since * _LEAST_BYTES_PER_S:
                    raise Retry(failed(run.place, "sends next to nothing", "stalled"))
                since, came = 0.0, 0
            left -= len(chunk)
            yield chunk


class _Hasher:
    """Hashes the file from its beginning as far as it is there, until all of it is."""

    def __init__(self, run: _Run) -> None:
        self.digest = hashlib.sha256()
        self._run = run
        self._part = 0

    def work(self) -> None:
        try:
            buffer = memoryview(bytearray(_HASH_BYTES))
            with self._run.part.open("rb", buffering=0) as file:
                position = 0
                while position < self._run.journal.offer.size and (ready := self._wait_beyond(position)):
                    position += (count := file.readinto(buffer[: ready - position]))
                    self.digest.update(buffer[:count])
        except BaseException as error:  # noqa: BLE001 - told to the watching thread, which raises it
            self._run.fail(error)

    def _wait_beyond(self, position: int) -> int:
        """Up to where the file is there without a gap, once that is beyond `position`; 0 when told to stop."""
        with self._run.grown:
            while (ready := self._gapless()) <= position:
                if self._run.stop.is_set():
                    return 0
                self._run.grown.wait()
        return ready

    def _gapless(self) -> int:
        journal = self._run.journal
        while self._part < journal.parts - 1 and journal.done(self._part) == journal.length(self._part):
            self._part += 1
        return self._part * journal.step + journal.done(self._part)


def _check_size(wanted: Wanted, offer: Offer, place: Place) -> None:
    if wanted.size is not None and offer.size != wanted.size:
        raise ChecksumMismatch(
            f"{wanted.name} from {host_of(place)} has {offer.size} bytes and the one {wanted.promise} {wanted.size}",
            file=wanted.name,
            expected_bytes=wanted.size,
            found_bytes=offer.size,
        )


def _fits(wanted: Wanted, sha256: str, part: Path) -> bool:
    return sha256 == wanted.sha256 if wanted.sha256 else git_sha1(part) == wanted.git_sha1


def git_sha1(path: Path) -> str:
    """The digest under which git keeps a file."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_HASH_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
