"""Every open connection: how many there may be, and which one goes when there are too many.

Any program of this machine may connect, other people's too, before it has shown a token. So a connection that waits
for a request and has never shown one is worth little: the oldest of those goes first.
"""

import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from mien_api.errors import TooManyRequests
from mien_daemon.access.clients import LOCAL, Client

MOST = 2048  # in all, where the system allows twice as many open files
MOST_FILES = 8192
MOST_STRANGERS = 128  # that wait and have shown no token; a browser opens six
MOST_OF_A_CLIENT = 256
SILENT_S = 30.0  # a connection that asks nothing, or does not get to the end of its headers, is closed after this
RETRY_AFTER_S = 5


def file_limit() -> int:
    """How many files, connections included, this process may have open."""
    if sys.platform == "win32":
        return MOST_FILES  # connections are no files there
    import resource

    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if now == resource.RLIM_INFINITY else now


def raise_file_limit() -> None:
    """Ask the system for `MOST_FILES`, or as many as it gives."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(MOST_FILES, most)
    if file_limit() < wanted:
        with suppress(OSError, ValueError):  # as many as before, then
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


class Closable(Protocol):
    """A connection, as aiohttp has it."""

    def force_close(self) -> None:
        """End it now."""
        ...


@dataclass(slots=True)
class _State:
    client: str | None = None
    at_work: int = 0


class Connections:
    """The open connections, those that have waited longest first."""

    def __init__(self, most: int | None = None) -> None:
        """`most` in all; by default what the system's limit on open files leaves room for."""
        self._most = min(MOST, file_limit() // 2) if most is None else most
        self._open: dict[Closable, _State] = {}
        self._of_client: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Closable) -> None:
        """A connection was opened; one that waits goes, if there are too many now, or this one if none waits."""
        strangers = [each for each, state in self._open.items() if state.client is None and not state.at_work]
        if len(strangers) >= MOST_STRANGERS:
            self._end(strangers[0])
        has_room = len(self._open) < self._most or self.end_idle()
        self._open[connection] = _State()
        if not has_room:
            self._end(connection)

    def remove(self, connection: Closable) -> None:
        """It is closed."""
        state = self._open.pop(connection, None)
        if state and state.client:
            self._count(state.client, -1)

    def begin(self, connection: Closable) -> None:
        """A request came."""
        if state := self._open.get(connection):
            state.at_work += 1

    def finish(self, connection: Closable) -> None:
        """It was answered: of those that wait, this one is the youngest now."""
        if state := self._open.pop(connection, None):
            state.at_work -= 1
            self._open[connection] = state

    def name(self, connection: Closable, client: Client) -> None:
        """A request showed this client's token.

        Raises:
            TooManyRequests: the client has too many connections open; this one should be closed.
        """
        state = self._open.get(connection)
        if state is None or state.client == client.id:
            return
        if client.id != LOCAL.id and self._of_client[client.id] >= MOST_OF_A_CLIENT:
            raise TooManyRequests(
                "this client's share of connections is full", share="connections", retry_after_s=RETRY_AFTER_S
            )
        if state.client:
            self._count(state.client, -1)
        state.client = client.id
        self._count(client.id, 1)

    def end_idle(self) -> bool:
        """End one connection that waits: a stranger's, or else one of the client with the most; whether one did."""
        idle = [(each, state) for each, state in self._open.items() if not state.at_work]
        if not idle:
            return False
        most = max(self._of_client.values(), default=0)
        strangers = [each for each, state in idle if state.client is None]
        greedy = [each for each, state in idle if state.client and self._of_client[state.client] == most]
        self._end((strangers or greedy or [each for each, _ in idle])[0])
        return True

    def _end(self, connection: Closable) -> None:
        self.remove(connection)
        connection.force_close()

    def _count(self, client: str, change: int) -> None:
        self._of_client[client] += change
        if not self._of_client[client]:
            del self._of_client[client]
