"""Pause and resume the queue; unload and restart the worker."""

from aiohttp import web
from pydantic import Field

from mien_daemon import keys
from mien_daemon.http.body import read_query, reply
from mien_daemon.http.health_schemas import QueueCounts
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Body


class UnloadQuery(Body):
    device: str | None = Field(default=None, max_length=20, description="Only the workers on this device; else all.")


async def pause_queue(request: web.Request) -> web.Response:
    await request.app[keys.QUEUE].pause(True)
    return reply(request.app[keys.QUEUE].counts())


async def resume_queue(request: web.Request) -> web.Response:
    await request.app[keys.QUEUE].pause(False)
    return reply(request.app[keys.QUEUE].counts())


async def unload_worker(request: web.Request) -> web.Response:
    await request.app[keys.WORKERS].unload(read_query(request, UnloadQuery).device)
    return web.Response(status=204)


async def restart_worker(request: web.Request) -> web.Response:
    request.app[keys.WORKERS].reset_deaths()
    return web.Response(status=204)


ROUTES = (
    Route(
        "POST",
        "/v1/queue/pause",
        "pause_queue",
        pause_queue,
        "Start no further job; the running one continues",
        "admin",
        {200: QueueCounts},
    ),
    Route("POST", "/v1/queue/resume", "resume_queue", resume_queue, "Start jobs again", "admin", {200: QueueCounts}),
    Route(
        "POST",
        "/v1/worker/unload",
        "unload_worker",
        unload_worker,
        "End the worker processes and free their memory",
        "admin",
        {204: None},
        query=UnloadQuery,
        problems=("job-unfinished",),
    ),
    Route(
        "POST",
        "/v1/worker/restart",
        "restart_worker",
        restart_worker,
        "Start the workers again although they died too often",
        "admin",
        {204: None},
    ),
)
