"""Pause and resume the queue; unload and restart the worker."""

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
        "End the worker process and free its memory",
        "admin",
        {204: None},
        problems=("job-unfinished",),
    ),
    Route(
        "POST",
        "/v1/worker/restart",
        "restart_worker",
        restart_worker,
        "Start a worker again although it died too often",
        "admin",
        {204: None},
    ),
)
