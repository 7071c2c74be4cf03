"""Events: in order, to whom they concern, resumed where a client was, and honest when something is forgotten."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from mien_daemon import keys
from mien_daemon.access.clients import Client, Scope
from mien_daemon.events import PublishedEvent
from mien_daemon.routes.events import concerns

Daemon = Any
LOCAL = "mien_token-of-the-test"


@asynccontextmanager
async def stream(daemon: Daemon, token: str = LOCAL, last: str | None = None) -> AsyncGenerator[AsyncIterator[Any]]:
    """Events as they come, each a dict of its fields with `data` read."""
    headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last} if last else {})}
    url = f"http://127.0.0.1:{daemon.port}/v1/events"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"

        async def events() -> AsyncIterator[Any]:
            fields: dict[str, Any] = {}
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = json.loads(value) if name == "data" else value
                elif "event" in fields:
                    yield fields
                    fields = {}

        yield events()


async def next_of(events: AsyncIterator[Any], kind: str = "job", **wanted: object) -> Any:
    async with asyncio.timeout(60):
        async for event in events:
            if event["event"] == kind and wanted.items() <= event["data"].items():
                return event
    raise AssertionError(f"the stream ended before {kind} {wanted}")


@pytest.mark.slow
async def test_a_job_is_told_from_queued_to_done(daemon: Daemon) -> None:
    async with stream(daemon) as events:
        job = await daemon.swap()
        for state in ("queued", "running", "done"):
            event = await next_of(events, id=job["id"], state=state)
        assert event["data"] == (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json


@pytest.mark.slow
async def test_a_client_comes_back_and_misses_nothing(daemon: Daemon) -> None:
    async with stream(daemon) as events:
        job = await daemon.swap()
        queued = await next_of(events, id=job["id"], state="queued")
    await daemon.finished(job)
    async with stream(daemon, last=queued["id"]) as events:
        assert (await next_of(events, id=job["id"]))["data"]["state"] == "running"
        assert (await next_of(events, id=job["id"], state="done"))["data"]["result"]


async def test_a_client_of_another_life_is_told_to_read_the_lists_again(daemon: Daemon) -> None:
    for unknown in ("ffffffff-3", "nonsense", f"{daemon.app[keys.EVENTS].name(1).split('-')[0]}-999999"):
        async with stream(daemon, last=unknown) as events:
            assert (await next_of(events, "reset"))["data"] == {}


@pytest.mark.slow
async def test_a_client_hears_only_of_its_own_jobs(daemon: Daemon) -> None:
    token = await daemon.token("swap")
    async with stream(daemon, token) as events:
        await daemon.finished(await daemon.swap())
        name = await daemon.put(b_picture(), token=token)
        posted = await daemon.ask("POST", "/v1/jobs", {"kind": "swap", "target": name, "reference": name}, token=token)
        assert (await anext(events))["data"]["id"] == posted.json["id"]


async def test_a_stream_ends_when_its_token_is_revoked(daemon: Daemon) -> None:
    made = (await daemon.ask("POST", "/v1/tokens", {"name": "batch", "scope": "swap"})).json
    async with stream(daemon, made["token"]) as events, asyncio.timeout(60):
        assert (await daemon.ask("DELETE", f"/v1/clients/{made['id']}")).status == 204
        await daemon.ask("POST", "/v1/queue/pause")
        assert [event async for event in events] == []


async def test_streams_end_with_the_daemon(open_daemon: Any) -> None:
    async with open_daemon() as daemon:
        reading = asyncio.create_task(read_all(daemon))
        await daemon.eventually(lambda: reading.done() or daemon.app[keys.EVENTS].waiting > 1)
    assert await reading == []


async def test_the_queue_and_the_worker_are_told_to_administrators(daemon: Daemon) -> None:
    async with stream(daemon) as events:
        await daemon.ask("POST", "/v1/queue/pause")
        assert (await next_of(events, "queue"))["data"]["paused"] is True


async def read_all(daemon: Daemon) -> list[Any]:
    async with stream(daemon) as events:
        return [event async for event in events]


def b_picture() -> bytes:
    import io

    import PIL.Image

    made = io.BytesIO()
    PIL.Image.new("RGB", (8, 8), (9, 9, 9)).save(made, "png")
    return made.getvalue()


@pytest.mark.parametrize(
    ("scope", "owner", "kind", "told"),
    [
        ("swap", "me", "job", True),
        ("swap", "other", "job", False),
        ("admin", "other", "job", True),
        ("models", None, "download", True),
        ("swap", None, "download", False),
        ("models", None, "queue", False),
        ("admin", None, "queue", True),
    ],
)
def test_an_event_goes_to_its_owner_or_to_the_scope_that_it_concerns(
    scope: Scope, owner: str | None, kind: str, told: bool
) -> None:
    assert concerns(Client("me", "name", frozenset({scope})), PublishedEvent(1, kind, {}, owner)) is told
