"""Verifying a picture or a clip for the API: by `mien verify` in a process of its own, never in the front one."""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any

from mien_api.errors import RequestTimeout
from mien_api.problems import error_for
from mien_core.errors import DiskFull, InvalidImage
from mien_core.program import command_for, windowless
from mien_daemon.access.clients import Client
from mien_daemon.access.shares import Share, Turns
from mien_daemon.background import run_in_thread
from mien_daemon.pictures.blobs import ARRIVING, SizeLimits, require_headroom
from mien_daemon.running_time import timeout_while_running
from mien_pipeline.media.kinds import HEAD_BYTES, looks_like_clip, read_head

TIMEOUT_S = 30.0  # 120 megapixels of PNG take about four
CLIP_TIMEOUT_S = 300.0  # twelve pictures of it are decoded, and all before them: ten minutes of 720 lines take about 60
PLACES = 2  # one client's pictures, however slow, leave the other place
MOST_WAITING = 8  # of one client
RETRY_AFTER_S = 10
# An honest answer has some kilobytes. A picture's metadata may be as long as the picture; reading it holds the loop.
MAX_ANSWER_BYTES = 256 << 10


def command(state: Path, models: Path) -> list[str]:
    """How the process is started; in place of "-" it takes a path."""
    folders = ["--state-dir", str(state), "--models-dir", str(models)]
    return [*command_for("mien"), "verify", "-", "--json", "--offline", *folders]


class Verifier:
    """Two pictures at a time, in turns. A picture is taken from its sender only when its turn has come.

    So many requests take no more memory than two, and no more of the disk.
    """

    def __init__(self, state: Path, models: Path) -> None:
        self._command = command(state, models)
        self._arriving = state / ARRIVING
        self._turns = Turns(PLACES, Share("pictures being verified", MOST_WAITING, RETRY_AFTER_S))

    async def inspect(
        self, pieces: AsyncIterator[bytes], limits: SizeLimits, timeout_s: float, client: Client
    ) -> Mapping[str, Any]:
        """What the picture in `pieces` says about itself, as `mien verify --json` prints it; it is not kept.

        Raises:
            TooManyRequests: this client waits for too many already.
            ImageTooLarge, DiskFull, RequestTimeout: the picture did not come whole.
            InvalidImage, ImageTooLarge: it is no picture that Mien reads, or could not be read in time.
            UnsupportedClip, HdrClip: nor a clip.
        """
        async with self._turns.take(client):
            path = self._arriving / f"verify.{secrets.token_hex(6)}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                try:
                    await self._receive(file, pieces, limits, timeout_s)
                    file.seek(0)
                    # A clip is read by its name: its readers seek, and open it more than once.
                    is_clip = looks_like_clip(await run_in_thread(read_head, path))
                    answer = await self._ask(file, path if is_clip else None)
                finally:
                    path.unlink(missing_ok=True)
        return parse_answer(answer)

    async def _receive(
        self, file: IO[bytes], pieces: AsyncIterator[bytes], limits: SizeLimits, timeout_s: float
    ) -> None:
        size, head = 0, b""
        try:
            async with timeout_while_running(timeout_s):
                async for piece in pieces:
                    size += len(piece)
                    head += piece[: HEAD_BYTES - len(head)]
                    limits.require(size, head)
                    require_headroom(self._arriving, len(piece))
                    await run_in_thread(_write, file, piece)
        except TimeoutError:
            raise RequestTimeout("the picture came too slowly", timeout_s=timeout_s) from None

    async def _ask(self, picture: IO[bytes], clip: Path | None) -> bytes:
        """What the process prints, at most one byte more than is read."""
        pipe = asyncio.subprocess.PIPE
        named = [str(clip) if clip and word == "-" else word for word in self._command]
        process = await asyncio.create_subprocess_exec(*named, stdin=picture, stdout=pipe, **windowless())
        if process.stdout is None:
            raise RuntimeError("the process has no pipe")
        try:
            async with timeout_while_running(CLIP_TIMEOUT_S if clip else TIMEOUT_S):
                answer, piece = bytearray(), b""
                while len(answer) <= MAX_ANSWER_BYTES and (piece := await process.stdout.read(MAX_ANSWER_BYTES)):
                    answer += piece
                if not piece:
                    await process.wait()  # a kill of one that has ended would take its status from the loop
        except TimeoutError as error:
            raise InvalidImage("the picture could not be read in time") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return bytes(answer)


def parse_answer(answer: bytes) -> Mapping[str, Any]:
    """What the process found; raises as `Verifier.inspect` does."""
    try:
        found: object = json.loads(answer) if len(answer) <= MAX_ANSWER_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidImage("the picture could not be read with the memory that one picture has, or says too much")
    if "credentials" not in found:
        raise error_for(found)
    return found


def _write(file: IO[bytes], piece: bytes) -> None:
    view = memoryview(piece)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise DiskFull("the picture could not be written", reason=error.strerror or "") from error
