"""One attempt to bring a file to the disk: threads that read a part each, one that hashes, one that watches.

The hashing thread reads in order, from what the system still has in memory.
"""

import hashlib
import http.client
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from io import FileIO
from pathlib import Path
from typing import Protocol

from mien_models.local.journal import Journal
from mien_models.remote.http import RemoteFile, Reply
from mien_models.remote.retry import TransientFailure, download_failed, name_network_error, raise_for_status

_READ_BYTES = 1 << 20  # as much as the kernel holds: fewer turns of the interpreter between threads
_HASH_BYTES = 1 << 20
_WATCH_S = 0.1
_LEAST_BYTES_PER_S = 1024  # slower than this for the length of a stall is a stall


class SourceChangedError(Exception):
    """The source serves another file than when the download began."""


class Ask(Protocol):
    """Asks a source for a file from where it really lies; failures of the network come by name."""

    def __call__(self, headers: Mapping[str, str], *, at: str) -> Reply: ...


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


@dataclass(frozen=True, slots=True)
class Way:
    """How the bytes of one file are had.

    Attributes:
        remote: the file.
        at: where it really lies, redirects followed.
        ranges: whether it can be had in parts.
        stall_s: silence after which a connection is given up.
        throttle: shared with other files.
        threads: how many parts are read at once.
    """

    remote: RemoteFile
    at: str
    ranges: bool
    stall_s: float
    throttle: Throttle
    threads: int


class FileTransfer:
    """Reads what the journal says is missing of a file. Used once."""

    def __init__(self, ask: Ask, way: Way, journal: Journal, part: Path) -> None:
        """`part` is there and has its full size; `journal` is its."""
        self.journal = journal
        self.part = part
        self._ask = ask
        self._way = way
        self._parts: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._grown = threading.Condition()
        self._open: set[Reply] = set()
        self._failure: BaseException | None = None
        for number in range(journal.parts):
            if journal.done(number) < journal.length(number):
                self._parts.put(number)

    def run(self, on_total: Callable[[int], None]) -> str:
        """The sha256 of the whole file, once all of it is there; `on_total` hears how many bytes are.

        Raises:
            SourceChangedError, TransientFailure, DownloadFailed: the first failure of any thread.
        """
        hasher = _Hasher(self)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._way.threads)]
        threads.append(threading.Thread(target=hasher.work, daemon=True))
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                on_total(self.journal.total())
                threads[-1].join(_WATCH_S)
        finally:
            self._end()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure
        on_total(self.journal.total())
        return hasher.digest.hexdigest()

    def fail(self, failure: BaseException) -> None:
        """Stop every thread; the first failure is the one that `run` raises."""
        with self._grown:
            if self._failure is None and not self._stop.is_set():
                self._failure = failure
        self._end()

    def wait_for_growth(self, position: int, reached: Callable[[], int]) -> int:
        """What `reached` answers, once that is beyond `position`; 0 when the transfer ends before."""
        with self._grown:
            while (ready := reached()) <= position:
                if self._stop.is_set():
                    return 0
                self._grown.wait()
        return ready

    def _end(self) -> None:
        with self._grown:
            self._stop.set()
            for reply in self._open:
                reply.abort()
            self._grown.notify_all()

    @contextmanager
    def _opened(self, reply: Reply) -> Generator[None]:
        """Keep an answer where `_end` finds it, and close it afterwards."""
        with self._grown:
            self._open.add(reply)
        try:
            yield
        finally:
            with self._grown:
                self._open.discard(reply)
            reply.close()

    def _grow(self, number: int, count: int) -> None:
        with self._grown:
            self.journal.grow(number, count)
            self._grown.notify_all()

    def _work(self) -> None:
        try:
            with self.part.open("r+b", buffering=0) as file:
                while not self._stop.is_set():
                    try:
                        self._read_part(self._parts.get_nowait(), file)
                    except queue.Empty:
                        return
        except BaseException as error:  # noqa: BLE001 - told to the watching thread, which raises it
            self.fail(error)

    def _read_part(self, number: int, file: FileIO) -> None:
        start = number * self.journal.step + self.journal.done(number)
        end = number * self.journal.step + self.journal.length(number)
        reply = self._ask_for_part(start, end)
        with self._opened(reply):
            file.seek(start)
            for chunk in self._chunks(reply, end - start):
                file.write(chunk)
                self._grow(number, len(chunk))
                self._stop.wait(self._way.throttle.pause_s(len(chunk)))

    def _ask_for_part(self, start: int, end: int) -> Reply:
        """The answer with bytes `start` up to but without `end`, and nothing else."""
        offer, headers = self.journal.offer, dict[str, str]()
        if self._way.ranges:
            headers["Range"] = f"bytes={start}-{end - 1}"
            if offer.validator:
                headers["If-Range"] = offer.validator
        reply = self._ask(headers, at=self._way.at)
        try:
            if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise SourceChangedError
            if reply.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise_for_status(self._way.remote, reply)
            if reply.headers.get("ETag") != offer.etag:
                raise SourceChangedError
            if self._way.ranges and reply.headers.get("Content-Range") != f"bytes {start}-{end - 1}/{offer.size}":
                raise SourceChangedError
        except BaseException:
            reply.close()
            raise
        return reply

    def _chunks(self, reply: Reply, left: int) -> Iterator[bytes]:
        """The body as it comes, never more than was asked for; a slow trickle counts as silence."""
        since, came = 0.0, 0
        while left and not self._stop.is_set():
            began = time.monotonic()
            try:
                chunk = reply.response.read1(min(_READ_BYTES, left))
            except (OSError, http.client.HTTPException) as error:
                raise name_network_error(error, self._way.remote) from error
            if not chunk:
                raise TransientFailure(download_failed(self._way.remote, "broke off in the middle", "broken"))
            since, came = since + time.monotonic() - began, came + len(chunk)
            if since > self._way.stall_s:
                if came < since * _LEAST_BYTES_PER_S:
                    raise TransientFailure(download_failed(self._way.remote, "sends next to nothing", "stalled"))
                since, came = 0.0, 0
            left -= len(chunk)
            yield chunk


class _Hasher:
    """Hashes the file from its beginning as far as it is there, until all of it is."""

    def __init__(self, transfer: FileTransfer) -> None:
        self.digest = hashlib.sha256()
        self._transfer = transfer
        self._part = 0

    def work(self) -> None:
        try:
            size, buffer = self._transfer.journal.offer.size, memoryview(bytearray(_HASH_BYTES))
            with self._transfer.part.open("rb", buffering=0) as file:
                position = 0
                while position < size and (ready := self._transfer.wait_for_growth(position, self._gapless)):
                    position += (count := file.readinto(buffer[: ready - position]))
                    self.digest.update(buffer[:count])
        except BaseException as error:  # noqa: BLE001 - told to the watching thread, which raises it
            self._transfer.fail(error)

    def _gapless(self) -> int:
        """Up to where the file is there without a gap."""
        journal = self._transfer.journal
        while self._part < journal.parts - 1 and journal.done(self._part) == journal.length(self._part):
            self._part += 1
        return self._part * journal.step + journal.done(self._part)
