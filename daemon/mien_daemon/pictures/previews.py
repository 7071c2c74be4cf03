"""Small pictures to look at, and what headers say: from processes of their own, never behind a running swap.

A browser shows a gallery of two hundred results of twelve megapixels, or a HEIC that it cannot read, as these.
They are kept in memory alone, and only while a client asks for some.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mien_daemon.access.clients import Client
from mien_daemon.access.shares import Share, Turns
from mien_daemon.background import BackgroundTasks
from mien_daemon.pictures.reader import PictureReader
from mien_daemon.worker.messages import ClipRead, HeaderRead, ReadClip

KEPT_BYTES = 8 << 20  # some four hundred thumbnails
KEPT_SIDE = 512  # larger ones are looked at once
IDLE_S = 20.0
PLACES = 2  # one client's pictures, however slow, leave the other place
MOST_WAITING = 32  # of one client; a browser asks for six at a time
RETRY_AFTER_S = 5


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
    """Whatever the front process wants to know of a picture, asked of processes that may hang or die of it.

    Clients take turns: what one of them sends, however it is made, never keeps the pictures of others waiting.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        """`folders` are those whose pictures are read."""
        self._recent = RecentPreviews()
        self._readers = [PictureReader(folders) for _ in range(PLACES)]
        self._turns = Turns(PLACES, Share("pictures being read", MOST_WAITING, RETRY_AFTER_S))
        self._forgetting: asyncio.TimerHandle | None = None
        self._warming = BackgroundTasks()

    async def make(
        self, path: Path, digest: str, side: int, client: Client, *, is_result: bool = False, at_s: float = 0.0
    ) -> bytes:
        """A JPEG of the picture, upright, no side longer than `side`; `digest` names the picture's bytes.

        Of a clip it is the picture that is shown after `at_s` seconds.

        Raises:
            InvalidImage, ImageTooLarge: it cannot be read, or not in time.
            UnsupportedClip, HdrClip: nor can a clip.
            TooManyRequests: this client waits for too many already.
        """
        name = f"{digest} {at_s}" if at_s else digest
        async with self._reader(client) as reader:
            preview = self._recent.get(name, side)
            if preview is None:
                preview = await reader.make_preview(path, side, is_result=is_result, at_s=at_s)
                self._recent.keep(name, side, preview)
                self._forget_later()
            return preview

    async def make_part(
        self, path: Path, region: tuple[float, float, float, float], side: int, client: Client
    ) -> bytes:
        """A JPEG of the region (x1, y1, x2, y2) of an upright picture; it is not kept. Raises as `make`."""
        async with self._reader(client) as reader:
            made = await reader.make_preview(path, side, region=region)
            self._forget_later()
            return made

    async def read_clip(self, wanted: ReadClip, client: Client) -> ClipRead:
        """What a clip is, if it can be edited so; raises as `PictureReader.read_clip`."""
        async with self._reader(client) as reader:
            return await reader.read_clip(wanted)

    async def read_header(self, path: Path, client: Client) -> HeaderRead:
        """Format and size of a picture; raises as `make`."""
        async with self._reader(client) as reader:
            return await reader.read_header(path)

    def warm(self) -> None:
        """Start a process, if none runs: a picture is on its way."""
        if len(self._readers) == PLACES:
            self._warming.start(self._readers[-1].warm())

    def forget_all(self) -> None:
        """Keep no preview of any picture in memory: one of them was just deleted."""
        self._recent.clear()

    async def close(self) -> None:
        """End the processes, and wait for their end."""
        self._forget()
        await self._warming.wait()
        await asyncio.gather(*(reader.close() for reader in self._readers))

    @asynccontextmanager
    async def _reader(self, client: Client) -> AsyncGenerator[PictureReader]:
        async with self._turns.take(client):
            reader = self._readers.pop()  # the one that was used last, which runs already
            try:
                yield reader
            finally:
                self._readers.append(reader)

    def _forget_later(self) -> None:
        if self._forgetting:
            self._forgetting.cancel()
        self._forgetting = asyncio.get_running_loop().call_later(IDLE_S, self._forget)

    def _forget(self) -> None:
        """Keep nothing of any picture in memory."""
        if self._forgetting:
            self._forgetting.cancel()
            self._forgetting = None
        self._recent.clear()
