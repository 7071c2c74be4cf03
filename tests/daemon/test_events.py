"""The ring of events keeps the last thousand in order; a reader that is too slow can tell."""

import asyncio

from mien_daemon.events import KEPT, Events


def test_what_is_forgotten_is_known_to_be_forgotten() -> None:
    events = Events()
    for number in range(KEPT + 10):
        events.publish("job", {"number": number})
    assert events.since(9) is None
    since = events.since(10)
    assert since is not None
    assert [event.data["number"] for event in since] == list(range(10, KEPT + 10))
    assert events.since(events.last) == []


async def test_a_reader_that_waits_is_woken_by_the_next_event() -> None:
    events = Events()
    waiting = asyncio.create_task(events.wait_beyond(events.last))
    await asyncio.sleep(0)
    assert events.waiting == 1
    events.publish("job", {})
    async with asyncio.timeout(60):
        await waiting
    assert events.waiting == 0


async def test_what_happened_already_is_not_waited_for() -> None:
    events = Events()
    events.publish("job", {})
    async with asyncio.timeout(60):
        await events.wait_beyond(0)


def test_an_events_name_is_read_back_and_another_lifes_is_not() -> None:
    events = Events()
    events.publish("job", {})
    assert events.number(events.name(1)) == 1
    assert events.number(Events().name(1)) is None
