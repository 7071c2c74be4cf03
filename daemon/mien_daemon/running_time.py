"""Deadlines that count the time in which this process ran.

A laptop sleeps, a virtual machine is paused, a process is stopped: afterwards every clock says that others were silent
for long, and they were stopped too. So time is counted in short turns of the event loop, and a turn that took longer
counts as a short one.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

TURNS = 20  # so many in one deadline: what was being counted when the process was stopped is lost or gained
MOST_TURN_S = 0.5


def turn_s(deadline_s: float) -> float:
    """How long one turn of a deadline is."""
    return min(MOST_TURN_S, deadline_s / TURNS)


@asynccontextmanager
async def timeout_while_running(seconds: float) -> AsyncGenerator[None]:
    """As `asyncio.timeout`, counting only time in which this process ran.

    Raises:
        TimeoutError: the block took longer.
    """
    async with asyncio.timeout(None) as limit:
        countdown = Countdown(seconds, limit)
        try:
            yield
        finally:
            countdown.stop()


class Countdown:
    """Lets a limit run out after so many seconds in which this process ran."""

    def __init__(self, seconds: float, limit: asyncio.Timeout) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._turn_s = turn_s(seconds)
        self._left_s = seconds
        self._begin_turn()

    def stop(self) -> None:
        self._turn.cancel()

    def _begin_turn(self) -> None:
        self._began = self._loop.time()
        self._turn = self._loop.call_later(min(self._turn_s, self._left_s), self._end_turn)

    def _end_turn(self) -> None:
        self._left_s -= min(self._loop.time() - self._began, self._turn_s)
        if self._left_s <= 0:
            self._limit.reschedule(self._loop.time())
        else:
            self._begin_turn()
