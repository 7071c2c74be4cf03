"""Small pictures to look at, made in a process of their own: never in the front, never behind a running swap.

A browser shows a gallery of two hundred results of twelve megapixels, or a HEIC that it cannot read, as these.
They are kept in memory alone, and only while somebody is looking.
"""

import asyncio
import contextlib
import sys
from collections import OrderedDict
from pathlib import Path

from mien_core.errors import InvalidImage
from mien_daemon.worker import messages
from mien_daemon.worker.messages import Failed, MakePreview, PreviewMade

KEPT_BYTES = 8 << 20  # some four hundred thumbnails
KEPT_SIDE = 512  # larger ones are looked at once
TIMEOUT_S = 20.0  # 120 megapixels of PNG take about two
IDLE_S = 20.0


def command() -> list[str]:
    """How the process is started; a frozen program is its own interpreter and knows the hidden command."""
    frozen: bool = getattr(sys, "frozen", False)
    return (
        [sys.executable, "preview-process"]
        if frozen
        else [sys.executable, "-m", "mien_daemon.pictures.preview_process"]
    )


class Previews:
    """One preview after the other; the process ends when nobody has looked for a while."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._leaving: asyncio.TimerHandle | None = None

    async def make(self, path: Path, digest: str, side: int) -> bytes:
        """A JPEG of the picture, upright, no side longer than `side`; `digest` names the picture's bytes.

        Raises:
            InvalidImage: it cannot be read, or not in time.
        """
        key = (digest, side)
        async with self._turn:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            preview = await self._ask(path, side)
            if side <= KEPT_SIDE:
                self._keep(key, preview)
            return preview

    async def close(self) -> None:
        process, self._process = self._process, None
        if self._leaving:
            self._leaving.cancel()
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

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
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise InvalidImage("no preview could be made of the picture") from error
        except asyncio.CancelledError:
            await self.close()  # half an answer is in the pipe; the next one begins afresh
            raise
        if isinstance(answer, Failed):
            raise InvalidImage(answer.detail)
        await self.close()
        raise InvalidImage("no preview could be made of the picture")

    async def _running(self) -> asyncio.subprocess.Process:
        if self._leaving:
            self._leaving.cancel()
        loop = asyncio.get_running_loop()
        self._leaving = loop.call_later(IDLE_S, self._leave)
        if self._process is None or self._process.returncode is not None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(*command(), stdin=pipe, stdout=pipe)
        return self._process

    def _leave(self) -> None:
        """Nobody has looked for a while: the process ends, and nothing of any picture stays in memory."""
        self._kept.clear()
        process, self._process = self._process, None
        if process and process.stdin:
            process.stdin.close()

    def _keep(self, key: tuple[str, int], preview: bytes) -> None:
        self._kept[key] = preview
        while sum(map(len, self._kept.values())) > KEPT_BYTES:
            self._kept.popitem(last=False)
