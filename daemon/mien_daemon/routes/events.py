"""Changes as server-sent events."""

import asyncio
import json

from aiohttp import web

from mien_daemon import keys
from mien_daemon.access.clients import Client
from mien_daemon.events import PublishedEvent
from mien_daemon.http.route import Route

QUIET_S = 15.0  # a comment after so long without an event: so a dead connection is noticed
STUCK_S = 10.0  # a reader that takes nothing for so long is disconnected


async def stream_events(request: web.Request) -> web.StreamResponse:
    """Events from now on, or after `Last-Event-ID`; after a `reset`, which means that some are lost, read the lists."""
    with request.app[keys.SHARES].streams.hold(request[keys.CLIENT]):
        return await _stream(request)


async def _stream(request: web.Request) -> web.StreamResponse:
    app, client = request.app, request[keys.CLIENT]
    events, clients = app[keys.EVENTS], app[keys.CLIENTS]
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    resumed = request.headers.get("Last-Event-ID")
    since = events.number(resumed) if resumed else events.last
    await write(response, "retry: 2000\n\n")
    while not events.closed and clients.authenticate(bearer(request)) is not None:
        happened = events.since(since) if since is not None else None
        if happened is None:
            since = events.last
            await write(response, f"id: {events.name(since)}\nevent: reset\ndata: {{}}\n\n")
            continue
        for event in happened:
            since = event.number
            if concerns(client, event):
                await write(response, frame(events.name(event.number), event))
        try:
            async with asyncio.timeout(QUIET_S):
                await events.wait_beyond(since or 0)
        except TimeoutError:
            await write(response, ": still here\n\n")
    return response


def concerns(client: Client, event: PublishedEvent) -> bool:
    """Whether a client is sent an event: of its own jobs, of downloads with scope models, of all with scope admin."""
    if event.owner is not None:
        return client.sees(event.owner)
    return client.may("models" if event.kind == "download" else "admin")


def frame(name: str, event: PublishedEvent) -> str:
    data = json.dumps(event.data, separators=(",", ":"))
    return f"id: {name}\nevent: {event.kind}\ndata: {data}\n\n"


def bearer(request: web.Request) -> str:
    return request.headers.get("Authorization", "").partition(" ")[2].strip()


async def write(response: web.StreamResponse, text: str) -> None:
    try:
        async with asyncio.timeout(STUCK_S):
            await response.write(text.encode())
    except TimeoutError:
        raise ConnectionError("the reader takes nothing") from None


ROUTES = (
    Route(
        "GET",
        "/v1/events",
        "stream_events",
        stream_events,
        "Jobs, downloads, queue and worker as they change",
        "swap",
        {200: "text/event-stream"},
        headers={"Last-Event-ID": "The id of the last event that was seen"},
        problems=("too-many-requests",),
    ),
)
