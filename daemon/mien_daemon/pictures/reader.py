"""One process that reads pictures for the front process, with a budget of time and of memory for each of them."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from mien_api.problems import error_for
from mien_core.errors import InvalidImage
from mien_core.program import command_for, windowless
from mien_daemon.background import BackgroundTasks
from mien_daemon.running_time import timeout_while_running
from mien_daemon.worker import messages
from mien_daemon.worker.messages import (
    ClipRead,
    Failed,
    HeaderRead,
    MakePreview,
    Message,
    PreviewMade,
    ReadClip,
    ReadHeader,
)

TIMEOUT_S = 20.0  # 120 megapixels of PNG take about two; the start of the process is part of it
CLIP_TIMEOUT_S = 120.0  # every packet of a clip is counted: 4 GiB are read from a slow disk
IDLE_S = 20.0
Region = tuple[float, float, float, float]  # (x1, y1, x2, y2) in pixels of the upright picture
MAX_PREVIEW_BYTES = 64 << 20  # 8192 × 8192 pixels of noise


class PictureReader:
    """The process, started with the first picture and ended after `IDLE_S` without one. One picture at a time."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """`folders` are those whose pictures it reads: the process can read no others."""
        self._folders = [str(folder) for folder in folders]
        self._process: asyncio.subprocess.Process | None = None
        self._changing = asyncio.Lock()  # a process that is being started is not yet there to be ended
        self._idle: asyncio.TimerHandle | None = None
        self._tasks = BackgroundTasks()

    async def read_header(self, path: Path) -> HeaderRead:
        """Format and size of a picture.

        Raises:
            InvalidImage, ImageTooLarge: Mien does not read it, or not in time.
        """
        answer, _ = await self._ask(ReadHeader(str(path)))
        if not isinstance(answer, HeaderRead):
            raise await self._give_up()
        return answer

    async def read_clip(self, wanted: ReadClip) -> ClipRead:
        """What a clip is, if it can be edited so.

        Raises:
            UnsupportedClip, HdrClip, ClipTooLong, ImageTooLarge, InvalidOptions: as `media.clip.probe.probe_part` says,
                and `media.clip.encoders.require_encoder`.
            InvalidImage: it could not be read in time.
        """
        answer, _ = await self._ask(wanted, CLIP_TIMEOUT_S)
        if not isinstance(answer, ClipRead):
            raise await self._give_up()
        return answer

    async def make_preview(
        self, path: Path, side: int, *, is_result: bool = False, at_s: float = 0.0, region: Region | None = None
    ) -> bytes:
        """A JPEG, of a picture the `region` where there is one; raises as `read_header`, or as `read_clip`."""
        answer, made = await self._ask(MakePreview(str(path), side, is_result, at_s, region))
        if not isinstance(answer, PreviewMade):
            raise await self._give_up()
        return made

    async def warm(self) -> None:
        """Start the process: a picture is on its way."""
        self._stop_idle_timer()
        try:
            await self._running()
        finally:
            self._start_idle_timer()

    async def close(self) -> None:
        """End the process, if one runs, and wait for its end."""
        self._stop_idle_timer()
        await self._tasks.finish(self._end())

    async def _ask(
        self, question: ReadHeader | ReadClip | MakePreview, timeout_s: float | None = None
    ) -> tuple[Message | None, bytes]:
        """The answer, and the bytes that follow it."""
        self._stop_idle_timer()
        try:
            process = await self._running()
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("the preview process has no pipes")
            async with timeout_while_running(timeout_s or TIMEOUT_S):
                process.stdin.write(messages.encode(question))
                await process.stdin.drain()
                answer = await messages.receive(process.stdout)
                made = b""
                if isinstance(answer, PreviewMade):
                    made = await process.stdout.readexactly(check_size(answer))
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
            raise await self._give_up() from error
        except asyncio.CancelledError:
            await self.close()  # half an answer is in the pipe; the next one needs a new process
            raise
        finally:
            self._start_idle_timer()
        if isinstance(answer, Failed):
            raise error_for({"code": answer.code, "detail": answer.detail, **answer.fields})
        return answer, made

    async def _give_up(self) -> InvalidImage:
        """End the process; the error to raise."""
        await self.close()
        return InvalidImage("the picture could not be read with the time and the memory that one picture has")

    async def _running(self) -> asyncio.subprocess.Process:
        """The process. A caller that goes away does not leave a half-started one behind."""
        return await self._tasks.finish(self._start())

    async def _start(self) -> asyncio.subprocess.Process:
        async with self._changing:
            if self._process is None or self._process.returncode is not None:
                pipe = asyncio.subprocess.PIPE
                command = [*command_for("preview"), *self._folders]
                self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, **windowless())
            return self._process

    def _start_idle_timer(self) -> None:
        self._stop_idle_timer()
        if self._process:
            self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_soon)

    def _stop_idle_timer(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _end_soon(self) -> None:
        self._tasks.start(self._end())

    async def _end(self) -> None:
        async with self._changing:
            process, self._process = self._process, None
            if process:
                await kill(process)


def check_size(answer: PreviewMade) -> int:
    """How many bytes follow. A process that a picture has taken over may say anything.

    Raises:
        ValueError: more than any preview has.
    """
    if not 0 <= answer.size <= MAX_PREVIEW_BYTES:
        raise ValueError(f"a preview of {answer.size} bytes")
    return answer.size


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a process and wait for its end."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
