"""Small pictures to look at, made in a process of their own: never in the front process, never behind a running swap.

A browser shows a gallery of two hundred results of twelve megapixels, or a HEIC that it cannot read, as these.
They are kept in memory alone, and only while a client asks for some.
"""

import asyncio
import contextlib
from collections import OrderedDict
from pathlib import Path

from mien_core.errors import InvalidImage
from mien_core.program import command_for
from mien_daemon.background import BackgroundTasks
from mien_daemon.worker import messages
from mien_daemon.worker.messages import Failed, MakePreview, PreviewMade

KEPT_BYTES = 8 << 20  # some four hundred thumbnails
KEPT_SIDE = 512  # larger ones are looked at once
TIMEOUT_S = 20.0  # 120 megapixels of PNG take about two
IDLE_S = 20.0


class RecentPreviews:
    """The previews that were asked for last, up to so many bytes; the one not asked for longest goes first."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._previews: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    def get(self, digest: str, side: int) -> bytes | None:
        """A kept preview; None when there is none."""
        preview = self._previews.get((digest, side))
        if preview is not None:
            self._previews.move_to_end((digest, side))
        return preview

    def keep(self, digest: str, side: int, preview: bytes) -> None:
        """Keep a preview, unless it is large; older ones make room."""
        if side > KEPT_SIDE:
            return
        self._previews[digest, side] = preview
        while sum(map(len, self._previews.values())) > self._most_bytes:
            self._previews.popitem(last=False)

    def clear(self) -> None:
        """Let go of all of them."""
        self._previews.clear()


class Previews:
    """Makes one preview after the other; the process ends, and memory is freed, after `IDLE_S` without a request."""

    def __init__(self) -> None:
        self._recent = RecentPreviews()
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending = BackgroundTasks()

    async def make(self, path: Path, digest: str, side: int) -> bytes:
        """A JPEG of the picture, upright, no side longer than `side`; `digest` names the picture's bytes.

        Raises:
            InvalidImage: it cannot be read, or not in time.
        """
        async with self._turn:
            preview = self._recent.get(digest, side)
            if preview is None:
                self._stop_idle_timer()
                try:
                    preview = await self._ask(path, side)
                finally:
                    self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._forget)
                self._recent.keep(digest, side, preview)
            return preview

    async def close(self) -> None:
        """End the process, if one runs, and wait for its end."""
        self._stop_idle_timer()
        self._end_process()
        await self._ending.wait()

    async def _ask(self, path: Path, side: int) -> bytes:
        process = await self._running()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the preview process has no pipes")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                process.stdin.write(messages.encode(MakePreview(str(path), side)))
                await process.stdin.drain()
                answer = await messages.receive(process.stdout)
                if isinstance(answer, PreviewMade):
                    return await process.stdout.readexactly(answer.size)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
            await self.close()
            raise InvalidImage("no preview could be made of the picture") from error
        except asyncio.CancelledError:
            await self.close()  # half an answer is in the pipe; the next one needs a new process
            raise
        if isinstance(answer, Failed):
            raise InvalidImage(answer.detail)
        await self.close()
        raise InvalidImage("no preview could be made of the picture")

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*command_for("preview"), stdin=pipe, stdout=pipe)
        return self._process

    def _stop_idle_timer(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    def _forget(self) -> None:
        """End the process, and keep nothing of any picture in memory."""
        self._recent.clear()
        self._end_process()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process:
            self._ending.start(kill(process))


async def kill(process: asyncio.subprocess.Process) -> None:
    """End a process and wait for its end."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
