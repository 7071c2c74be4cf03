"""The last thousand events, in order, for server-sent events and for long polls."""

import asyncio
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KEPT = 1000  # a client that missed more reads the lists again


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """One thing that happened.

    Attributes:
        owner: the client it concerns; None concerns every administrator.
        subject: the id of the job, the name of the model.
    """

    number: int
    kind: str
    data: Mapping[str, object]
    owner: str | None = None
    subject: str | None = None


class Events:
    """A ring of events. Readers keep their own place in it; one that is too slow misses events and can tell."""

    def __init__(self) -> None:
        self._boot = secrets.token_hex(4)
        self._ring: deque[PublishedEvent] = deque(maxlen=KEPT)
        self._last = 0
        self.closed = False
        self._next: asyncio.Future[None] | None = None
        self._waiting = 0

    def publish(
        self, kind: str, data: Mapping[str, object], *, owner: str | None = None, subject: str | None = None
    ) -> None:
        """Add an event and wake every reader."""
        self._last += 1
        self._ring.append(PublishedEvent(self._last, kind, data, owner, subject))
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    def close(self) -> None:
        """Wake every reader: the daemon stops."""
        self.closed = True
        if self._next is not None and not self._next.done():
            self._next.set_result(None)

    @property
    def waiting(self) -> int:
        """How many wait now: readers, and the scheduler."""
        return self._waiting

    @property
    def last(self) -> int:
        """The number of the latest event; 0 before the first."""
        return self._last

    def name(self, number: int) -> str:
        """The id under which a client resumes; only this daemon process knows it."""
        return f"{self._boot}-{number}"

    def number(self, name: str) -> int | None:
        """The number in an id; None when another daemon process gave it or it is no id."""
        boot, _, digits = name.partition("-")
        if boot != self._boot or not digits.isascii() or not digits.isdigit() or int(digits) > self._last:
            return None
        return int(digits)

    def since(self, number: int) -> Sequence[PublishedEvent] | None:
        """Every event after `number`; None when some of them are forgotten."""
        first = self._ring[0].number if self._ring else self._last + 1
        if number < first - 1:
            return None
        return [event for event in self._ring if event.number > number]

    async def wait_beyond(self, number: int) -> None:
        """Return as soon as there is an event after `number`, or nothing more will come."""
        while self._last <= number and not self.closed:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            self._waiting += 1
            try:
                await asyncio.shield(self._next)
            finally:
                self._waiting -= 1
