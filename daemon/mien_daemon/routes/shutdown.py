"""End the daemon cleanly, as SIGTERM does where there are signals."""

from aiohttp import web

from mien_daemon import keys
from mien_daemon.http.route import Route


async def stop_daemon(request: web.Request) -> web.Response:
    request.app[keys.STOP].set()
    return web.Response(status=202)


ROUTES = (
    Route(
        "POST",
        "/v1/shutdown",
        "stop_daemon",
        stop_daemon,
        "End the daemon: the running job is interrupted and kept",
        "local",
        {202: None},
    ),
)
