"""The queue and the worker as a whole: paused, resumed, given back."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.routes.body import reply
from mien_daemon.routes.route import Route
from mien_daemon.schemas import QueueCounts


async def pause(request: web.Request) -> web.Response:
    request.app[keys.QUEUE].pause(True)
    return reply(request.app[keys.QUEUE].counts())


async def resume(request: web.Request) -> web.Response:
    request.app[keys.QUEUE].pause(False)
    return reply(request.app[keys.QUEUE].counts())


async def unload(request: web.Request) -> web.Response:
    await request.app[keys.WORKER].unload()
    return web.Response(status=204)


async def restart(request: web.Request) -> web.Response:
    request.app[keys.WORKER].forgive()
    return web.Response(status=204)


ROUTES = (
    Route("POST", "/v1/queue/pause", pause, "Start no further job; what runs goes on", "admin", {200: QueueCounts}),
    Route("POST", "/v1/queue/resume", resume, "Start jobs again", "admin", {200: QueueCounts}),
    Route(
        "POST",
        "/v1/worker/unload",
        unload,
        "End the worker process and give its memory back",
        "admin",
        {204: None},
        problems=("job-unfinished",),
    ),
    Route("POST", "/v1/worker/restart", restart, "Try a worker again that died too often", "admin", {204: None}),
)
