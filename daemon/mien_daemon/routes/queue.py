"""The queue and the worker as a whole: paused, resumed, given back."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.http.body import reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import QueueCounts


async def pause_queue(request: web.Request) -> web.Response:
    await request.app[keys.QUEUE].pause(True)
    return reply(request.app[keys.QUEUE].counts())


async def resume_queue(request: web.Request) -> web.Response:
    await request.app[keys.QUEUE].pause(False)
    return reply(request.app[keys.QUEUE].counts())


async def unload_worker(request: web.Request) -> web.Response:
    await request.app[keys.WORKER].unload()
    return web.Response(status=204)


async def restart_worker(request: web.Request) -> web.Response:
    request.app[keys.WORKER].reset_deaths()
    return web.Response(status=204)


ROUTES = (
    Route(
        "POST", "/v1/queue/pause", pause_queue, "Start no further job; what runs goes on", "admin", {200: QueueCounts}
    ),
    Route("POST", "/v1/queue/resume", resume_queue, "Start jobs again", "admin", {200: QueueCounts}),
    Route(
        "POST",
        "/v1/worker/unload",
        unload_worker,
        "End the worker process and give its memory back",
        "admin",
        {204: None},
        problems=("job-unfinished",),
    ),
    Route("POST", "/v1/worker/restart", restart_worker, "Try a worker again that died too often", "admin", {204: None}),
)
