"""Shares: no client takes all of what every client needs, and each is told when its own share is full."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from mien_api.errors import TooManyRequests
from mien_daemon.access.clients import LOCAL, Client

# Room for the person's own programs: the command line, the tray, and the console page with a gallery in each tab.
LOCAL_TIMES = 4
STREAMS = 16  # a browser has one for each tab of the page
WAITS = 128  # as many as a client has jobs, and more
UPLOADS = 32
READ_AT_A_TIME = 4  # a swap in one request is held in memory, up to 100 MB with its pictures, until it is on the disk


class Share:
    """How many of one thing each client may have at a time."""

    def __init__(self, name: str, most: int, retry_after_s: int) -> None:
        """`name` is what a refusal calls it, `most` each client's number; the person's own programs have more."""
        self.name = name
        self._most = most
        self._retry_after_s = retry_after_s
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, client: Client) -> Generator[None]:
        """Take one for as long as the block runs.

        Raises:
            TooManyRequests: the client has all of its own; `share` names it.
        """
        self.require_room(client)
        self._held[client.id] += 1
        try:
            yield
        finally:
            self._held[client.id] -= 1
            if not self._held[client.id]:
                del self._held[client.id]

    def held_by(self, client: Client) -> int:
        """How many the client has now."""
        return self._held[client.id]

    def require_room(self, client: Client, held: int | None = None) -> None:
        """Return if the client may have one more beside those that it holds; raises as `hold`."""
        most = self._most * (LOCAL_TIMES if client.id == LOCAL.id else 1)
        if (self._held[client.id] if held is None else held) >= most:
            raise self.refusal()

    def refusal(self) -> TooManyRequests:
        return TooManyRequests(
            f"this client's share of {self.name} is full", share=self.name, retry_after_s=self._retry_after_s
        )


class Shares:
    """What every client has a share of, beside the queue's places and the pictures that are read."""

    def __init__(self) -> None:
        self.streams = Share("event streams", STREAMS, retry_after_s=30)
        self.waits = Share("waiting requests", WAITS, retry_after_s=5)
        self.uploads = Share("uploads at a time", UPLOADS, retry_after_s=2)
        self.whole_requests = Turns(READ_AT_A_TIME, Share("swaps in one request", UPLOADS, retry_after_s=2))


class Turns:
    """A few places at which clients take turns: one after the other, each client in the order of its own requests.

    No client has all the places, so what one of them asks never keeps another waiting for long.
    """

    def __init__(self, places: int, share: Share) -> None:
        """`share` bounds how many requests of one client are there at a time, at work or waiting."""
        self._free = places
        self._most_at_work = max(1, places - 1)
        self._share = share
        self._at_work: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def take(self, client: Client) -> AsyncGenerator[None]:
        """Wait for a place and have it for as long as the block runs.

        Raises:
            TooManyRequests: too many of this client's requests are here already.
        """
        with self._share.hold(client):
            await self._wait(client.id)
            try:
                yield
            finally:
                self._leave(client.id)

    async def _wait(self, client: str) -> None:
        if self._may_begin(client) and client not in self._waiting:
            self._begin(client)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(client)  # the turn came just as the request was broken off
            else:
                self._forget(client, turn)
            raise

    def _may_begin(self, client: str) -> bool:
        return self._free > 0 and self._at_work[client] < self._most_at_work

    def _begin(self, client: str) -> None:
        self._free -= 1
        self._at_work[client] += 1

    def _leave(self, client: str) -> None:
        self._free += 1
        self._at_work[client] -= 1
        if not self._at_work[client]:
            del self._at_work[client]
        for other in list(self._waiting):
            if self._may_begin(other):
                self._begin(other)
                turn = self._waiting[other][0]
                self._forget(other, turn)
                turn.set_result(None)

    def _forget(self, client: str, turn: "asyncio.Future[None]") -> None:
        """Take one turn out; the client's further ones come after those of all others."""
        turns = self._waiting.pop(client, deque())
        if turn in turns:
            turns.remove(turn)
        if turns:
            self._waiting[client] = turns
