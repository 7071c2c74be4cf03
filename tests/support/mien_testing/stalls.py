"""The longest time for which an event loop answers nobody, in units of work that is measured in the same run."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

TICK_S = 0.005


class Stalls:
    """What a ticker on the loop has seen; `longest_s` is of this thread's own processor time.

    Time in which another process had the processor is not the loop's fault, and is not counted.
    """

    def __init__(self) -> None:
        self.ticks = 0
        self.longest_s = 0.0


@asynccontextmanager
async def watch_loop() -> AsyncGenerator[Stalls]:
    """Watch the running loop for as long as the block runs.

    A thread that holds the interpreter holds the loop as well, without the loop's own thread computing: that counts
    too, as the processor time of the whole process between two ticks.
    """
    stalls = Stalls()

    async def tick() -> None:
        before = time.process_time()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.process_time()
            stalls.ticks += 1
            stalls.longest_s = max(stalls.longest_s, now - before)
            before = now

    ticker = asyncio.create_task(tick())
    try:
        yield stalls
    finally:
        ticker.cancel()


def unit_of_work_s() -> float:
    """What 4 MB of plain search take on this machine now: a few milliseconds on ours."""
    data, began = bytes(4 << 20), time.process_time()
    for word in (b"a", b"never", b"there"):
        data.lower().find(word)
    return time.process_time() - began
