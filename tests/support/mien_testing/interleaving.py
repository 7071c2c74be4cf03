"""A database that lets other tasks go first, before and after each call, as often as a seed says."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from mien_daemon.state.database import Database

Answer = TypeVar("Answer")
SEEDS = range(24)


class Interleaved(Database):
    """The real database; only when its callers go on differs from seed to seed."""

    def be_seeded(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def write(self, work: Callable[[sqlite3.Connection], Answer], *, patient: bool = False) -> Answer:
        await self._let_others_go()
        answer = await super().write(work, patient=patient)
        await self._let_others_go()
        return answer

    async def read(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer:
        await self._let_others_go()
        answer = await super().read(work)
        await self._let_others_go()
        return answer

    async def _let_others_go(self) -> None:
        for _ in range(self._chance.randrange(5)):
            await asyncio.sleep(0)
