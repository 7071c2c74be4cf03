"""One request and its answer over HTTP, for asyncio, with streams alone.

A request is HTTP/1.0: one a connection, and the answer ends where its length says. On loopback that costs less than a
millisecond, and there are no chunks to read.
"""

import asyncio
import hashlib
import http.client
import io
import json
import os
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mien_api.client.connection import (
    ADDRESS,
    AS_BYTES,
    AS_JSON,
    PIECE_BYTES,
    Address,
    Document,
    gone_away,
    no_answer,
    read_document,
    read_refusal,
)
from mien_api.client.pictures import name_of
from mien_api.client.result_file import written
from mien_core.errors import DaemonUnreachable

HEAD_BYTES = 64 << 10
MOST_LINE_BYTES = 64 << 20  # of the stream of events: one tells a whole job, with its result


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, and where its body is read from."""

    status: int
    headers: http.client.HTTPMessage
    body: asyncio.StreamReader
    timeout_s: float
    port: int

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body; raises `DaemonUnreachable` where it ends too early or stops."""
        left = int(self.headers.get("Content-Length", "0")) if self.status != 304 else 0
        while left:
            piece = await self._next(min(left, PIECE_BYTES))
            left -= len(piece)
            yield piece

    async def _next(self, most: int) -> bytes:
        try:
            piece = await self._read(most)
        except OSError as error:
            raise gone_away(self.port) from error
        if not piece:
            raise gone_away(self.port)
        return piece

    async def _read(self, most: int) -> bytes:
        """Up to so many bytes; none at the end.

        `asyncio.wait_for` of Python 3.11 loses a cancel that comes in the moment in which they come.
        """
        async with asyncio.timeout(self.timeout_s):
            return await self.body.read(most)

    async def lines(self) -> AsyncGenerator[str]:
        """The whole lines of a stream, until it ends, however that is.

        Raises:
            DaemonUnreachable: a line has more than `limit_bytes`.
        """
        begun = bytearray()
        with suppress(OSError):  # the connection broke
            while piece := await self._read(PIECE_BYTES):
                first, *others = piece.split(b"\n")
                begun += first
                if len(begun) > MOST_LINE_BYTES:
                    raise DaemonUnreachable("the daemon sends a line without an end", limit_bytes=MOST_LINE_BYTES)
                for other in others:
                    yield begun.decode(errors="replace")
                    begun = bytearray(other)

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.pieces()])


class Exchange(Address):
    """Requests that are awaited. All methods raise as `request` does."""

    __slots__ = ()

    async def request(self, method: str, path: str, document: Mapping[str, object] | None = None) -> Document:
        """One request with a JSON answer; {} where there is nothing to say.

        Raises:
            DaemonUnreachable: no daemon answers.
            MienError: what the daemon refused, as its own class.
        """
        return await self._ask(method, path, document, AS_JSON if document is not None else {})

    async def put_blob(self, data: bytes) -> str:
        """Send a picture and return its name, "sha256:…"."""
        name = name_of(data)
        async with self._exchange("PUT", f"/v1/blobs/{name}", cut(io.BytesIO(data)), len(data), AS_BYTES):
            return name

    async def put_file(self, path: Path) -> str:
        """Send a clip, or any file that is too large for memory, and return its name."""
        with path.open("rb") as file:
            digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
            name, size = f"sha256:{digest.hexdigest()}", file.seek(0, os.SEEK_END)
            file.seek(0)
            async with self._exchange("PUT", f"/v1/blobs/{name}", cut(file), size, AS_BYTES):
                return name

    async def _ask(
        self, method: str, path: str, document: Mapping[str, object] | None, headers: Mapping[str, str]
    ) -> Document:
        body = b"" if document is None else json.dumps(document).encode()
        async with self._exchange(method, path, [body], len(body), headers) as answer:
            return read_document(await answer.read())

    async def _ask_again(self, method: str, path: str, tag: str) -> tuple[Document, str]:
        """The document and its ETag; {} where `tag` is still the newest."""
        async with self._exchange(method, path, [], 0, {"If-None-Match": tag} if tag else {}) as answer:
            return read_document(await answer.read()), answer.headers.get("ETag", "")

    async def _get_bytes(self, path: str) -> bytes:
        async with self._exchange("GET", path, [], 0, {}) as answer:
            return await answer.read()

    async def _save(self, path: str, to: Path) -> None:
        async with self._exchange("GET", path, [], 0, {}) as answer:
            with written(to) as file:
                async for piece in answer.pieces():
                    await asyncio.to_thread(file.write, piece)

    @asynccontextmanager
    async def _exchange(
        self, method: str, path: str, body: Iterable[bytes], size: int, headers: Mapping[str, str]
    ) -> AsyncGenerator[Answer]:
        """Send, and give the answer; raises what was refused."""
        try:
            reader, writer = await asyncio.open_connection(ADDRESS, self.port, limit=HEAD_BYTES)
        except OSError as error:
            raise no_answer(self.port) from error
        try:
            answer = await self._begin(reader, writer, self._head(method, path, size, headers), body)
            if answer.status >= 400:
                raise read_refusal(await answer.read(), answer.status)
            yield answer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _begin(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, body: Iterable[bytes]
    ) -> Answer:
        # Read while we write: a refusal before all was sent would be lost with the connection.
        reading = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
        try:
            with suppress(ConnectionError):
                writer.write(head)
                for piece in body:
                    writer.write(piece)
                    async with asyncio.timeout(self.timeout_s):
                        await writer.drain()
            async with asyncio.timeout(self.timeout_s):
                status, headers = parse_head(await reading)
            return Answer(status, headers, reader, self.timeout_s, self.port)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise no_answer(self.port) from error
        finally:
            reading.cancel()

    def _head(self, method: str, path: str, size: int, headers: Mapping[str, str]) -> bytes:
        own = {"Host": f"{ADDRESS}:{self.port}", "Content-Length": str(size)}
        lines = [f"{method} {path} HTTP/1.0", *(f"{name}: {value}" for name, value in self._headers(own).items())]
        return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


def parse_head(head: bytes) -> tuple[int, http.client.HTTPMessage]:
    """The status and the headers.

    Raises:
        ValueError: this is no HTTP.
    """
    line, _, rest = head.partition(b"\r\n")
    version, _, status = line.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("no HTTP")
    return int(status[:3]), http.client.parse_headers(io.BytesIO(rest))


def cut(file: BinaryIO) -> Iterator[bytes]:
    """A file in pieces."""
    while piece := file.read(PIECE_BYTES):
        yield piece
