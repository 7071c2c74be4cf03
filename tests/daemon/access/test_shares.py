"""Shares and turns: one client's requests never take what others need, and none waits for ever."""

import asyncio

import pytest

from mien_api.errors import TooManyRequests
from mien_daemon.access.clients import LOCAL, Client, Scope
from mien_daemon.access.shares import LOCAL_TIMES, Share, Turns

ADA, BEN, CARL = (Client(name, name, frozenset[Scope]({"swap"})) for name in ("ada", "ben", "carl"))


def test_a_client_has_its_share_and_is_told_when_it_is_full() -> None:
    share = Share("streams", 2, retry_after_s=7)
    with share.hold(ADA), share.hold(ADA):
        with pytest.raises(TooManyRequests, match="this client's share of streams") as refused, share.hold(ADA):
            pass
        assert refused.value.fields == {"share": "streams", "retry_after_s": 7}
        with share.hold(BEN):
            pass
    with share.hold(ADA):
        pass


def test_the_persons_own_programs_have_more_but_not_without_end() -> None:
    share = Share("streams", 1, retry_after_s=1)
    share.require_room(LOCAL, held=LOCAL_TIMES - 1)
    with pytest.raises(TooManyRequests):
        share.require_room(LOCAL, held=LOCAL_TIMES)


class Queue:
    """Turns, and who had one, in order."""

    def __init__(self, places: int) -> None:
        self.turns = Turns(places, Share("turns", 10, 1))
        self.begun: list[str] = []
        self.go: dict[str, asyncio.Event] = {}

    def ask(self, client: Client, name: str) -> asyncio.Task[None]:
        self.go[name] = asyncio.Event()

        async def work() -> None:
            async with self.turns.take(client):
                self.begun.append(name)
                await self.go[name].wait()

        return asyncio.create_task(work())

    async def settle(self) -> list[str]:
        for _ in range(10):
            await asyncio.sleep(0)
        return self.begun


async def test_no_client_has_all_places_and_clients_alternate() -> None:
    queue = Queue(2)
    tasks = [queue.ask(ADA, f"a{number}") for number in range(3)] + [
        queue.ask(BEN, f"b{number}") for number in range(2)
    ]
    assert await queue.settle() == ["a0", "b0"]
    tasks.append(queue.ask(CARL, "c0"))
    queue.go["a0"].set()
    assert await queue.settle() == ["a0", "b0", "a1"], "ada asked before carl"
    queue.go["a1"].set()
    assert await queue.settle() == ["a0", "b0", "a1", "c0"], "and then it is carl's turn"
    for event in queue.go.values():
        event.set()
    await asyncio.gather(*tasks)
    assert sorted(queue.begun) == ["a0", "a1", "a2", "b0", "b1", "c0"]


async def test_one_place_is_used_by_one_at_a_time() -> None:
    queue = Queue(1)
    tasks = [queue.ask(ADA, "a0"), queue.ask(BEN, "b0")]
    assert await queue.settle() == ["a0"]
    queue.go["a0"].set()
    assert await queue.settle() == ["a0", "b0"]
    queue.go["b0"].set()
    await asyncio.gather(*tasks)


async def test_whoever_leaves_takes_no_turn_along() -> None:
    queue = Queue(1)
    first, second, third = (queue.ask(client, client.id) for client in (ADA, BEN, CARL))
    await queue.settle()
    second.cancel()
    queue.go["ada"].set()
    assert await queue.settle() == ["ada", "carl"]
    third.cancel()
    await asyncio.gather(first, second, third, return_exceptions=True)
    last = queue.ask(BEN, "again")
    assert await queue.settle() == ["ada", "carl", "again"]
    queue.go["again"].set()
    await last


async def test_a_turn_that_comes_just_as_its_request_is_broken_off_goes_to_the_next() -> None:
    queue = Queue(1)
    go = asyncio.Event()

    async def break_off() -> None:
        async with queue.turns.take(ADA):
            await go.wait()
        second.cancel()  # it has been given its turn, and has not taken it yet

    first = asyncio.create_task(break_off())
    await queue.settle()
    second, third = queue.ask(BEN, "ben"), queue.ask(CARL, "carl")
    await queue.settle()
    go.set()
    assert await queue.settle() == ["carl"]
    queue.go["carl"].set()
    await asyncio.gather(first, second, third, return_exceptions=True)
